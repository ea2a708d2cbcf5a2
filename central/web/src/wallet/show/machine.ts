/**
 * What the screen with the entry code shows, as a function of what has happened.
 * It knows no browser, no clock and no central: those report to it.
 *
 *   idle ── open ──► proving ── proved ──► live ── time, lapse, hidden ──► closed ── open ──► proving
 *                       └── failed ──► refused ── open ──► proving           │
 *                                                      live, closed ── admitted ──► admitted
 *
 * All times are milliseconds of one clock.
 */
export type Closed = 'over' | 'lapsed' | 'hidden';

export type Screen =
  | { readonly at: 'idle' }
  | { readonly at: 'proving' }
  | { readonly at: 'refused'; readonly code: string }
  | { readonly at: 'live'; readonly from: number; readonly until: number; readonly beaten: number | null; readonly hidden: number | null }
  | { readonly at: 'closed'; readonly why: Closed }
  | { readonly at: 'admitted' };

export type Happening =
  | { readonly type: 'open' }
  /** The holder was verified: the session's bounds, and when central last heard of its lease; null without one. */
  | { readonly type: 'proved'; readonly from: number; readonly until: number; readonly beaten: number | null }
  | { readonly type: 'failed'; readonly code: string }
  | { readonly type: 'tick'; readonly now: number }
  /** Central has heard that the code is still shown. */
  | { readonly type: 'beat'; readonly now: number }
  /** Central says that the lease is gone. */
  | { readonly type: 'lapsed' }
  | { readonly type: 'hid'; readonly now: number }
  | { readonly type: 'seen'; readonly now: number }
  /** A gate has let the holder in. */
  | { readonly type: 'admitted' }
  | { readonly type: 'shut' };

/**
 * Central lets a lease lapse 15 s after the last beat. The wallet gives up before,
 * so that no gate refuses a code that the wallet still shows as good.
 */
export const unheardMs = 13_000;

/** How long the page may be out of sight, to look at a message for instance. */
export const hiddenMs = 10_000;

export const idle: Screen = { at: 'idle' };

export function next(s: Screen, e: Happening): Screen {
  switch (e.type) {
    case 'open':
      return s.at === 'live' || s.at === 'proving' ? s : { at: 'proving' };
    case 'proved':
      if (s.at !== 'proving') return s;
      return { at: 'live', from: e.from, until: e.until, beaten: e.beaten, hidden: null };
    case 'failed':
      return s.at === 'proving' ? { at: 'refused', code: e.code } : s;
    case 'admitted':
      return s.at === 'live' || s.at === 'closed' ? { at: 'admitted' } : s;
    case 'shut':
      return idle;
    case 'tick':
    case 'beat':
    case 'lapsed':
    case 'hid':
    case 'seen':
      return s.at === 'live' ? living(s, e) : s;
  }
}

type Live = Extract<Screen, { at: 'live' }>;

function living(s: Live, e: Extract<Happening, { type: 'tick' | 'beat' | 'lapsed' | 'hid' | 'seen' }>): Screen {
  const close = (why: Closed): Screen => ({ at: 'closed', why });
  if (e.type === 'lapsed') return close('lapsed');
  if (e.now >= s.until) return close('over');
  switch (e.type) {
    case 'beat':
      return s.beaten === null ? s : { ...s, beaten: Math.max(s.beaten, e.now) };
    case 'hid':
      return s.hidden === null ? { ...s, hidden: e.now } : s;
    case 'seen':
    case 'tick': {
      if (s.hidden !== null && e.now - s.hidden > hiddenMs) return close('hidden');
      if (s.beaten !== null && e.now - s.beaten > unheardMs) return close('lapsed');
      return e.type === 'seen' && s.hidden !== null ? { ...s, hidden: null } : s;
    }
  }
}

/** left is how much of a session remains, in whole seconds and as a share. */
export function left(s: Live, now: number): { readonly seconds: number; readonly share: number } {
  const ms = Math.max(0, s.until - now);
  return { seconds: Math.ceil(ms / 1000), share: Math.min(1, ms / Math.max(1, s.until - s.from)) };
}

/** When so few seconds remain, the wallet offers a new code and says so. */
export const endingSeconds = 20;

/** Seconds at which a screen reader hears what is left. */
export const announced: readonly number[] = [60, 30, 10];
