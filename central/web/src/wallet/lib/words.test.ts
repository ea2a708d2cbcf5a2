import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import ko from '../../i18n/ko.json';

const folder = new URL('../', import.meta.url);
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((f) => /\.(svelte|ts)$/.test(f) && !f.includes('.test.'));
const source = files.map((f) => readFileSync(new URL(f, folder), 'utf8')).join('\n');

/** Keys that are put together from a word of central's. */
const made = ['account.confirm.', 'account.weak.', 'problem.', 'family.relation.', 'form.', 'pay.test.', 'pay.provider.'];

test('the pages are found', () => expect(files.length).toBeGreaterThan(40));

test.each(Object.keys(ko).filter((key) => !made.some((m) => key.startsWith(m))))('some page says %s', (key) => {
  expect(source.includes(`'${key}'`)).toBe(true);
});
