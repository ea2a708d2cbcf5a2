import { expect, test, vi } from 'vitest';
import type { EventDetail, Seat } from '../../core/wire';

vi.stubGlobal('navigator', { onLine: true, language: 'en', languages: ['en'] });
const { most, wanted } = await import('./booking');

const seat = (label: string, o: Partial<Seat> = {}): Seat => ({ number: 1, seat: label, state: 'free', ...o });
const place = { zone: 1, class: 2 };

test.each([
  ['one place', {}, {}],
  ['several', { count: 3, seats: [] }, { count: 3 }],
  ['several, side by side', { count: 2, together: true }, { count: 2, adjacent: true }],
  ['one cannot sit side by side', { count: 1, together: true }, {}],
  ['a seat', { seats: [seat('A-1')], count: 1 }, { seat: 'A-1' }],
  ['seats', { seats: [seat('A-1'), seat('A-2')], count: 2, together: true }, { seats: ['A-1', 'A-2'] }],
  ['on paper', { paper: true, count: 2 }, { count: 2, paper: true }],
  ['for a relative', { ask: 'a1', paper: true }, { ask: 'a1' }],
  ['step-free', { count: 3, accessible: 1, companions: 1 }, { count: 3, accessible: 1, companions: 1 }],
  ['companions of nobody', { count: 2, companions: 1 }, { count: 2 }],
] as const)('%s', (_, choice, want) => expect(wanted({ ...place, ...choice })).toEqual({ ...place, ...want }));

test('kept seats say what each is for', () => {
  const seats = [seat('E-1', { accessible: true }), seat('E-2', { companion: true }), seat('E-3')];
  expect(wanted({ ...place, seats, count: 3, accessible: 1, paper: true })).toEqual({
    items: [{ ...place, seat: 'E-1', paper: true, accessible: true }, { ...place, seat: 'E-2', paper: true, companion: true }, { ...place, seat: 'E-3', paper: true }],
  });
});

test.each([
  [8, undefined, 8],
  [8, 2, 2],
  [4, 50, 4],
] as const)('an order of %i, a person of %s', (order, person, want) => {
  expect(most({ sale: { max_per_order: order, ...(person ? { max_per_person: person } : {}) } } as EventDetail)).toBe(want);
});
