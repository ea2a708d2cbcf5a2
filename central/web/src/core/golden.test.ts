// What Go wrote, this library must write byte for byte: testdata/pass/passes.json,
// testdata/credential/credentials.json and testdata/identity/terms.json.
import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { accreditedMessage, accreditedText } from './accredited';
import { base45, unbase45 } from './base45';
import { type Bytes, b64u, hex, unb64u, unhex, utf8 } from './bytes';
import { asArray, asBytes, decode } from './cbor';
import { challengeFor, challengeText, type Nonce, parseNonce } from './challenge';
import { checkTail } from './clientdata';
import { didMessage, didOf, didTerms, keyIdOf, keyOf } from './did';
import { codeOf } from './fault';
import { pack, payloadOf } from './pack';
import { parsePart, split } from './parts';
import { kindOf, open, paperText, prefix, qrVersion } from './pass';
import { draw } from './qr';
import { Session, slotMs } from './session';
import { acceptTerms, askTerms, transferTerms } from './terms';
import { parseTicket } from './ticket';
import { signingInput } from './vp';

interface Golden {
  relying_party: { id: string; origin: string };
  base45: { hex: string; text: string }[];
  nonces: { gate: string; value_hex: string; issued: number; text: string }[];
  sessions: {
    name: string;
    ticket: string;
    start: number;
    slots: number;
    lease_hex?: string;
    seed_hex: string;
    challenge: string;
    authenticator_data: string;
    client_data_json: string;
    signature: string;
    texts: string[];
  }[];
  accredited: { name: string; ticket: string; nonce: number; message_hex: string; signature_hex: string; text: string }[];
  passes: { name: string; text: string; form?: string; ticket?: string; holder?: string; qr_version_l: number; verdict: string }[];
  splits: { name: string; packed_hex: string; texts: string[] }[];
  parts: { name: string; texts: string[]; packed_hex?: string; verdict: string }[];
}

const golden = JSON.parse(readFileSync(new URL('../../../../testdata/pass/passes.json', import.meta.url), 'utf8')) as Golden;
const rp = golden.relying_party;
const thrown = (f: () => unknown): string => {
  try {
    f();
  } catch (e) {
    return codeOf(e);
  }
  return 'ok';
};

describe('base45', () => {
  test.each(golden.base45)('$hex', (c) => {
    expect(base45(unhex(c.hex))).toBe(c.text);
    expect(hex(unbase45(c.text))).toBe(c.hex);
  });
});

describe('nonces', () => {
  test.each(golden.nonces)('$gate', (c) => {
    expect(parseNonce(c.text)).toEqual({ gate: c.gate, value: unhex(c.value_hex), issued: c.issued, text: c.text });
  });
});

describe('sessions', () => {
  test.each(golden.sessions)('$name', async (c) => {
    const s = await Session.begin({
      ticket: unhex(c.ticket),
      start: c.start * 1000 + 999,
      slots: c.slots,
      lease: c.lease_hex ? unhex(c.lease_hex) : null,
      seed: unhex(c.seed_hex),
    });
    expect(b64u(s.challenge)).toBe(c.challenge);
    expect(thrown(() => s.code(c.start * 1000))).toBe('user_not_verified');
    const assertion = {
      authenticatorData: unb64u(c.authenticator_data),
      clientDataJSON: utf8(c.client_data_json),
      signature: unb64u(c.signature),
    };
    await s.seal(rp, assertion);
    c.texts.forEach((text, slot) => {
      for (const at of [0, slotMs - 1]) {
        const now = c.start * 1000 + slot * slotMs + at;
        expect(s.code(now)).toEqual({ text, slot, until: c.start * 1000 + (slot + 1) * slotMs });
      }
    });
    expect(s.ends).toBe((c.start + c.texts.length * 4) * 1000);
    expect(thrown(() => s.code(s.ends))).toBe('session_over');
    expect(thrown(() => s.code(s.begins - 1))).toBe('too_early');
  });
});

describe('passes', () => {
  const whole = golden.passes.filter((c) => c.verdict === 'ok');
  test.each(whole)('$name', (c) => {
    expect(kindOf(c.text)).toBe(c.form);
    expect(qrVersion(c.text)).toBe(c.qr_version_l);
    const picture = draw(c.text);
    expect(picture.version).toBe(c.qr_version_l);
    expect(picture.modules).toBe(17 + 4 * picture.version);
    expect(picture.size).toBe(picture.modules + 8);
  });

  const carried = golden.passes.filter((c) => c.verdict === 'ok' && (c.form === 'paper' || c.text.length > 300));
  test('some carry a ticket', () => expect(carried.length).toBeGreaterThan(2));
  test.each(carried)('ticket in: $name', (c) => {
    const body = unbase45(c.text.slice(4));
    const signed = c.form === 'paper' ? body : asBytes((decode(body) as Bytes[])[0]);
    const t = parseTicket(signed);
    expect(hex(t.id)).toBe(c.ticket);
    expect(t.holder ? b64u(t.holder) : '').toBe(c.form === 'paper' ? '' : c.holder);
    if (c.form === 'paper') expect(paperText(signed)).toBe(c.text);
  });

  // A full form of the wallet is the text that Go took.
  test('challenge passes are made again from their parts', async () => {
    const some = golden.passes.filter((c) => c.verdict === 'ok' && c.form === 'challenge');
    expect(some.length).toBeGreaterThan(0);
    for (const c of some) {
      const [ticket, , flags, counter, shape] = asArray(open('challenge', c.text), 7);
      const id = unhex(c.ticket!);
      expect(ticket).toBeInstanceOf(Uint8Array);
      expect([flags, counter, shape].every((n) => typeof n === 'number')).toBe(true);
      const n: Nonce = parseNonce(golden.nonces[0]!.text);
      const challenge = await challengeFor(id, n);
      const clientDataJSON = utf8(`{"type":"webauthn.get","challenge":"${b64u(challenge)}","origin":"${rp.origin}","crossOrigin":false}`);
      const raw = asBytes(asArray(open('challenge', c.text), 7)[6], 64);
      const carriedTicket = asBytes(ticket).length === 16 ? null : asBytes(ticket);
      const text = await challengeText(rp, id, n, { authenticatorData: authenticator(flags as number, counter as number), clientDataJSON, signature: der(raw) }, carriedTicket);
      expect(text).toBe(c.text);
    }
  });
});

function authenticator(flags: number, counter: number): Bytes {
  const d = unb64u(golden.sessions[0]!.authenticator_data);
  d[32] = flags;
  new DataView(d.buffer).setUint32(33, counter);
  return d;
}

/** der writes a raw signature as an authenticator does. */
function der(raw: Bytes): Bytes {
  const integer = (b: Bytes) => {
    let digits = [...b];
    while (digits.length > 1 && digits[0] === 0 && !(digits[1]! & 0x80)) digits = digits.slice(1);
    if (digits[0]! & 0x80) digits.unshift(0);
    return [2, digits.length, ...digits];
  };
  const both = [...integer(raw.slice(0, 32)), ...integer(raw.slice(32))];
  return Uint8Array.from([0x30, both.length, ...both]);
}

describe('accredited', () => {
  test.each(golden.accredited)('$name', (c) => {
    const n = parseNonce(golden.nonces[c.nonce]!.text);
    const id = unhex(c.ticket);
    expect(hex(accreditedMessage(id, n))).toBe(c.message_hex);
    const [field] = asArray(open('accredited', c.text), 3);
    const carried = asBytes(field).length === 16 ? null : asBytes(field);
    expect(accreditedText(id, n, unhex(c.signature_hex), carried)).toBe(c.text);
  });
});

describe('parts', () => {
  test.each(golden.splits)('split: $name', async (c) => {
    expect(await split(unhex(c.packed_hex))).toEqual(c.texts);
    c.texts.forEach((t, index) => {
      expect(parsePart(t)).toMatchObject({ index, total: c.texts.length });
      expect(t.length).toBeLessThanOrEqual(279); // version 8
    });
  });

  test.each(golden.parts.filter((c) => c.verdict === 'malformed' || c.verdict === 'foreign'))('refused: $name', (c) => {
    expect(c.texts.map((t) => thrown(() => parsePart(t)))).toContain(c.verdict);
  });
});

describe('texts that Go refuses to read', () => {
  const nonces = golden.passes.filter((c) => c.verdict === 'malformed' && c.text.startsWith(prefix.nonce));
  test.each(nonces)('as a pass: $name', (c) => expect(thrown(() => open('challenge', c.text))).toBe('foreign'));
  const damaged = golden.passes.filter((c) => c.verdict === 'malformed' && !c.text.startsWith(prefix.nonce) && kindOf(c.text));
  test.each(damaged)('damaged: $name', (c) => {
    const kind = kindOf(c.text)!;
    expect(['malformed', 'client_data']).toContain(thrown(() => read(kind, c.text)));
  });

  // A wallet reads no passes; this is only as much as finds the damage in the vectors.
  function read(kind: NonNullable<ReturnType<typeof kindOf>>, text: string): void {
    if (kind === 'paper') {
      if (text.length > 1024) open(kind, text);
      parseTicket(unbase45(text.slice(4)));
      return;
    }
    const lengths = { rotating: 12, challenge: 7, accredited: 3, part: 4, nonce: 3 };
    const body = asArray(open(kind, text), lengths[kind]);
    const field = asBytes(body[0]);
    if (field.length !== 16) parseTicket(field);
    if (kind === 'rotating' && (body[9] as number) >= 4) checkTail(asBytes(body[10]));
  }
});

// sync/credential's vectors: what the wallet signs, and how it packs it.
describe('presentations', () => {
  const { parties, presentations } = JSON.parse(
    readFileSync(new URL('../../../../testdata/credential/credentials.json', import.meta.url), 'utf8'),
  ) as {
    parties: { did: string; kid: string; alg: string; public_hex: string }[];
    presentations: { name: string; audience: string; nonce: string; verdict: string; signing_input: string; vp: string; packed_hex: string; plain_hex: string }[];
  };

  test.each(parties.filter((p) => p.alg === 'ES256'))('DID $did', (p) => {
    expect(didOf(unhex(p.public_hex))).toBe(p.did);
    expect(hex(keyOf(p.did))).toBe(p.public_hex);
    expect(keyIdOf(p.did)).toBe(p.kid);
  });

  test.each(presentations)('$name', async (c) => {
    const claims = payloadOf(c.vp) as { iss: string; aud: string[]; nonce: string; nbf: number; exp: number; vp: { verifiableCredential: string[] } };
    const said = { holder: claims.iss, audience: claims.aud[0]!, nonce: claims.nonce, from: claims.nbf, until: claims.exp };
    expect(signingInput(said, claims.vp.verifiableCredential)).toBe(c.signing_input);
    if (c.verdict === 'ok') expect(said).toMatchObject({ audience: c.audience, nonce: c.nonce });

    const [packed, theirs] = [await pack(c.vp), unhex(c.packed_hex)];
    const before = 2 + 64 * (theirs[1]! + 1);
    expect(hex(packed.slice(0, before))).toBe(hex(theirs.slice(0, before)));
    expect(inflateRawSync(packed.slice(before)).toString('hex')).toBe(c.plain_hex);
    expect(packed.length).toBeLessThanOrEqual(theirs.length + 16);
  });
});

// central/identity's vectors: what a passkey and a DID's key sign for central.
describe('terms', () => {
  const t = JSON.parse(readFileSync(new URL('../../../../testdata/identity/terms.json', import.meta.url), 'utf8')) as {
    challenge: string;
    did: string;
    passkey: string;
    ticket: string;
    version: number;
    to: string;
    event: number;
    zone: number;
    class: number;
    did_message: string;
    did_terms: string;
    give_terms: string;
    accept_terms: string;
    ask_terms: string;
  };
  const challenge = unhex(t.challenge);
  const transfer = { challenge, ticket: unhex(t.ticket), version: t.version, from: unhex(t.passkey), to: unhex(t.to) };

  test.each<[string, () => Promise<Bytes>, string]>([
    ['what the DID’s key signs', () => didMessage(challenge, t.did, unhex(t.passkey)), t.did_message],
    ['what the passkey signs for a DID', () => didTerms(challenge, t.did), t.did_terms],
    ['giving', () => transferTerms(transfer), t.give_terms],
    ['accepting', () => acceptTerms(transfer), t.accept_terms],
    ['asking', () => askTerms(challenge, t.event, t.zone, t.class, t.did), t.ask_terms],
  ])('%s', async (_, make, want) => {
    expect(want).toMatch(/^[0-9a-f]{64,}$/);
    expect(hex(await make())).toBe(want);
  });
});
