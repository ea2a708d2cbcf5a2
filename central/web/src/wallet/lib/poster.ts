/** How one event's tickets look, so that they are told apart at a glance. */
export interface Look {
  readonly ground: string;
  readonly raised: string;
  readonly motif: 'beams' | 'rings' | 'bars' | 'arcs';
  readonly turn: number;
}

// White text stands on the ground: each has 7:1 against white or more, and the
// raised tone 4.5:1, as poster.test.ts computes.
export const grounds: readonly (readonly [ground: string, raised: string])[] = [
  ['#6b1433', '#962a51'],
  ['#173f7a', '#2a5da8'],
  ['#0f4d3a', '#1c7358'],
  ['#47297a', '#6742a6'],
  ['#7a3010', '#a34a20'],
  ['#0b4a5e', '#15708c'],
  ['#5c1f5c', '#863a86'],
  ['#3a4413', '#5b6a22'],
];

const motifs: readonly Look['motif'][] = ['beams', 'rings', 'bars', 'arcs'];

/** mix spreads small numbers over 32 bits (the finaliser of MurmurHash3). */
function mix(n: number): number {
  let h = n | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export function look(event: number): Look {
  const h = mix(event);
  const [ground, raised] = grounds[h % grounds.length] ?? ['#14161b', '#3a3f4a'];
  return { ground, raised, motif: motifs[(h >>> 8) % motifs.length] ?? 'beams', turn: (h >>> 16) % 100 };
}

/** bars draws repeatable heights between 0 and 1. */
export function heights(event: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (mix(event * 31 + i) % 1000) / 1000);
}
