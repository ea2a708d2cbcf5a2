import { expect, test } from 'vitest';
import { numberOf, rows } from './seats';

const seat = (number: number, label?: string) => ({ number, state: 'free' as const, ...(label ? { seat: label } : {}) });

test('rows as central lists them', () => {
  const got = rows([seat(1, 'A-1'), seat(2, 'A-2'), seat(3, 'B-1'), seat(4, '2F-C-7')]);
  expect(got.map((r) => [r.name, r.seats.map(numberOf)])).toEqual([['A', ['1', '2']], ['B', ['1']], ['2F-C', ['7']]]);
});

test('labels without a row', () => {
  expect(rows([seat(1, '17'), seat(2, '18')]).map((r) => [r.name, r.seats.map(numberOf)])).toEqual([['', ['17', '18']]]);
});
