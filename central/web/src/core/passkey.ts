import type { Assertion } from './assertion';
import { type Bytes, b64u, copy, unb64u } from './bytes';
import { Fault } from './fault';
import type { Challenge, NewCredential, Signed } from './wire';

/** supported is whether this browser and device have passkeys with user verification. */
export async function supported(): Promise<boolean> {
  if (typeof PublicKeyCredential === 'undefined') return false;
  return PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable().catch(() => false);
}

const timeout = 60_000;
const es256 = -7;

/** register makes a passkey for an e-mail address, and proves its user. */
export async function register(challenge: Challenge, email: string, exclude: readonly string[] = []): Promise<NewCredential> {
  if (!challenge.user_id) throw new Fault('malformed', 'challenge without a user id');
  const made = await ask(() =>
    navigator.credentials.create({
      publicKey: {
        rp: challenge.rp,
        user: { id: unb64u(challenge.user_id!), name: email, displayName: email },
        challenge: unb64u(challenge.challenge),
        pubKeyCredParams: [{ type: 'public-key', alg: es256 }],
        excludeCredentials: exclude.map((id) => ({ type: 'public-key', id: unb64u(id) })),
        authenticatorSelection: { residentKey: 'required', requireResidentKey: true, userVerification: 'required' },
        attestation: 'none',
        timeout,
      },
    }),
  );
  const response = made.response as AuthenticatorAttestationResponse;
  return {
    id: b64u(new Uint8Array(made.rawId)),
    attestation_object: b64u(new Uint8Array(response.attestationObject)),
    client_data_json: b64u(new Uint8Array(response.clientDataJSON)),
    transports: response.getTransports?.() ?? [],
  };
}

export interface Answered {
  /** Which passkey answered. */
  readonly credentialId: Bytes;
  readonly assertion: Assertion;
}

/**
 * assert has a passkey sign a challenge, with user verification. With a credential id
 * it must be that one; without, the person chooses.
 */
export async function assert(rpId: string, challenge: Uint8Array, credentialId?: string, signal?: AbortSignal): Promise<Answered> {
  const got = await ask(() =>
    navigator.credentials.get({
      publicKey: {
        rpId,
        challenge: copy(challenge),
        allowCredentials: credentialId ? [{ type: 'public-key', id: unb64u(credentialId) }] : [],
        userVerification: 'required',
        timeout,
      },
      ...(signal ? { signal } : {}),
    }),
  );
  const response = got.response as AuthenticatorAssertionResponse;
  return {
    credentialId: new Uint8Array(got.rawId),
    assertion: {
      authenticatorData: new Uint8Array(response.authenticatorData),
      clientDataJSON: new Uint8Array(response.clientDataJSON),
      signature: new Uint8Array(response.signature),
    },
  };
}

/**
 * answer signs a challenge of central's. Where the passkey signs terms that contain
 * the challenge, they are given; else it signs the challenge itself.
 */
export async function answer(c: Challenge, credentialId?: string, terms?: Uint8Array): Promise<{ credentialId: string; signed: Signed }> {
  const a = await assert(c.rp.id, terms ?? unb64u(c.challenge), credentialId);
  return { credentialId: b64u(a.credentialId), signed: toWire(c.challenge, a.assertion) };
}

/** forget tells who keeps the passkeys that one of them opens nothing any more, where the browser can. */
export async function forget(rpId: string, credentialId: string): Promise<void> {
  const keeper = globalThis.PublicKeyCredential as unknown as { signalUnknownCredential?: (o: { rpId: string; credentialId: string }) => Promise<void> } | undefined;
  await keeper?.signalUnknownCredential?.({ rpId, credentialId }).catch(() => undefined);
}

/** toWire is an assertion as central takes it. */
export function toWire(challenge: string, a: Assertion): Signed {
  return {
    challenge,
    authenticator_data: b64u(a.authenticatorData),
    client_data_json: b64u(a.clientDataJSON),
    signature: b64u(a.signature),
  };
}

async function ask(f: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  let c: Credential | null;
  try {
    if (typeof navigator.credentials?.get !== 'function') throw new Fault('unsupported', 'the browser has no passkeys');
    c = await f();
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw refused(cause);
  }
  if (c?.type !== 'public-key') throw new Fault('cancelled', 'no passkey was chosen');
  return c as PublicKeyCredential;
}

/**
 * refused names what the authenticator said. Browsers do not tell a refused finger
 * from a closed dialogue or a passkey that is not there: all are NotAllowedError.
 */
export function refused(cause: unknown): Fault {
  const name = typeof cause === 'object' && cause !== null && 'name' in cause ? String(cause.name) : '';
  const codes: Record<string, string> = {
    NotAllowedError: 'cancelled',
    AbortError: 'cancelled',
    InvalidStateError: 'passkey_exists',
    SecurityError: 'wrong_site',
    NotSupportedError: 'unsupported',
    ConstraintError: 'unsupported',
  };
  return new Fault(codes[name] ?? 'internal', `authenticator: ${name}`, { cause });
}
