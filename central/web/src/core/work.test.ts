import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { periodMs, solve } from './work';

const now = 1_800_000_123_456;

/** worth is what central/work.Check would find a proof to be worth. */
function worth(purpose: string, subject: string, proof: string): number {
  const sum = createHash('sha256').update(`conting work v1\n${purpose}\n${subject}\n${proof}`).digest();
  const zero = sum.findIndex((b) => b !== 0);
  return zero * 8 + Math.clz32(sum[zero]!) - 24;
}

describe('work', () => {
  // Subjects of every length around the edges of one and two blocks.
  test.each(Array.from({ length: 140 }, (_, n) => n))('a subject of %i letters', async (n) => {
    const subject = 'é'.repeat(n & 1) + 'a'.repeat(n);
    const proof = await solve('account', subject, 6, now);
    expect(proof).toMatch(/^6000000-\d+$/);
    expect(worth('account', subject, proof)).toBeGreaterThanOrEqual(6);
  });

  test('the first number that is worth it is found', async () => {
    const proof = await solve('account', 'mina@example.org', 12, now);
    const [bucket, nonce] = proof.split('-').map(Number) as [number, number];
    expect(bucket).toBe(Math.floor(now / periodMs));
    for (let n = 0; n < nonce; n++) expect(worth('account', 'mina@example.org', `${bucket}-${n}`)).toBeLessThan(12);
    expect(worth('account', 'mina@example.org', proof)).toBeGreaterThanOrEqual(12);
  });

  test('as Go finds it', async () => expect(await solve('account', 'mina@example.org', 12, now)).toBe('6000000-1619'));

  test('none is due', async () => expect(await solve('account', 'mina@example.org', 0, now)).toBe(''));

  test('more than central may ask for', async () => {
    await expect(solve('account', 'mina@example.org', 33, now)).rejects.toMatchObject({ code: 'unsupported' });
  });

  test('it is given up', async () => {
    const stop = new AbortController();
    const working = solve('account', 'mina@example.org', 28, now, stop.signal);
    stop.abort();
    await expect(working).rejects.toMatchObject({ code: 'cancelled' });
  });
});
