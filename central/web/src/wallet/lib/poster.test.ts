import { expect, test } from 'vitest';
import { grounds, heights, look } from './poster';

function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const againstWhite = (hex: string) => 1.05 / (luminance(hex) + 0.05);

test.each(grounds)('white text reads on %s and %s', (ground, raised) => {
  expect(againstWhite(ground)).toBeGreaterThanOrEqual(7);
  expect(againstWhite(raised)).toBeGreaterThanOrEqual(4.5);
});

test('an event always looks the same, and not all look alike', () => {
  expect(look(1001)).toEqual(look(1001));
  expect(heights(1001, 8)).toEqual(heights(1001, 8));
  expect(new Set(Array.from({ length: 40 }, (_, i) => look(1000 + i).ground)).size).toBeGreaterThan(4);
});
