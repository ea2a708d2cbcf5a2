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

/**
 * present signs a presentation of credentials as a compact JWT (sync/credential,
 * presentation.go) that answers the nonce of one gate, at a time of central's clock
 * in Unix milliseconds.
 */
export async function present(who: Identity, jwts: readonly string[], n: Nonce, now: number): Promise<string> {
  if (jwts.length === 0 || jwts.length > maxShown) throw new Fault('part_missing', `${jwts.length} credentials, want 1 to ${maxShown}`);
  const seconds = Math.floor(now / 1000);
  const header = { alg: 'ES256', kid: keyIdOf(who.did) };
  const payload = {
    iss: who.did,
    aud: [audienceOf(n)],
    nonce: n.text,
    nbf: seconds - leewaySeconds,
    exp: seconds + lifeSeconds,
    vp: {
      '@context': ['https://www.w3.org/2018/credentials/v1'],
      type: ['VerifiablePresentation'],
      verifiableCredential: jwts,
    },
  };
  const input = `${b64u(utf8(JSON.stringify(header)))}.${b64u(utf8(JSON.stringify(payload)))}`;
  return `${input}.${b64u(await who.sign(utf8(input)))}`;
}
