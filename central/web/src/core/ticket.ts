import { type Bytes, concat } from './bytes';
import { asArray, asBytes, asNumber, asText, decode, encode, type Item } from './cbor';
import { Fault } from './fault';

/** Ticket is what a signed ticket says (sync/ticket). Times are Unix seconds; zero means no bound. */
export interface Ticket {
  readonly id: Bytes;
  readonly event: number;
  readonly zone: number;
  readonly class: number;
  readonly seat: string;
  readonly version: number;
  /** The compressed P-256 key that the ticket is bound to; null for paper. */
  readonly holder: Bytes | null;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly flags: number;
  readonly mint: Bytes | null;
}

const maxSigned = 400;
const maxSeat = 24;
const maxTime = Number.MAX_SAFE_INTEGER;

/**
 * parseTicket reads the payload of a signed ticket (COSE_Sign1) to show it and to
 * carry it. It does not verify the signature: gates do.
 */
export function parseTicket(signed: Uint8Array): Ticket {
  if (signed.length > maxSigned || signed[0] !== 0xd2) throw new Fault('malformed', 'not a signed ticket');
  const [protect, unprotected, payload, signature] = asArray(decode(signed.subarray(1)), 4);
  asBytes(protect);
  asBytes(signature, 64);
  if (!(unprotected instanceof Map) || unprotected.size) throw new Fault('malformed', 'signed ticket with unprotected headers');
  const fields = decode(asBytes(payload));
  if (!(fields instanceof Map)) throw new Fault('malformed', 'ticket is no map');
  const t = read(fields as ReadonlyMap<number, Item>);
  check(t);
  return t;
}

function read(m: ReadonlyMap<number, Item>): Ticket {
  for (const key of m.keys()) if (key < 1 || key > 11) throw new Fault('malformed', `ticket with a field ${key}`);
  const optional = <T>(key: number, absent: T, of: (item: Item | undefined) => T): T => (m.has(key) ? of(m.get(key)) : absent);
  return {
    id: asBytes(m.get(1), 16),
    event: asNumber(m.get(2), 0xffffffff),
    zone: asNumber(m.get(3), 0xffff),
    class: asNumber(m.get(4), 0xff),
    seat: optional(5, '', asText),
    version: asNumber(m.get(6), 0xffffffff),
    holder: optional<Bytes | null>(7, null, (i) => asBytes(i, 33)),
    notBefore: optional(8, 0, (i) => asNumber(i, maxTime)),
    notAfter: optional(9, 0, (i) => asNumber(i, maxTime)),
    flags: optional(10, 0, (i) => asNumber(i, 0xffff)),
    mint: optional<Bytes | null>(11, null, (i) => asBytes(i, 32)),
  };
}

function check(t: Ticket): void {
  const bad =
    t.id.every((b) => b === 0) ||
    t.event === 0 ||
    t.version === 0 ||
    encode(t.seat).length > maxSeat + 2 ||
    (t.holder !== null && t.holder[0] !== 2 && t.holder[0] !== 3) ||
    (t.notAfter !== 0 && t.notAfter < t.notBefore);
  if (bad) throw new Fault('malformed', 'no valid ticket says this');
}

/** ticketField is what stands for the ticket in a pass: its id, or the signed ticket. */
export function ticketField(id: Uint8Array, carried?: Uint8Array | null): Bytes {
  if (id.length !== 16 || id.every((b) => b === 0)) throw new Fault('malformed', 'no ticket id');
  if (!carried) return concat(id);
  const t = parseTicket(carried);
  if (t.id.some((b, i) => b !== id[i])) throw new Fault('malformed', 'carried ticket is another one');
  return concat(carried);
}
