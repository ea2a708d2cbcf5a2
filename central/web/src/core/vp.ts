import { b64u, utf8 } from './bytes';
import type { Nonce } from './challenge';
import { type Identity, keyIdOf } from './did';
import { Fault } from './fault';
import { maxShown } from './pack';

/** How long a presentation is in force: a gate's nonce lives for a minute. */
const lifeSeconds = 120;
/** How far before now it begins: a gate's clock may be behind. */
const leewaySeconds = 60;

/** audienceOf names a gate as the one that a presentation is made for. */
export const audienceOf = (n: Nonce): string => `conting:gate:${n.gate}`;

/** Claims is what a presentation says besides the credentials. Times are Unix seconds. */
export interface Claims {
  readonly holder: string;
  readonly audience: string;
  readonly nonce: string;
  readonly from: number;
  readonly until: number;
}

/** signingInput is what the holder's key signs: header and payload of the JWT. */
export function signingInput(c: Claims, jwts: readonly string[]): string {
  const header = { alg: 'ES256', kid: keyIdOf(c.holder) };
  const payload = {
    iss: c.holder,
    aud: [c.audience],
    nonce: c.nonce,
    nbf: c.from,
    exp: c.until,
    vp: {
      '@context': ['https://www.w3.org/2018/credentials/v1'],
      type: ['VerifiablePresentation'],
      verifiableCredential: jwts,
    },
  };
  return `${b64u(utf8(JSON.stringify(header)))}.${b64u(utf8(JSON.stringify(payload)))}`;
}

/**
 * present signs a presentation of credentials as a compact JWT (sync/credential,
 * presentation.go) that answers the nonce of one gate, at a time of central's clock
 * in Unix milliseconds.
 */
export async function present(who: Identity, jwts: readonly string[], n: Nonce, now: number): Promise<string> {
  if (jwts.length === 0 || jwts.length > maxShown) throw new Fault('part_missing', `${jwts.length} credentials, want 1 to ${maxShown}`);
  const seconds = Math.floor(now / 1000);
  const claims = { holder: who.did, audience: audienceOf(n), nonce: n.text, from: seconds - leewaySeconds, until: seconds + lifeSeconds };
  const input = signingInput(claims, jwts);
  return `${input}.${b64u(await who.sign(utf8(input)))}`;
}
