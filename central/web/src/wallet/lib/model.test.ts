import { expect, test } from 'vitest';
import { order, standing, type Held, type State } from './model';

const hour = 3_600_000;
const doors = 1_800_000_000_000;
const held = (id: string, state: State = 'ready', shift = 0): Held => ({
  id,
  event: {
    id: 1001, name: 'a', venue: 'b', timezone: 'Asia/Seoul', doors: doors + shift, starts: doors + 2 * hour + shift, ends: doors + 5 * hour + shift,
    rp: { id: 'localhost', origin: 'http://localhost' }, alwaysChallenge: false, leases: 'advisory',
  },
  zone: 'z', class: 'c', seat: '', signed: null, version: 1, state, form: 'passkey', holder: '', admitted: null, receipt: false, bound: 0,
});

test.each([
  ['before doors', 'ready', -1, 'early'],
  ['at doors', 'ready', 0, 'ready'],
  ['until the end', 'ready', 5 * hour - 1, 'ready'],
  ['after the end', 'ready', 5 * hour, 'ended'],
  ['used stays used', 'used', 9 * hour, 'used'],
  ['refunded before doors', 'refunded', -1, 'refunded'],
] as const)('%s', (_, state, after, want) => {
  expect(standing(held('a', state), doors + after)).toBe(want);
});

test('what is next comes first, what is past comes last and newest first', () => {
  const tickets = [held('later', 'ready', 48 * hour), held('old', 'ready', -72 * hour), held('soon'), held('older', 'used', -96 * hour), held('moved', 'moved')];
  const { next, past } = order(tickets, doors);
  expect(next.map((t) => t.id)).toEqual(['soon', 'later']);
  expect(past.map((t) => t.id)).toEqual(['moved', 'old', 'older']);
});

test('a ticket just used is still on top', () => {
  expect(order([held('a', 'used')], doors + hour).next).toHaveLength(1);
});
