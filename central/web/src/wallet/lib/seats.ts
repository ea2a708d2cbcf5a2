import type { Seat } from '../../core/wire';

export interface Row {
  readonly name: string;
  readonly seats: readonly Seat[];
}

/** rows groups seats that are named like A-12 by what stands before the last hyphen, as central lists them. */
export function rows(seats: readonly Seat[]): readonly Row[] {
  const out: { name: string; seats: Seat[] }[] = [];
  for (const s of seats) {
    const label = s.seat ?? '';
    const cut = label.lastIndexOf('-');
    const name = cut < 0 ? '' : label.slice(0, cut);
    const last = out.at(-1);
    if (last?.name === name) last.seats.push(s);
    else out.push({ name, seats: [s] });
  }
  return out;
}

/** numberOf is what is left of a seat's label once its row is known. */
export const numberOf = (s: Seat): string => (s.seat ?? '').slice((s.seat ?? '').lastIndexOf('-') + 1);
