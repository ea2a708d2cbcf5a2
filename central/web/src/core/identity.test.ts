import { createHash, createPublicKey, verify } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { b64u, type Bytes, hex, unb64u, unhex, utf8 } from './bytes';
import { parseNonce } from './challenge';
import { didMessage, didOf, didTerms, Identity, keyIdOf, keyOf } from './did';
import { codeOf } from './fault';
import { pack, payloadOf } from './pack';
import { acceptTerms, askTerms, transferTerms } from './terms';
import { present } from './vp';

const thrown = (f: () => unknown): string => {
  try {
    f();
  } catch (e) {
    return codeOf(e);
  }
  return 'ok';
};
const sha = (...parts: (string | Uint8Array)[]) => {
  const h = createHash('sha256');
  for (const p of parts) h.update(p);
  return h.digest('hex');
};

/** verifies checks ES256 with Node's OpenSSL, not with what signed. */
function verifies(did: string, message: string | Uint8Array, signature: Uint8Array): boolean {
  const spki = Buffer.concat([Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'), keyOf(did)]);
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  return verify('sha256', Buffer.from(message as Uint8Array), { key, dsaEncoding: 'ieee-p1363' }, signature);
}

describe('did:key', () => {
  // did:key specification, test vectors of P-256.
  test.each([
    'did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169',
    'did:key:zDnaerx9CtbPJ1q36T5Ln5wYt3MQYeGRG5ehnPAmxcf5mDZpv',
  ])('%s', (did) => {
    expect(didOf(keyOf(did))).toBe(did);
    expect(keyIdOf(did)).toBe(`${did}#${did.slice(8)}`);
  });

  test.each([
    ['Ed25519', 'did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp'],
    ['did:web', 'did:web:example.org'],
    ['another base', 'did:key:mEiA'],
    ['a character of no alphabet', 'did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2l69'],
    ['cut', 'did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU216'],
    ['a leading zero', 'did:key:z1DnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169'],
    ['long', `did:key:z${'D'.repeat(5000)}`],
    ['with a fragment', 'did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169#a'],
  ])('%s is refused', (_, did) => expect(thrown(() => keyOf(did))).toBe('malformed'));

  test('a new identity signs what its DID verifies, low s', async () => {
    const who = await Identity.create();
    expect(who.did).toMatch(/^did:key:zDnae/);
    expect(who.keys.privateKey.extractable).toBe(false);
    for (let i = 0; i < 20; i++) {
      const signature = await who.sign(utf8(`message ${i}`));
      expect(signature[32]! & 0x80).toBe(0);
      expect(verifies(who.did, utf8(`message ${i}`), signature)).toBe(true);
      expect(verifies(who.did, utf8('another'), signature)).toBe(false);
    }
    await expect(crypto.subtle.exportKey('pkcs8', who.keys.privateKey)).rejects.toThrow();
  });
});

describe('terms', () => {
  const challenge = new Uint8Array(32).fill(9);
  const ticket = unhex('deadbeef0405060708090a0b0c0d0e0f');
  const [from, to] = [new Uint8Array(33).fill(2), new Uint8Array(33).fill(3)];
  const did = 'did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169';

  test('of a DID', async () => {
    expect(hex(await didTerms(challenge, did))).toBe(sha('conting/did/v1\0', challenge, did));
    expect(hex(await didMessage(challenge, did, from))).toBe(
      Buffer.from('conting/did/v1\0').toString('hex') + sha(challenge) + sha(did) + '02'.repeat(33),
    );
  });
  test('of a transfer and its acceptance', async () => {
    const t = { challenge, ticket, version: 258, from, to };
    const rest = [challenge, ticket, Buffer.from('00000102', 'hex'), from, to];
    expect(hex(await transferTerms(t))).toBe(sha('conting/transfer/v1\0', ...rest));
    expect(hex(await acceptTerms(t))).toBe(sha('conting/transfer-accept/v1\0', ...rest));
    await expect(transferTerms({ ...t, to: to.slice(1) })).rejects.toThrow();
  });
  test('of an ask', async () => {
    expect(hex(await askTerms(challenge, 7, 513, 4, did))).toBe(sha('conting/ask/v1\0', challenge, Buffer.from('00000007020104', 'hex'), did));
    await expect(askTerms(challenge, 7, 70000, 4, did)).rejects.toThrow();
  });
});

/** unpack is Go's Unpack, with another implementation of DEFLATE. */
function unpack(packed: Bytes): string {
  const n = packed[1]!;
  const signatures = Array.from({ length: n + 1 }, (_, i) => packed.slice(2 + 64 * i, 66 + 64 * i));
  const plain = inflateRawSync(packed.slice(2 + 64 * (n + 1)));
  let at = 0;
  const number = () => plain.readUInt16BE((at += 2) - 2);
  const segment = () => {
    const size = number();
    return plain.subarray((at += size) - size, at);
  };
  const jws = (h: Uint8Array, p: Uint8Array, s: Uint8Array) => `${b64u(h)}.${b64u(p)}.${b64u(s)}`;
  const header = segment();
  const payload = segment();
  const whole: Uint8Array[] = [];
  let from = 0;
  for (let i = 0; i < n; i++) {
    const place = number();
    whole.push(payload.subarray(from, place), utf8(jws(segment(), segment(), signatures[i + 1]!)));
    from = place;
  }
  whole.push(payload.subarray(from));
  expect(packed[0]).toBe(1);
  expect(at).toBe(plain.length);
  return jws(header, Buffer.concat(whole), signatures[0]!);
}

describe('presentations', async () => {
  const who = await Identity.create();
  const nonce = parseNonce('CTN1ORGB/D5LET7DGA6100KB0*M0DY0CF3S-KG0');
  const now = 1_789_232_400_500;
  const credential = async (role: string) => {
    const input = `${b64u(utf8('{"alg":"ES256","kid":"did:key:x#x"}'))}.${b64u(utf8(JSON.stringify({ iss: who.did, vc: { role } })))}`;
    return `${input}.${b64u(await who.sign(utf8(input)))}`;
  };

  test('say who, to whom, in answer to what, and for how long', async () => {
    const jwt = await credential('steward');
    const vp = await present(who, [jwt], nonce, now);
    const [header, payload, signature] = vp.split('.') as [string, string, string];
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({ alg: 'ES256', kid: keyIdOf(who.did) });
    expect(payloadOf(vp)).toEqual({
      iss: who.did,
      aud: ['conting:gate:north-1'],
      nonce: nonce.text,
      nbf: 1_789_232_340,
      exp: 1_789_232_520,
      vp: { '@context': ['https://www.w3.org/2018/credentials/v1'], type: ['VerifiablePresentation'], verifiableCredential: [jwt] },
    });
    expect(verifies(who.did, utf8(`${header}.${payload}`), unb64u(signature))).toBe(true);
  });

  test.each([0, 5])('of %i credentials are refused', async (n) => {
    await expect(present(who, Array<string>(n).fill('a.b.c'), nonce, now).catch(codeOf)).resolves.toBe('part_missing');
  });

  test.each([1, 2, 4])('of %i credentials are packed and come out the same', async (n) => {
    const jwts = await Promise.all(Array.from({ length: n }, (_, i) => credential(`role "${i}" 안내 \\`)));
    const vp = await present(who, jwts, nonce, now);
    const packed = await pack(vp);
    expect(packed[1]).toBe(n);
    expect(unpack(packed)).toBe(vp);
    expect(packed.length).toBeLessThan(vp.length / 2);
  });

  test('what is no credential stays where it is', async () => {
    const sign = async (payload: string) => {
      const input = `${b64u(utf8('{}'))}.${b64u(utf8(payload))}`;
      return `${input}.${b64u(await who.sign(utf8(input)))}`;
    };
    const jwt = await credential('x');
    for (const payload of ['{"a":"a.b.c","b":""}', `"${jwt}`, `${jwt}"`, `{"${jwt}":"${jwt}","x":"\\"${jwt}"}`, '"', '한', `["${jwt}","${jwt}","${jwt}","${jwt}","${jwt}"]`]) {
      const vp = await sign(payload);
      expect(unpack(await pack(vp)), payload).toBe(vp);
    }
  });

  test.each([
    ['no JWS', 'a.b', 'malformed'],
    ['an empty part', 'a..b', 'malformed'],
    ['spare bits', `AA.AB.${'A'.repeat(86)}`, 'malformed'],
    ['a short signature', 'AA.AA.AA', 'malformed'],
    ['too long', 'A'.repeat(20_000), 'too_large'],
  ])('%s is refused', async (_, vp, code) => {
    await expect(pack(vp).catch(codeOf)).resolves.toBe(code);
  });

  test('what does not get small enough is refused', async () => {
    const noise = b64u(crypto.getRandomValues(new Uint8Array(3000)));
    const vp = `${b64u(utf8('{}'))}.${b64u(utf8(noise))}.${b64u(new Uint8Array(64))}`;
    await expect(pack(vp).catch(codeOf)).resolves.toBe('too_large');
  });
});
