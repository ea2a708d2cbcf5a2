import { type Bytes, sha256, u16, u32, u8, utf8 } from './bytes';
import { Fault } from './fault';

const labelTransfer = utf8('conting/transfer/v1\0');
const labelAccept = utf8('conting/transfer-accept/v1\0');
const labelAsk = utf8('conting/ask/v1\0');

export interface TransferTerms {
  /** What central gave, for this purpose. */
  readonly challenge: Uint8Array;
  /** The ticket's id, 16 bytes. */
  readonly ticket: Uint8Array;
  readonly version: number;
  /** The keys, compressed, 33 bytes. */
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

async function transfer(label: Uint8Array, t: TransferTerms): Promise<Bytes> {
  if (t.ticket.length !== 16 || t.from.length !== 33 || t.to.length !== 33) throw new Fault('malformed', 'transfer of no ticket or to no key');
  return sha256(label, t.challenge, t.ticket, u32(t.version), t.from, t.to);
}

/** transferTerms is what the giver's passkey signs. */
export const transferTerms = (t: TransferTerms): Promise<Bytes> => transfer(labelTransfer, t);

/** acceptTerms is what the receiver's passkey signs. */
export const acceptTerms = (t: TransferTerms): Promise<Bytes> => transfer(labelAccept, t);

/** askTerms is what the passkey of whoever asks a relative to book signs. */
export async function askTerms(challenge: Uint8Array, event: number, zone: number, klass: number, to: string): Promise<Bytes> {
  return sha256(labelAsk, challenge, u32(event), u16(zone), u8(klass), utf8(to));
}
