import { expect, test } from 'vitest';
import { base58, unbase58 } from './base58';
import { utf8 } from './bytes';
import { codeOf } from './fault';

// draft-msporny-base58, and what it says of zeros.
test.each([
  [utf8('Hello World!'), '2NEpo7TZRRrLZSi2U'],
  [utf8('The quick brown fox jumps over the lazy dog.'), 'USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z'],
  [Uint8Array.of(0, 0, 0x28, 0x7f, 0xb4, 0xcd), '11233QC4'],
  [new Uint8Array(32), '1'.repeat(32)],
  [new Uint8Array(0), ''],
])('%s is %s', (bytes, text) => {
  expect(base58(bytes)).toBe(text);
  expect(unbase58(text, 64)).toEqual(bytes);
});

test('every text has one meaning', () => {
  for (let i = 0; i < 200; i++) {
    const b = crypto.getRandomValues(new Uint8Array(i % 65));
    if (i % 3 === 0) b.fill(0, 0, i % 7);
    expect(unbase58(base58(b), 64)).toEqual(b);
  }
});

test.each(['0', 'O', 'I', 'l', '+', '/', ' ', '=', '가', '2NEpo7TZRRrLZSi2U\n'])('%s is not base58', (s) => {
  let code = '';
  try {
    unbase58(s, 64);
  } catch (thrown) {
    code = codeOf(thrown);
  }
  expect(code).toBe('malformed');
});

test('what is too long is not worked on', () => expect(() => unbase58('z'.repeat(1_000_000), 32)).toThrow('too long'));
