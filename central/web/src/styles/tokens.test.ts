import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const css = readFileSync(new URL('./tokens.css', import.meta.url), 'utf8');
const [light = '', dark = ''] = css.split('prefers-color-scheme: dark');

function tokens(text: string): Map<string, string> {
  return new Map([...text.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map((m) => [m[1] ?? '', m[2] ?? '']));
}

// WCAG 2.2, relative luminance and contrast ratio.
function luminance(hex: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [hi = 0, lo = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (hi + 0.05) / (lo + 0.05);
}

const text: [string, string][] = [
  ['ink', 'paper'], ['ink', 'card'], ['ink', 'sunken'], ['soft', 'paper'], ['soft', 'card'], ['soft', 'sunken'],
  ['on-ink', 'ink'], ['good', 'good-ground'], ['warn', 'warn-ground'], ['bad', 'bad-ground'],
  ['good', 'card'], ['bad', 'card'], ['bad', 'paper'],
  ['on-stage', 'stage'], ['on-stage', 'stage-raised'], ['on-stage-soft', 'stage'], ['on-stage-soft', 'stage-raised'],
  ['live', 'stage'], ['ebb', 'stage'],
];
const marks: [string, string][] = [
  ['edge', 'card'], ['edge', 'paper'], ['edge', 'sunken'], ['focus', 'paper'], ['focus', 'card'], ['stage-edge', 'stage'], ['stage-edge', 'stage-raised'],
];

describe('contrast', () => {
  const day = tokens(light);
  const night = new Map([...day, ...tokens(dark)]);
  for (const [scheme, colours] of [['light', day], ['dark', night]] as const) {
    const measure = (pair: [string, string]) => contrast(colours.get(pair[0]) ?? '#000000', colours.get(pair[1]) ?? '#000000');
    it.each(text)(`${scheme}: text %s on %s`, (...pair) => expect(measure(pair)).toBeGreaterThanOrEqual(4.5));
    it.each(marks)(`${scheme}: mark %s on %s`, (...pair) => expect(measure(pair)).toBeGreaterThanOrEqual(3));
  }
});
