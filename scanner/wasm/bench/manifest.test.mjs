import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { judge, percentile, readManifest } from './manifest.mjs';

const b64 = (s) => Buffer.from(s, 'latin1').toString('base64');

test('reads what frames and photographs come with', async () => {
  const dir = await mkdtemp(path.join(tmpdir(), 'manifest-'));
  const manifest = (...rows) => writeFile(path.join(dir, 'manifest.tsv'), ['#id', ...rows, ''].join('\n'));
  await manifest(`a\ta.jpg\tmain\tseveral\texact\t1\t1\t${b64('ONE')},${b64('T\xff')}\tnote`, 'b\tb.jpg\tmain\tempty\tnone\t1\t1\t-');
  expect(await readManifest(dir)).toEqual([
    { id: 'a', file: 'a.jpg', set: 'main', category: 'several', mode: 'exact', wants: ['ONE', 'T\xff'] },
    { id: 'b', file: 'b.jpg', set: 'main', category: 'empty', mode: 'none', wants: [] },
  ]);
  await manifest('a\t../a.jpg\tmain\tx\tnone\t1\t1\t-');
  await expect(readManifest(dir)).rejects.toThrow('another folder');
  await manifest('a\ta.jpg');
  await expect(readManifest(dir)).rejects.toThrow('columns');
});

test.each([
  ['exact', ['A'], ['A'], 1, false],
  ['exact', ['A'], [], 0, false],
  ['exact', ['A'], ['B'], 0, true],
  ['exact', ['A'], ['A', 'B'], 1, true],
  ['exact', ['A', 'B'], ['B', 'B'], 1, false],
  ['exact', ['A', 'B'], ['B', 'A'], 2, false],
  ['none', [], [], 0, false],
  ['none', [], ['A'], 0, true],
  ['unlabelled', [''], ['anything'], 1, false],
  ['ascii', ['caf\xc3\xa9 noir'], ['caf\xe9 noir'], 1, false],
  ['ascii', ['noir caf\xc3\xa9'], ['caf\xe9 noir'], 0, true],
])('judges %s %j against %j', (mode, wants, texts, read, wrong) => {
  expect(judge({ mode, wants }, texts)).toEqual({ read, wrong });
});

test('percentiles are values that were measured', () => {
  expect([50, 95, 99, 100].map((p) => percentile([4, 2, 10, 1], p))).toEqual([2, 10, 10, 10]);
  expect(percentile([7], 50)).toBe(7);
});
