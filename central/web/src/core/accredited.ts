import { type Bytes, concat, u64, utf8 } from './bytes';
import type { Nonce } from './challenge';
import { lowS } from './der';
import { seal } from './pass';
import { ticketField } from './ticket';

const label = utf8('conting/accredit/v1\0');

/** accreditedMessage is what the key of a DID signs to answer a gate's nonce. */
export function accreditedMessage(id: Uint8Array, n: Nonce): Bytes {
  return concat(label, ticketField(id), u64(n.issued), n.value, utf8(n.gate));
}

/**
 * accreditedText is the pass of staff: the answer to a nonce by the key of the DID
 * that the accreditation is bound to. The signature is r‖s, as WebCrypto makes it; a
 * high s is lowered.
 */
export function accreditedText(id: Uint8Array, n: Nonce, signature: Uint8Array, carried?: Uint8Array | null): string {
  return seal('accredited', [ticketField(id, carried), n.value, lowS(signature)]);
}
