import { describe, expect, test } from 'vitest';
import type { TicketToken, TokenAction, TokenState } from '../../core/wire';
import { costsOf, deed, late, nextLook, progressOf, sayingOf, signedLast, underWay } from './token';

const now = Date.parse('2026-03-01T12:00:00Z');
const action = (a: Partial<TokenAction> = {}): TokenAction => ({ kind: 'mint', state: 'sent', fee: 5000, rent: 0, created: new Date(now - 30_000).toISOString(), changed: new Date(now).toISOString(), ...a });
const token = (t: Partial<TicketToken> = {}): TicketToken => ({ state: 'held', mode: 'eager', claimable: false, sendable: false, fee: 0, rent: 0, history: [], ...t });

const states: readonly TokenState[] = ['none', 'unclaimed', 'minting', 'held', 'moving', 'releasing', 'free', 'sending', 'burning', 'burned', 'delayed'];

describe('every state is said', () => {
  test('in other words than every other', () => {
    const titles = states.map((state) => sayingOf(token({ state }), false, now).title);
    expect(new Set(titles).size).toBe(states.length);
  });
  test('a state that this version does not know needs somebody', () => expect(sayingOf(token({ state: 'fallen' as TokenState }), false, now).title).toBe('token.delayed'));
  test.each([['custodial', 'token.free.what'], ['outside', 'token.free.outside'], ['other', 'token.gone.what']] as const)('free, in a wallet that is %s', (wallet, text) => expect(sayingOf(token({ state: 'free', wallet }), false, now).text).toBe(text));
  test('a refund is called one', () => {
    expect(sayingOf(token({ state: 'burned' }), true, now).title).toBe('token.burned.refund');
    expect(sayingOf(token({ state: 'burning' }), true, now).title).toBe('token.burning.refund');
    expect(sayingOf(token({ state: 'burned' }), false, now).title).toBe('token.burned');
  });
  test('what is as good as done is said to be', () => {
    expect(sayingOf(token({ state: 'minting', step: 'confirmed' }), false, now).text).toBe('token.nearly.what');
    expect(sayingOf(token({ state: 'held', step: 'confirmed' }), false, now).text).toBe('token.held.what');
  });
});

describe('late', () => {
  const since = (ms: number, t: Partial<TicketToken> = {}) => token({ state: 'minting', history: [action({ created: new Date(now - ms).toISOString() })], ...t });
  test.each<[string, TicketToken, boolean]>([
    ['a moment ago', since(30_000), false],
    ['ten minutes ago', since(600_000), false],
    ['longer ago', since(600_001), true],
    ['with a reason', since(1000, { reason: 'no_funds' }), true],
    ['not begun', token({ state: 'minting' }), false],
    ['of a clock that is ahead', since(-60_000), false],
    ['an older one that is over', token({ state: 'minting', history: [action(), action({ state: 'finalized', created: new Date(0).toISOString() })] }), false],
    ['what needs a person', token({ state: 'delayed', reason: 'conflict' }), false],
    ['what is settled', since(3_600_000, { state: 'held' }), false],
  ])('%s', (_, t, want) => expect(late(t, now)).toBe(want));
  test('it is said', () => expect(sayingOf(since(700_000), false, now)).toEqual({ kind: 'warn', title: 'token.minting', text: 'token.late.what' }));
});

describe('nextLook', () => {
  test('nothing is asked while nothing goes on', () => {
    for (const state of states) expect(nextLook(token({ state }), 1, false, now) !== null, state).toBe(underWay(token({ state })));
  });
  test('it is asked less and less', () => {
    const waits = Array.from({ length: 30 }, (_, i) => nextLook(token({ state: 'minting' }), i + 1, false, now)!);
    expect(waits[0]).toBe(2000);
    expect(waits.every((w, i) => i === 0 || w >= waits[i - 1]!)).toBe(true);
    expect(waits.at(-1)).toBe(15_000);
    // In ten minutes an open page asks fewer than 60 times.
    let [sum, n] = [0, 0];
    for (; sum < 600_000; n++) sum += nextLook(token({ state: 'minting' }), n + 1, false, now)!;
    expect(n).toBeLessThan(60);
  });
  test('what is late is asked for seldom', () => expect(nextLook(token({ state: 'minting', reason: 'no_funds' }), 1, false, now)).toBe(30_000));
  test('a used ticket’s is expected to be set free, but not for ever', () => {
    expect(nextLook(token(), 1, true, now)).toBe(2000);
    expect(nextLook(token(), 12, true, now)).toBeNull();
    expect(nextLook(token({ state: 'free' }), 1, true, now)).toBeNull();
  });
});

test('the history says how far each has come', () => {
  const kinds = (['wanted', 'prepared', 'sent', 'confirmed', 'finalized', 'failed', 'dropped'] as const).map((state) => progressOf(action({ state })));
  expect(new Set(kinds.map((k) => k.text)).size).toBe(7);
  expect(progressOf(action({ state: 'sent', reason: 'no_funds' })).text).toBe('token.step.waits');
  expect(progressOf(action({ state: 'failed', reason: 'conflict' })).text).toBe('token.step.failed');
  expect(new Set(Object.values(deed)).size).toBe(6);
});

test('the last signature is the newest that there is', () => {
  expect(signedLast(token({ history: [action({ state: 'wanted' }), action({ signature: 'b' }), action({ signature: 'a' })] }))?.signature).toBe('b');
  expect(signedLast(token())).toBeUndefined();
});

test.each([
  [{ fee: 0, rent: 0 }, []],
  [{ fee: 5000, rent: 7_290_480 }, [{ text: 'token.fee', lamports: 5000 }, { text: 'token.deposit', lamports: 7_290_480 }]],
  [{ fee: 10_000, rent: -2_039_280 }, [{ text: 'token.fee', lamports: 10_000 }, { text: 'token.returned', lamports: 2_039_280 }]],
])('%j cost', (x, want) => expect(costsOf(x)).toEqual(want));
