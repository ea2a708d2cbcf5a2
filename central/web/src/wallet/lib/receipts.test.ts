import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { proves } from './receipts';

const [v] = JSON.parse(readFileSync(new URL('../../../../../testdata/receipt/receipts.json', import.meta.url), 'utf8'));
const ticket = { id: v.says.ticket as string, event: { id: v.says.event as number } };
const receipt = { receipt: v.receipt as string, certificate: v.certificate as string, gate: v.says.gate as string, lane: v.says.lane as string, at: v.at as number };

test('a receipt is of its ticket', async () => expect(await proves(receipt, ticket)).toBe(true));

test.each<[string, object, object]>([
  ['another ticket', {}, { id: '00'.repeat(16) }],
  ['another event', {}, { event: { id: 2 } }],
  ['another gate than it says', { gate: 'south' }, {}],
  ['another lane than it says', { lane: 'south-1' }, {}],
  ['another time than it says', { at: v.at + 1000 }, {}],
  ['nothing at all', { receipt: '' }, {}],
  ['another key', { certificate: '' }, {}],
])('it is no receipt of %s', async (_, r, t) => expect(await proves({ ...receipt, ...r }, { ...ticket, ...t })).toBe(false));
