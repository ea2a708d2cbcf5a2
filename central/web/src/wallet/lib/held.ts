import { unb64u } from '../../core/bytes';
import type * as wire from '../../core/wire';
import type { EventInfo, Form, Held, State } from './model';

const states: readonly State[] = ['ready', 'used', 'moved', 'refunded', 'revoked', 'blocked'];
const forms: readonly Form[] = ['passkey', 'paper', 'staff'];

export function eventOf(e: wire.TicketEvent): EventInfo {
  return {
    id: e.id,
    name: e.name,
    venue: e.venue,
    timezone: e.timezone,
    doors: Date.parse(e.doors),
    starts: Date.parse(e.starts),
    ends: Date.parse(e.ends),
    rp: e.relying_party,
    alwaysChallenge: e.always_challenge ?? false,
    leases: e.leases ?? 'advisory',
  };
}

/** heldOf is a ticket as the pages show it. A state that this version does not know stops it. */
export function heldOf(t: wire.WalletTicket): Held {
  return {
    id: t.id,
    event: eventOf(t.event),
    zone: t.zone.name,
    class: t.class.name,
    seat: t.seat ?? '',
    signed: t.signed ? unb64u(t.signed) : null,
    version: t.version,
    state: states.find((s) => s === t.state) ?? 'blocked',
    form: forms.find((f) => f === t.form) ?? 'passkey',
    holder: t.holder ?? '',
    admitted: t.admitted ? { at: Date.parse(t.admitted.at), gate: t.admitted.gate, lane: t.admitted.lane } : null,
    receipt: t.receipt ?? false,
    bound: t.bound ? Date.parse(t.bound) : 0,
  };
}

export interface KeptReceipt {
  readonly receipt: string;
  readonly certificate: string;
  readonly gate: string;
  readonly lane: string;
  /** Unix milliseconds. */
  readonly at: number;
}

export const receiptFrom = (r: wire.EntryReceipt): KeptReceipt => ({ ...r, at: Date.parse(r.at) });
