import { beforeEach, expect, test, vi } from 'vitest';
import type { Ask, EventDetail, Seat } from '../../core/wire';

const event = {
  id: 1,
  zones: [{ id: 1, name: 'Stalls', places: 20, free: 6, held: 0, sold: 14 }, { id: 2, name: 'Circle', places: 10, free: 0, held: 0, sold: 10 }],
  classes: [{ id: 1, name: 'R', paper: false }, { id: 2, name: 'Paper', paper: true }, { id: 9, name: 'Staff', paper: false, staff: true }],
  prices: [{ zone: 1, class: 1, amount: 100 }, { zone: 1, class: 2, amount: 90 }, { zone: 2, class: 1, amount: 70 }, { zone: 1, class: 9, amount: 0 }],
  sale: { method: 'first_come', max_per_order: 8, max_per_person: 5, offer_minutes: 60 },
} as unknown as EventDetail;
const seats = (...labels: string[]): Seat[] => labels.map((label, i) => ({ number: i + 1, seat: label, state: 'free', ...(label === 'E-1' ? { accessible: true } : label === 'E-2' ? { companion: true } : {}) }));

let Picking: typeof import('./picking.svelte').Picking;
beforeEach(async () => {
  vi.stubGlobal('navigator', { onLine: true, language: 'en', languages: ['en'] });
  ({ Picking } = await import('./picking.svelte'));
});

test('nothing is chosen before there is a price', () => {
  const p = new Picking(event);
  expect(p.choice).toBeNull();
  p.take(1);
  expect(p.classes.map((c) => c.id)).toEqual([1, 2]); // and no accreditations
  expect(p.choice).toBeNull();
  p.klass = 1;
  expect(p.choice).toMatchObject({ zone: 1, class: 1, count: 1, seats: [] });
  expect(p.total).toBe(100);
});

test('as many as a person may have, and as are free', () => {
  const p = new Picking(event);
  p.take(1);
  p.klass = 1;
  p.set('count', 99);
  expect(p.count).toBe(5);
  expect(p.total).toBe(500);
});

test('seats: all of them or none; the first that was picked goes', () => {
  const p = new Picking(event);
  p.take(1);
  p.klass = 1;
  p.show(seats('A-1', 'A-2', 'A-3'));
  p.set('count', 2);
  p.pick('A-1');
  expect([p.open, p.choice]).toEqual([1, null]);
  p.pick('A-2');
  p.pick('A-3');
  expect(p.choice?.seats?.map((s) => s.seat)).toEqual(['A-2', 'A-3']);
  p.pick('A-3');
  expect(p.open).toBe(1);
  p.show([{ number: 2, seat: 'A-2', state: 'sold' }]); // somebody was quicker
  expect(p.open).toBe(0);
  expect(p.choice?.seats).toEqual([]);
});

test('kept seats are for who needs them', () => {
  const p = new Picking(event);
  p.take(1);
  p.klass = 1;
  p.show(seats('E-1', 'E-2', 'E-3'));
  expect(p.seats.map((s) => p.free(s))).toEqual([false, false, true]);
  p.needs = true;
  expect(p.seats.every((s) => p.free(s))).toBe(true);
  p.set('count', 4);
  p.set('companions', 9);
  expect([p.wheelchairs, p.companions]).toEqual([1, 2]);
  p.set('wheelchairs', 3);
  expect([p.wheelchairs, p.companions]).toEqual([3, 1]);
  p.take(2);
  expect(p.wheelchairs).toBe(0);
});

test('a zone that is full, or turns out to be, can be waited for', () => {
  const p = new Picking(event);
  p.take(2);
  expect(p.klass).toBe(1); // the only one
  expect([p.isFull, p.choice, p.most]).toEqual([true, null, 4]);
  p.take(1);
  p.klass = 1;
  expect(p.isFull).toBe(false);
  p.fill(1);
  expect([p.isFull, p.choice]).toEqual([true, null]);
});

test('paper only where it is sold', () => {
  const p = new Picking(event);
  p.take(1);
  p.klass = 2;
  p.form = 'paper';
  expect(p.choice?.paper).toBe(true);
  p.klass = 1;
  expect(p.choice?.paper).toBe(false);
});

test('what a relative asked for, and one of it', () => {
  const ask = { id: 'a1', zone: { id: 1, name: 'Stalls' }, class: { id: 1, name: 'R' }, seat: 'A-7' } as unknown as Ask;
  const p = new Picking(event, ask);
  p.set('count', 3);
  expect(p.choice).toMatchObject({ zone: 1, class: 1, ask: 'a1', seats: [{ seat: 'A-7' }] });
  expect(p.total).toBe(100);
});
