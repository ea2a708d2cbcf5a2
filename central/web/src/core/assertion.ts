import { type Bytes, equal, sha256, utf8 } from './bytes';
import { shapeOf } from './clientdata';
import { rawLowS } from './der';
import { Fault } from './fault';

/** RelyingParty is whom the passkeys sign for. */
export interface RelyingParty {
  readonly id: string;
  readonly origin: string;
}

/** Assertion is what navigator.credentials.get returns, byte by byte. */
export interface Assertion {
  readonly authenticatorData: Bytes;
  readonly clientDataJSON: Bytes;
  /** DER, with s in either half of the order. */
  readonly signature: Bytes;
}

/** Proof is an assertion without what the gate knows already. */
export interface Proof {
  readonly flags: number;
  readonly counter: number;
  readonly shape: number;
  readonly tail: Bytes;
  /** r‖s, s in the lower half. */
  readonly signature: Bytes;
}

// The flags of authenticator data (WebAuthn Level 3, section 6.1).
const present = 1 << 0;
const verified = 1 << 2;
const backupEligible = 1 << 3;
const backedUp = 1 << 4;

/**
 * proofOf takes an assertion apart, and refuses one that a gate would refuse, so
 * that the holder learns of it here and not in front of the turnstile. It does not
 * verify the signature.
 */
export async function proofOf(rp: RelyingParty, challenge: Uint8Array, a: Assertion): Promise<Proof> {
  const d = a.authenticatorData;
  if (d.length !== 37) throw new Fault('client_data', `authenticator data of ${d.length} bytes`);
  if (!equal(d.subarray(0, 32), await sha256(utf8(rp.id)))) throw new Fault('wrong_site', 'authenticator data is of another relying party');
  const flags = d[32]!;
  if (flags & ~(present | verified | backupEligible | backedUp) || (flags & backedUp && !(flags & backupEligible))) {
    throw new Fault('client_data', `authenticator flags ${flags}`);
  }
  if (!(flags & present) || !(flags & verified)) throw new Fault('user_not_verified', `authenticator flags ${flags}`);
  return {
    flags,
    counter: new DataView(d.buffer, d.byteOffset).getUint32(33),
    ...shapeOf(challenge, rp.origin, a.clientDataJSON),
    signature: rawLowS(a.signature),
  };
}
