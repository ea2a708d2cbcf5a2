import { describe, expect, test } from 'vitest';
import { base58 } from '../../core/base58';
import { unb64u } from '../../core/bytes';
import { addressOf, short, signatureOf, sol, webLink } from './chain';

describe('sol', () => {
  test.each([
    [0, '0 SOL'],
    [1, '0.000000001 SOL'],
    [10, '0.00000001 SOL'],
    [5000, '0.000005 SOL'],
    [7_305_120, '0.00730512 SOL'],
    [999_999_999, '0.999999999 SOL'],
    [1_000_000_000, '1 SOL'],
    [1_000_000_001, '1.000000001 SOL'],
    [1_234_567_890_123_456, '1,234,567.890123456 SOL'],
    [9_007_199_254_740_991, '9,007,199.254740991 SOL'],
    [-7_250_000, '−0.00725 SOL'],
    [-1, '−0.000000001 SOL'],
    [100_000_000_000, '100 SOL'],
  ])('%i lamports are %s', (lamports, text) => expect(sol(lamports)).toBe(text.replace(' ', '\u00a0')));

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 0.5, 2 ** 53, '5000' as unknown as number, undefined as unknown as number])('%s is no amount', (n) => expect(sol(n)).toBe('?'));

  test('every lamport is said, and can be read back', () => {
    for (let n = 1, i = 0; n < 2 ** 53; n = n * 3 + (i++ % 7)) {
      const [whole = '', rest = ''] = sol(n).replace(/\u00a0SOL$|,/g, '').split('.');
      expect(BigInt(whole) * 10n ** 9n + BigInt(rest.padEnd(9, '0'))).toBe(BigInt(n));
    }
  });
});

describe('addressOf', () => {
  const good = '9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin';
  test.each([good, '11111111111111111111111111111111', base58(new Uint8Array(32).fill(255))])('%s is an address', (a) => expect(addressOf(a)).toBe(a));
  test('white space around it is left out', () => expect(addressOf(`\n ${good}\t`)).toBe(good));
  test.each([
    ['nothing', ''],
    ['a byte less', base58(new Uint8Array(31).fill(255))],
    ['a byte more', base58(new Uint8Array(33).fill(1))],
    ['a zero too many', `1${'1'.repeat(32)}`],
    ['too few digits', good.slice(3)],
    ['what base58 leaves out', good.replace('9', '0')],
    ['a letter that looks alike', good.replace('9', 'l')],
    ['white space within', `${good.slice(0, 20)} ${good.slice(20)}`],
    ['an address of another chain', '0x52908400098527886E0F7030069857D2E4169EE7'],
    ['a name', 'minji.sol'],
    ['very much', good.repeat(1000)],
    ['another script', '가'.repeat(32)],
  ])('%s is none', (_, text) => expect(addressOf(text)).toBeNull());
});

describe('signatureOf', () => {
  const raw = Uint8Array.from({ length: 64 }, (_, i) => i);
  test('a signature is read', () => expect(unb64u(signatureOf(` ${base58(raw)}\n`)!)).toEqual(raw));
  test.each([['nothing', ''], ['an address', base58(raw.subarray(32))], ['a byte more', base58(new Uint8Array(65).fill(9))], ['base64', 'AAECAwQFBgcICQ==']])('%s is none', (_, text) => expect(signatureOf(text)).toBeNull());
});

test('short keeps both ends', () => {
  expect(short('9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin')).toBe('9xQe…VFin');
  expect(short('short')).toBe('short');
});

describe('webLink', () => {
  test.each(['https://explorer.example/address/9x?cluster=devnet', 'http://localhost:3000/tx/1', 'HTTPS://explorer.example/'])('%s may be followed', (l) => expect(webLink(l)).toBe(new URL(l).href));
  test.each([undefined, '', 'javascript:alert(1)', ' javascript:alert(1)', 'data:text/html,x', 'file:///etc/passwd', '//explorer.example/x', '/wallet/', 'explorer.example', 'https://', 'http://[', 'jav\nascript:alert(1)'])('%s may not', (l) => expect(webLink(l)).toBeUndefined());
});
