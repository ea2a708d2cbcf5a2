import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { b64u, unb64u } from './bytes';
import { codeOf, Fault } from './fault';
import { verifyReceipt } from './receipt';

interface Vector {
  readonly name: string;
  readonly receipt: string;
  readonly certificate: string;
  readonly verdict: string;
  readonly says?: { readonly device: string; readonly event: number; readonly ticket: string; readonly gate: string; readonly lane: string; readonly seq: number };
  readonly at?: number;
}
const vectors = JSON.parse(readFileSync(new URL('../../../../testdata/receipt/receipts.json', import.meta.url), 'utf8')) as Vector[];
const verdictOf = (v: { receipt: string; certificate: string }) =>
  verifyReceipt(v).then(
    () => 'ok',
    (e: unknown) => codeOf(e),
  );

describe('receipts', () => {
  test.each(vectors)('$name', async (v) => expect(await verdictOf(v)).toBe(v.verdict));

  test('it says what the gate signed', async () => {
    const v = vectors.find((x) => x.verdict === 'ok')!;
    const { device, event, ticket, gate, lane, seq } = v.says!;
    expect(await verifyReceipt(v)).toEqual({ device, event, ticket, gate, lane, seq, at: v.at });
  });

  test('no bit of it is free', async () => {
    const v = vectors.find((x) => x.verdict === 'ok')!;
    const good = unb64u(v.receipt);
    for (let i = 0; i < good.length; i++) {
      const bad = Uint8Array.from(good);
      bad[i]! ^= 1 << i % 8;
      expect(['malformed', 'bad_signature'], `byte ${i}`).toContain(await verdictOf({ ...v, receipt: b64u(bad) }));
    }
  });

  test('a spoiled certificate throws nothing but faults', async () => {
    const v = vectors.find((x) => x.verdict === 'ok')!;
    const good = unb64u(v.certificate);
    for (let i = 0; i < good.length; i++) {
      const bad = Uint8Array.from(good);
      bad[i] = (bad[i]! + 1 + i * 7) & 255;
      await verifyReceipt({ ...v, certificate: b64u(bad) }).catch((e: unknown) => expect(e).toBeInstanceOf(Fault));
      await verifyReceipt({ ...v, certificate: b64u(good.subarray(0, i)) }).then(
        () => expect.unreachable(),
        (e: unknown) => expect(e).toBeInstanceOf(Fault),
      );
    }
  });
});
