import { expect, test } from 'vitest';
import { Problem } from '../../core/api';
import { Fault } from '../../core/fault';
import { Attempt } from './attempt';

const refusal = (code: string, status: number) => new Problem(code, status, '', '', '', '', 0);

/** The keys that a thing is tried with twice, where the first try ends so. */
async function keys(first: Error | null, then = 'a') {
  const [attempt, used] = [new Attempt(), [] as string[]];
  const once = (what: string, e: Error | null) => attempt.run(what, async (key) => (used.push(key), e ? Promise.reject(e) : key)).catch(() => undefined);
  await once('a', first);
  await once(then, null);
  return used;
}

test.each([
  ['the answer was lost', new Fault('timeout', ''), true],
  ['there was no network', new Fault('offline', ''), true],
  ['central was not well', refusal('unavailable', 503), true],
  ['it is still being done', refusal('request_in_progress', 409), true],
  ['it was refused', refusal('token_busy', 409), false],
  ['it was wrong', refusal('address_invalid', 422), false],
])('tried again after %s', async (_, first, same) => {
  const [a, b] = await keys(first);
  expect(a).toMatch(/^[\w-]{16,}$/);
  expect(a === b).toBe(same);
});

test('something else has a key of its own', async () => {
  const [a, b] = await keys(new Fault('timeout', ''), 'b');
  expect(a).not.toBe(b);
});
