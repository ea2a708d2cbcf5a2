import { type Assertion, proofOf, type RelyingParty } from './assertion';
import { type Bytes, concat, sha256, u64, utf8 } from './bytes';
import { asArray, asBytes, asNumber, asText } from './cbor';
import { Fault } from './fault';
import { open, seal } from './pass';
import { ticketField } from './ticket';

/** Nonce is what a gate shows for a wallet to answer, once. */
export interface Nonce {
  readonly gate: string;
  /** 8 bytes. */
  readonly value: Bytes;
  /** Unix seconds of the gate's clock. */
  readonly issued: number;
  /** The text as it was read: presentations name it. */
  readonly text: string;
}

/** How long a gate waits for the answer; a presentation is given longer. */
export const answerMs = 10_000;
export const presentMs = 60_000;

const labelChallenge = utf8('conting/challenge/v1\0');

/** parseNonce reads the code that a gate shows. It throws foreign for any other. */
export function parseNonce(s: string): Nonce {
  const [gate, value, issued] = asArray(open('nonce', s), 3);
  const name = asText(gate);
  if (!/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) throw new Fault('malformed', 'nonce of no gate');
  return { gate: name, value: asBytes(value, 8), issued: asNumber(issued, 2 ** 40), text: s };
}

/** challengeFor is what the authenticator must sign to answer the nonce for a ticket. */
export async function challengeFor(id: Uint8Array, n: Nonce): Promise<Bytes> {
  return sha256(concat(labelChallenge, ticketField(id), n.value, u64(n.issued), utf8(n.gate)));
}

/** challengeText is the pass that answers the nonce, with or without the signed ticket. */
export async function challengeText(rp: RelyingParty, id: Uint8Array, n: Nonce, a: Assertion, carried?: Uint8Array | null): Promise<string> {
  const p = await proofOf(rp, await challengeFor(id, n), a);
  return seal('challenge', [ticketField(id, carried), n.value, p.flags, p.counter, p.shape, p.tail, p.signature]);
}
