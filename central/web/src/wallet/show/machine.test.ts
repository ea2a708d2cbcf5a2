import { describe, expect, test } from 'vitest';
import { hiddenMs, idle, left, next, unheardMs, type Happening, type Screen } from './machine';

const t0 = 1_800_000_000_000;
const play = (from: Screen, ...events: Happening[]) => events.reduce(next, from);
const proved = (leased = true): Happening => ({ type: 'proved', from: t0, until: t0 + 120_000, beaten: leased ? t0 : null });
const live = (leased = true) => play(idle, { type: 'open' }, proved(leased));

describe('opening', () => {
  test('one act of the holder opens the code', () => {
    expect(live()).toEqual({ at: 'live', from: t0, until: t0 + 120_000, beaten: t0, hidden: null });
  });
  test('no code without the act', () => {
    expect(play(idle, proved())).toEqual(idle);
    expect(play(idle, { type: 'open' }, { type: 'failed', code: 'cancelled' }, proved())).toEqual({ at: 'refused', code: 'cancelled' });
  });
  test('a refusal can be tried again', () => {
    const refused = play(idle, { type: 'open' }, { type: 'failed', code: 'cancelled' });
    expect(play(refused, { type: 'open' }, proved())).toEqual(live());
  });
  test('a second tap on the button asks once', () => {
    const proving = play(idle, { type: 'open' });
    expect(next(proving, { type: 'open' })).toBe(proving);
    const shown = live();
    expect(next(shown, { type: 'open' })).toBe(shown);
  });
});

describe('closing', () => {
  test.each([
    ['in its last millisecond', 119_999, 'live'],
    ['when its time is up', 120_000, 'closed'],
    ['long after, as when the phone slept', 3_600_000, 'closed'],
  ])('%s', (_, after, at) => {
    expect(next(live(false), { type: 'tick', now: t0 + after }).at).toBe(at);
  });
  test('the lease is gone', () => {
    expect(next(live(), { type: 'lapsed' })).toEqual({ at: 'closed', why: 'lapsed' });
  });
  test('central was not heard for too long', () => {
    expect(next(live(), { type: 'tick', now: t0 + unheardMs }).at).toBe('live');
    expect(next(live(), { type: 'tick', now: t0 + unheardMs + 1 })).toEqual({ at: 'closed', why: 'lapsed' });
  });
  test('central was not heard while the finger was looked for', () => {
    const late = play(idle, { type: 'open' }, { type: 'proved', from: t0, until: t0 + 120_000, beaten: t0 });
    expect(next(late, { type: 'tick', now: t0 + unheardMs + 1 })).toEqual({ at: 'closed', why: 'lapsed' });
  });
  test('a beat keeps it open', () => {
    const beaten = play(live(), { type: 'beat', now: t0 + 10_000 });
    expect(next(beaten, { type: 'tick', now: t0 + unheardMs + 1 }).at).toBe('live');
  });
  test('an answer that comes late moves nothing back', () => {
    expect(play(live(), { type: 'beat', now: t0 + 10_000 }, { type: 'beat', now: t0 + 5_000 })).toMatchObject({ beaten: t0 + 10_000 });
  });
  test('a code without a lease needs nobody', () => {
    expect(play(live(false), { type: 'beat', now: t0 + 1 }, { type: 'tick', now: t0 + 100_000 })).toMatchObject({ at: 'live', beaten: null });
  });
  test('out of sight for a moment, or for longer', () => {
    const hid = play(live(false), { type: 'hid', now: t0 + 1000 });
    expect(next(hid, { type: 'seen', now: t0 + 1000 + hiddenMs })).toMatchObject({ at: 'live', hidden: null });
    expect(next(hid, { type: 'seen', now: t0 + 1001 + hiddenMs })).toEqual({ at: 'closed', why: 'hidden' });
    expect(next(hid, { type: 'tick', now: t0 + 1001 + hiddenMs })).toEqual({ at: 'closed', why: 'hidden' });
  });
});

describe('after the gate', () => {
  test('an admission ends the show, also when the code has just closed', () => {
    expect(next(live(), { type: 'admitted' })).toEqual({ at: 'admitted' });
    expect(play(live(), { type: 'lapsed' }, { type: 'admitted' })).toEqual({ at: 'admitted' });
  });
  test('an admission of before shows nothing by itself', () => {
    expect(next(idle, { type: 'admitted' })).toEqual(idle);
  });
  test('a ticket that may enter again opens again', () => {
    expect(play(live(), { type: 'admitted' }, { type: 'open' })).toEqual({ at: 'proving' });
  });
});

test('what is left', () => {
  const s = live() as Extract<Screen, { at: 'live' }>;
  expect(left(s, t0)).toEqual({ seconds: 120, share: 1 });
  expect(left(s, t0 + 90_001)).toMatchObject({ seconds: 30 });
  expect(left(s, t0 + 200_000)).toEqual({ seconds: 0, share: 0 });
  expect(left(s, t0 - 5_000)).toMatchObject({ share: 1 });
});
