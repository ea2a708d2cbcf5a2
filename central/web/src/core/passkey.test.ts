import { afterEach, describe, expect, test, vi } from 'vitest';
import { b64u, unb64u } from './bytes';
import { codeOf } from './fault';
import { answer, assert, register } from './passkey';

const challenge = { challenge: b64u(new Uint8Array(32).fill(1)), expires: '', rp: { id: 'localhost', name: 'conting' }, user_id: b64u(new Uint8Array(16).fill(2)) };
const bytes = (...b: number[]) => Uint8Array.from(b).buffer;

function authenticator(o: { create?: unknown; get?: unknown; refuse?: string }) {
  const asked: { publicKey: PublicKeyCredentialCreationOptions & PublicKeyCredentialRequestOptions }[] = [];
  const say = (what: unknown) => async (options: (typeof asked)[number]) => {
    asked.push(options);
    if (o.refuse) throw new DOMException('no', o.refuse);
    return what ?? null;
  };
  vi.stubGlobal('navigator', { credentials: { create: say(o.create), get: say(o.get) } });
  return asked;
}

describe('passkey', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });

  test('a new one is verified by its user, kept on the phone and without attestation', async () => {
    const response = { attestationObject: bytes(1), clientDataJSON: bytes(2), getTransports: () => ['internal'] };
    const asked = authenticator({ create: { type: 'public-key', rawId: bytes(9), response } });
    const made = await register(challenge, 'k@x.kr', ['AAE']);
    expect(made).toEqual({ id: 'CQ', attestation_object: 'AQ', client_data_json: 'Ag', transports: ['internal'] });
    expect(asked[0]?.publicKey).toMatchObject({
      rp: challenge.rp,
      challenge: unb64u(challenge.challenge),
      user: { id: unb64u(challenge.user_id), name: 'k@x.kr' },
      pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      attestation: 'none',
      excludeCredentials: [{ type: 'public-key', id: unb64u('AAE') }],
    });
  });

  const got = {
    type: 'public-key',
    rawId: bytes(7),
    response: { authenticatorData: bytes(1), clientDataJSON: bytes(2), signature: bytes(3) },
  };

  test('an assertion is verified by the user and of the passkey that is asked for', async () => {
    const asked = authenticator({ get: got });
    const a = await assert('localhost', new Uint8Array(32), 'Bw');
    expect(a.assertion).toEqual({ authenticatorData: Uint8Array.of(1), clientDataJSON: Uint8Array.of(2), signature: Uint8Array.of(3) });
    expect(asked[0]?.publicKey).toMatchObject({ rpId: 'localhost', userVerification: 'required', allowCredentials: [{ id: Uint8Array.of(7) }] });
  });

  test('central’s challenge goes back with the answer, and terms are signed in its place', async () => {
    const asked = authenticator({ get: got });
    const terms = new Uint8Array(32).fill(5);
    expect(await answer(challenge, undefined, terms)).toEqual({
      credentialId: 'Bw',
      signed: { challenge: challenge.challenge, authenticator_data: 'AQ', client_data_json: 'Ag', signature: 'Aw' },
    });
    expect(asked[0]?.publicKey).toMatchObject({ challenge: terms, allowCredentials: [] });
    await answer(challenge);
    expect(asked[1]?.publicKey.challenge).toEqual(unb64u(challenge.challenge));
  });

  test.each([
    ['NotAllowedError', 'cancelled'],
    ['AbortError', 'cancelled'],
    ['InvalidStateError', 'passkey_exists'],
    ['SecurityError', 'wrong_site'],
    ['NotSupportedError', 'unsupported'],
    ['ConstraintError', 'unsupported'],
    ['UnknownError', 'internal'],
  ])('%s is %s', async (refuse, code) => {
    authenticator({ refuse });
    expect(codeOf(await assert('localhost', new Uint8Array(32)).catch((e: unknown) => e))).toBe(code);
    expect(codeOf(await register(challenge, 'k@x.kr').catch((e: unknown) => e))).toBe(code);
  });

  test('none chosen, and none supported', async () => {
    authenticator({});
    expect(codeOf(await assert('localhost', new Uint8Array(32)).catch((e: unknown) => e))).toBe('cancelled');
    vi.stubGlobal('navigator', {});
    expect(codeOf(await assert('localhost', new Uint8Array(32)).catch((e: unknown) => e))).toBe('unsupported');
  });
});
