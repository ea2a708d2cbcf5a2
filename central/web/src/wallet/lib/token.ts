// How a ticket's token stands, in the words of whoever holds the ticket: to them it is
// a keepsake.
import type { TicketToken, TokenAction, TokenKind, TokenState, TokenStep } from '../../core/wire';
import type { Key } from './i18n.svelte';

export interface Saying {
  readonly kind: 'info' | 'good' | 'warn';
  readonly title: Key;
  readonly text: Key;
}

const open: readonly TokenStep[] = ['wanted', 'prepared', 'sent', 'confirmed'];
const moving: readonly TokenState[] = ['minting', 'moving', 'releasing', 'sending', 'burning'];

/** underWay is whether something is being done with it that ends by itself. */
export const underWay = (t: TicketToken): boolean => moving.includes(t.state);

/** What takes longer than this is late; most takes less than a minute. */
const lateMs = 10 * 60_000;

/** late is whether what is under way waits for something. Times are central's. */
export function late(t: TicketToken, now: number): boolean {
  const a = t.history.find((x) => open.includes(x.state));
  return underWay(t) && (t.reason !== undefined || (a !== undefined && now - Date.parse(a.created) > lateMs));
}

/** sayingOf says how it stands. refunded is whether its ticket was. */
export function sayingOf(t: TicketToken, refunded: boolean, now: number): Saying {
  const s = plainly(t, refunded);
  if (late(t, now)) return { ...s, kind: 'warn', text: 'token.late.what' };
  if (underWay(t) && t.step === 'confirmed') return { ...s, text: 'token.nearly.what' };
  return s;
}

function plainly(t: TicketToken, refunded: boolean): Saying {
  switch (t.state) {
    case 'unclaimed': return { kind: 'info', title: 'token.unclaimed', text: 'token.unclaimed.what' };
    case 'minting': return { kind: 'info', title: 'token.minting', text: 'token.minting.what' };
    case 'held': return { kind: 'good', title: 'token.held', text: 'token.held.what' };
    case 'moving': return { kind: 'info', title: 'token.moving', text: 'token.moving.what' };
    case 'releasing': return { kind: 'info', title: 'token.releasing', text: 'token.releasing.what' };
    case 'free':
      if (t.wallet === 'other') return { kind: 'info', title: 'token.gone', text: 'token.gone.what' };
      return { kind: 'good', title: 'token.free', text: t.wallet === 'outside' ? 'token.free.outside' : 'token.free.what' };
    case 'sending': return { kind: 'info', title: 'token.sending', text: 'token.sending.what' };
    case 'burning': return { kind: 'info', title: refunded ? 'token.burning.refund' : 'token.burning', text: 'token.burning.what' };
    case 'burned': return { kind: 'info', title: refunded ? 'token.burned.refund' : 'token.burned', text: 'token.burned.what' };
    case 'none': return { kind: 'info', title: 'token.none', text: 'token.none.what' };
    default: return { kind: 'warn', title: 'token.delayed', text: 'token.delayed.what' };
  }
}

/** What was done, as the history says it. */
export const deed: Readonly<Record<TokenKind, Key>> = {
  mint: 'token.did.mint', move: 'token.did.move', release: 'token.did.release', burn: 'token.did.burn', send: 'token.did.send', commit: 'token.did.commit',
};

export interface Progress {
  readonly kind: 'plain' | 'good' | 'warn' | 'bad';
  readonly text: Key;
}

const progress: Readonly<Record<TokenStep, Progress>> = {
  wanted: { kind: 'plain', text: 'token.step.wanted' },
  prepared: { kind: 'plain', text: 'token.step.prepared' },
  sent: { kind: 'plain', text: 'token.step.sent' },
  confirmed: { kind: 'good', text: 'token.step.confirmed' },
  finalized: { kind: 'good', text: 'token.step.finalized' },
  failed: { kind: 'bad', text: 'token.step.failed' },
  dropped: { kind: 'plain', text: 'token.step.dropped' },
};

/** progressOf says how far an action has come; one that waits for something says so. */
export const progressOf = (a: TokenAction): Progress => (a.reason && open.includes(a.state) ? { kind: 'warn', text: 'token.step.waits' } : progress[a.state] ?? progress.wanted);

/** signedLast is what was signed last: the newest transaction that there is of it. */
export const signedLast = (t: TicketToken): TokenAction | undefined => t.history.find((a) => a.signature);

export interface Cost {
  readonly text: Key;
  readonly lamports: number;
}

/** costsOf is what something cost: fees are gone, deposits lie in accounts and may come back. */
export function costsOf(x: Pick<TokenAction, 'fee' | 'rent'>): readonly Cost[] {
  const all: readonly Cost[] = [
    { text: 'token.fee', lamports: x.fee },
    x.rent < 0 ? { text: 'token.returned', lamports: -x.rent } : { text: 'token.deposit', lamports: x.rent },
  ];
  return all.filter((c) => c.lamports !== 0);
}

const [soonMs, mostMs, lateEveryMs] = [2_000, 15_000, 30_000];
/** How often a page looks for what should have begun by now. */
const expecting = 12;

/**
 * nextLook is after how many milliseconds to ask for a token again that was asked for
 * so many times, or null where it is what it shall be. used is whether its ticket was:
 * one that is still bound to it is about to be set free.
 */
export function nextLook(t: TicketToken, looks: number, used: boolean, now: number): number | null {
  if (late(t, now)) return lateEveryMs;
  if (!underWay(t) && !(used && t.state === 'held' && looks < expecting)) return null;
  return Math.min(mostMs, Math.round(soonMs * 1.3 ** Math.max(0, looks - 1)));
}
