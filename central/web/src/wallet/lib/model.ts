import type { RelyingParty } from '../../core/assertion';

/** EventInfo is what a ticket needs to know of its event. Times are Unix milliseconds. */
export interface EventInfo {
  readonly id: number;
  readonly name: string;
  readonly venue: string;
  readonly timezone: string;
  readonly doors: number;
  readonly starts: number;
  readonly ends: number;
  readonly rp: RelyingParty;
  readonly alwaysChallenge: boolean;
  readonly leases: 'off' | 'advisory' | 'required';
}

export type Form = 'passkey' | 'paper' | 'staff';

/** What central says of a ticket; words that this wallet does not know count as blocked. */
export type State = 'ready' | 'used' | 'moved' | 'refunded' | 'revoked' | 'blocked';

export interface Admission {
  readonly at: number;
  readonly gate: string;
  readonly lane: string;
}

/** Held is a ticket as this phone keeps it. */
export interface Held {
  readonly id: string;
  readonly event: EventInfo;
  readonly zone: string;
  readonly class: string;
  readonly seat: string;
  /** Signed by central; null once the ticket is not this account's any more. */
  readonly signed: Uint8Array | null;
  readonly version: number;
  readonly state: State;
  readonly form: Form;
  /** The compressed key that it is bound to, base64url; empty for paper. */
  readonly holder: string;
  readonly admitted: Admission | null;
  readonly receipt: boolean;
  /** When this phone first saw this binding, Unix milliseconds: gates may not know it yet. */
  readonly bound: number;
}

/** What a holder can make of a ticket at a moment. */
export type Standing = State | 'early' | 'ended';

export function standing(t: Held, now: number): Standing {
  if (t.state !== 'ready') return t.state;
  if (now >= t.event.ends) return 'ended';
  return now < t.event.doors ? 'early' : 'ready';
}

/** Whether it belongs among what is coming up. */
export function upcoming(t: Held, now: number): boolean {
  const s = standing(t, now);
  return s === 'ready' || s === 'early' || s === 'blocked' || (s === 'used' && now < t.event.ends);
}

/** order sorts tickets as people look for them: what is next first, what is long past last. */
export function order(tickets: readonly Held[], now: number): { readonly next: readonly Held[]; readonly past: readonly Held[] } {
  const next = tickets.filter((t) => upcoming(t, now)).sort((a, b) => a.event.starts - b.event.starts || a.id.localeCompare(b.id));
  const past = tickets.filter((t) => !upcoming(t, now)).sort((a, b) => b.event.starts - a.event.starts || a.id.localeCompare(b.id));
  return { next, past };
}
