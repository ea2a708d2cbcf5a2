import { expect, test } from 'vitest';
import en from './en.json';
import ko from './ko.json';

/** flatten maps each text's dotted key to its text. */
function flatten(value: unknown, prefix = ''): Map<string, string> {
  if (typeof value === 'string') return new Map([[prefix, value]]);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${prefix} is neither a text nor an object`);
  return new Map(Object.entries(value).flatMap(([k, v]) => [...flatten(v, prefix ? `${prefix}.${k}` : k)]));
}

/** holes are the {names} that a text is filled in with. */
const holes = (text: string) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();

const korean = flatten(ko);
const english = flatten(en);

test('both languages have the same keys', () => {
  expect([...english.keys()].sort()).toEqual([...korean.keys()].sort());
});

test('no text is empty', () => {
  for (const texts of [korean, english]) for (const [key, text] of texts) expect(text.trim(), key).not.toBe('');
});

test('both languages fill in the same values', () => {
  for (const [key, text] of korean) expect(holes(english.get(key) ?? ''), key).toEqual(holes(text));
});
