import { describe, expect, test } from 'vitest';
import { unbase45 } from './base45';
import { b64u, concat, equal, text, u16, u32, u64, u8, unb64u, unhex, hex } from './bytes';
import { decode, encode, type Item } from './cbor';
import { lowS, rawLowS } from './der';
import { codeOf } from './fault';

const thrown = (f: () => unknown): string => {
  try {
    f();
  } catch (e) {
    return codeOf(e);
  }
  return 'ok';
};

describe('bytes', () => {
  test('base64url of every length and byte', () => {
    for (let n = 0; n < 300; n++) {
      const b = Uint8Array.from({ length: n }, (_, i) => (i * 37 + n) & 0xff);
      expect(b64u(b)).toBe(Buffer.from(b).toString('base64url'));
      expect(hex(unb64u(b64u(b)))).toBe(hex(b));
    }
  });
  test.each(['=', 'AA==', 'A', 'AB', 'A A', 'AA\n', 'A+', 'A/', '가'])('base64url %j is refused', (s) => {
    expect(thrown(() => unb64u(s))).toBe('malformed');
  });
  test.each(['A', ':::', 'a', '000 ', 'GGW', '::', '가'])('base45 %j is refused', (s) => {
    expect(thrown(() => unbase45(s))).toBe('malformed');
  });
  test('integers are big-endian and bounded', () => {
    expect(hex(concat(u8(255), u16(258), u32(0xfffffffe), u64(2 ** 40 + 1)))).toBe('ff0102fffffffe0000010000000001');
    for (const f of [() => u8(256), () => u16(-1), () => u32(2 ** 32), () => u64(2 ** 53), () => u32(1.5)]) expect(thrown(f)).toBe('malformed');
  });
  test('equal', () => {
    expect(equal(unhex('0102'), unhex('0102'))).toBe(true);
    expect(equal(unhex('0102'), unhex('0103'))).toBe(false);
    expect(equal(unhex('0102'), unhex('010200'))).toBe(false);
  });
  test.each(['ff', 'c0af', 'eda080', 'c3'])('UTF-8 %s is refused', (s) => expect(thrown(() => text(unhex(s)))).toBe('malformed'));
});

describe('cbor', () => {
  // RFC 8949, appendix A, as far as the subset goes.
  test.each<[Item, string]>([
    [0, '00'],
    [23, '17'],
    [24, '1818'],
    [255, '18ff'],
    [256, '190100'],
    [1000000, '1a000f4240'],
    [1000000000000, '1b000000e8d4a51000'],
    [-1, '20'],
    [-1000, '3903e7'],
    ['', '60'],
    ['IETF', '6449455446'],
    ['水', '63e6b0b4'],
    [unhex('01020304'), '4401020304'],
    [[1, [2, 3], [4, 5]], '8301820203820405'],
    [Array.from({ length: 25 }, (_, i) => i + 1), '98190102030405060708090a0b0c0d0e0f101112131415161718181819'],
    [new Map([[3, 4], [1, 2]]), 'a201020304'],
  ])('%j', (item, want) => {
    expect(hex(encode(item))).toBe(want);
    expect(decode(unhex(want))).toEqual(item);
  });
  // What two readers could understand differently (sync/canon refuses the same).
  test.each([
    ['longer integer than needed', '1807'],
    ['longer length than needed', '5801ff'],
    ['16 bits for 8', '1900ff'],
    ['32 bits for 16', '1a0000ffff'],
    ['64 bits for 32', '1b00000000ffffffff'],
    ['a length that no number holds', '5b0020000000000000'],
    ['indefinite array', '9f01ff'],
    ['indefinite bytes', '5f4101ff'],
    ['reserved length', '1c'],
    ['trailing byte', '0000'],
    ['tag', 'c100'],
    ['float', 'f93c00'],
    ['true', 'f5'],
    ['invalid UTF-8', '61ff'],
    ['truncated bytes', '4401'],
    ['array of more than there is', '9a7fffffff'],
    ['bytes of more than there is', '5a7fffffff00'],
    ['empty', ''],
    ['duplicate key', 'a201010102'],
    ['keys out of order', 'a202010101'],
    ['text key', 'a1616101'],
    ['too deep', '81'.repeat(10) + '00'],
  ])('%s is refused', (_, bytes) => expect(thrown(() => decode(unhex(bytes)))).toBe('malformed'));

  test.each([2n ** 53n, 2n ** 63n + 3n, 2n ** 64n - 1n])('%i is a bigint', (n) => {
    expect(decode(encode(n))).toBe(n);
    expect(encode(n)).toHaveLength(9);
  });
  test.each([0n, 7n, 2n ** 53n - 1n, 2n ** 64n, -1n])('%i is no bigint of ours', (n) => expect(thrown(() => encode(n))).toBe('malformed'));
});

describe('signatures', () => {
  const n = 'ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551';
  const half = '7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8';
  const above = '7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a9';
  const one = '01'.padStart(64, '0');
  const sequence = (r: string, s: string) => {
    const body = `02${hex(u8(r.length / 2))}${r}02${hex(u8(s.length / 2))}${s}`;
    return unhex(`30${hex(u8(body.length / 2))}${body}`);
  };
  test('s is lowered, or left', () => {
    expect(hex(rawLowS(sequence('01', half)))).toBe(one + half);
    expect(hex(rawLowS(sequence('01', above)))).toBe(one + half);
    const least = n.slice(0, -2) + '50'; // n−1 is 1 when lowered
    expect(hex(rawLowS(sequence('01', `00${least}`)))).toBe(one + one);
    expect(hex(lowS(unhex(one + above)))).toBe(one + half);
    expect(hex(lowS(unhex(one + half)))).toBe(one + half);
  });
  test.each([
    ['empty', ''],
    ['r is zero', '3006020100020101'],
    ['s is zero', '3006020101020100'],
    ['r is n', `3026022100${n}020101`],
    ['negative', '3006020181020101'],
    ['not minimal', '300702020001020101'],
    ['a byte after the sequence', '300602010102010100'],
    ['a byte after s', '300702010102010100'],
    ['long length form', '308106020101020101'],
    ['s is missing', '3003020101'],
    ['length beyond the end', '3006020101020501'],
    ['other tag', '3006030101020101'],
  ])('DER: %s is refused', (_, der) => expect(thrown(() => rawLowS(unhex(der)))).toBe('malformed'));
  test('raw: zeros, the order and other lengths are refused', () => {
    const zero = '00'.repeat(32);
    for (const raw of [zero + one, one + zero, n + one, one + n, one]) expect(thrown(() => lowS(unhex(raw)))).toBe('malformed');
  });
});
