import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '../lib/base58.js';
import { random } from '../lib/random.js';

// The way of the definition: slow, and without tricks.
function slow(bytes) {
  const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
  let n = BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);
  let text = '';
  for (; n > 0n; n /= 58n) text = alphabet[Number(n % 58n)] + text;
  return '1'.repeat(bytes.findIndex((b) => b !== 0) < 0 ? bytes.length : bytes.findIndex((b) => b !== 0)) + text;
}

test('published examples', () => {
  assert.equal(encode(Buffer.from('Hello World!')), '2NEpo7TZRRrLZSi2U');
  assert.equal(encode(Buffer.from('0000287fb4cd', 'hex')), '11233QC4');
  assert.equal(encode(Buffer.alloc(32)), '1'.repeat(32));
  assert.equal(encode(Buffer.alloc(0)), '');
  assert.deepEqual(decode('TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb', 32)?.toString('hex'), '06ddf6e1ee758fde18425dbce46ccddab61afc4d83b90d27febdf928d8a18bfc');
});

test('any bytes there and back', () => {
  const chance = random(1);
  for (let i = 0; i < 2000; i++) {
    const bytes = Buffer.from(Array.from({ length: Math.floor(chance() * 70) }, () => (chance() < 0.2 ? 0 : Math.floor(chance() * 256))));
    const text = encode(bytes);
    assert.equal(text, slow(bytes));
    assert.deepEqual(decode(text), bytes);
  }
});

test('what is not base58, or not of the length', () => {
  for (const text of ['0', 'O', 'I', 'l', ' ', '\u00e9', 'a b', '1\u{1f600}']) assert.equal(decode(text), null, text);
  assert.equal(decode('1'.repeat(31), 32), null);
  assert.equal(decode('1'.repeat(33), 32), null);
  assert.equal(decode('z'.repeat(44), 32), null);
  assert.equal(decode('z'.repeat(1_000_000), 32), null);
});
