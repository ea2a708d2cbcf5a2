// What comes from outside is bytes of anybody's: every reader answers with a value
// or a Fault, and with nothing else, in a time that its length bounds.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { unbase45 } from './base45';
import { text, unb64u, unhex, utf8 } from './bytes';
import { decode, encode, type Item } from './cbor';
import { parseNonce } from './challenge';
import { shapeOf } from './clientdata';
import { rawLowS } from './der';
import { keyOf } from './did';
import { Fault } from './fault';
import { payloadOf } from './pack';
import { parsePart } from './parts';
import { kindOf } from './pass';
import { parseTicket } from './ticket';

const golden = JSON.parse(readFileSync(new URL('../../../../testdata/pass/passes.json', import.meta.url), 'utf8')) as {
  relying_party: { origin: string };
  nonces: { text: string }[];
  sessions: { client_data_json: string; signature: string; challenge: string }[];
  passes: { text: string; form?: string; verdict: string }[];
  parts: { texts: string[] }[];
};
const credentials = JSON.parse(readFileSync(new URL('../../../../testdata/credential/credentials.json', import.meta.url), 'utf8')) as {
  parties: { did: string }[];
  presentations: { vp: string }[];
};

/** A small generator of numbers, the same in every run. */
function numbers(seed: number): (below: number) => number {
  let x = seed;
  return (below) => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return Math.floor((x / 2 ** 32) * below);
  };
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:az{}"\\,é\u0000\ud800';
const any = numbers(45);

function spoilText(s: string): string {
  const at = any(s.length + 1);
  const c = alphabet[any(alphabet.length)]!;
  return [s.slice(0, at) + c + s.slice(at + 1), s.slice(0, at) + c + s.slice(at), s.slice(0, at), s.slice(0, at) + s.slice(at + 1), c.repeat(at)][any(5)]!;
}

function spoilBytes(b: Uint8Array): Uint8Array {
  const out = Uint8Array.from(b);
  const at = any(out.length);
  switch (any(4)) {
    case 0:
      out[at]! ^= 1 << any(8);
      return out;
    case 1:
      return out.subarray(0, at);
    case 2:
      return Uint8Array.of(...out, any(256));
    default:
      out[at] = any(256);
      return out;
  }
}

const paper = golden.passes.filter((c) => c.form === 'paper' && c.verdict === 'ok').map((c) => unbase45(c.text.slice(4)));
const session = golden.sessions[0]!;

const readers: readonly [string, readonly (string | Uint8Array)[], (input: never) => unknown][] = [
  ['parseNonce', golden.nonces.map((n) => n.text), parseNonce],
  ['parsePart', golden.parts.flatMap((p) => p.texts), parsePart],
  ['kindOf', golden.passes.map((p) => p.text), kindOf],
  ['unbase45', golden.passes.map((p) => p.text.slice(4)), unbase45],
  ['parseTicket', paper, parseTicket],
  ['cbor', paper.map((b) => b.subarray(1)), decode],
  ['rawLowS', golden.sessions.map((s) => unb64u(s.signature)), rawLowS],
  ['text', [utf8('한강 콘서트홀')], text],
  ['keyOf', credentials.parties.map((p) => p.did), keyOf],
  ['payloadOf', credentials.presentations.map((p) => p.vp), payloadOf],
  ['clientdata', [utf8(session.client_data_json)], (b: Uint8Array) => shapeOf(unb64u(session.challenge), golden.relying_party.origin, b)],
];

describe('whatever is read', () => {
  test.each(readers)('%s', (_, good, read) => {
    let refused = 0;
    for (let i = 0; i < 3000; i++) {
      let input = good[i % good.length]!;
      for (let n = any(3); n >= 0; n--) input = typeof input === 'string' ? spoilText(input) : input.length ? spoilBytes(input) : input;
      try {
        read(input as never);
      } catch (thrown) {
        if (!(thrown instanceof Fault)) throw thrown;
        refused++;
      }
    }
    if (read !== kindOf) expect(refused).toBeGreaterThan(100);
  });
});

describe('base45', () => {
  // The alphabet has a space, which people and readers like to trim: no code of ours
  // may end or begin with one. The last character is the most significant digit.
  test('never ends in a space', () => {
    for (const last of [0, 1, 36, 45, 254, 255]) for (const b of [[last], [last, 255], [255, last], [36, last, 255]]) {
      expect(encodeText(b)).not.toMatch(/ $/);
    }
  });
  test('keeps the spaces within', () => {
    const b = [...Array(65536).keys()].map((n) => [n >> 8, n & 255]).find((p) => / /.test(encodeText(p)))!;
    expect([...unbase45(encodeText(b))]).toEqual(b);
  });
});

function encodeText(b: number[]): string {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';
  let out = '';
  for (let i = 0; i < b.length; i += 2) {
    let n = i + 1 < b.length ? b[i]! * 256 + b[i + 1]! : b[i]!;
    for (let k = i + 1 < b.length ? 3 : 2; k > 0; k--, n = Math.floor(n / 45)) out += digits[n % 45];
  }
  return out;
}

describe('cbor', () => {
  test.each([
    ['a length that nothing follows', 'bb001fffffffffffff'],
    ['a length beyond what numbers hold', 'bbffffffffffffffff'],
    ['an array as long as the world', '9affffffff'],
    ['nine arrays deep', '818181818181818181818100'],
  ])('%s is refused at once', (_, bytes) => expect(() => decode(unhex(bytes))).toThrow(Fault));

  test('the least number', () => {
    const least: Item = -Number.MAX_SAFE_INTEGER;
    expect(decode(encode(least))).toBe(least);
  });
});
