import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from '../lib/random.js';
import { WireError, fee, read, writable } from '../lib/wire.js';

/** @type {[number, number[], number[]][]} */
const one = [[2, [0, 1], [7, 7]]];

const key = (n) => Buffer.alloc(32, n);

function legacy({ signers = 1, header = [1, 0, 1], keys = [key(1), key(2), key(3)], instructions = one } = {}) {
  const compiled = instructions.flatMap(([program, accounts, data]) => [program, accounts.length, ...accounts, data.length, ...data]);
  return Buffer.concat([Buffer.from([signers]), Buffer.alloc(64 * signers, 9), Buffer.from([...header, keys.length]), ...keys, key(8), Buffer.from([instructions.length, ...compiled])]);
}

test('a transaction', () => {
  const w = read(legacy());
  assert.equal(w.version, 'legacy');
  assert.deepEqual(w.keys.map((_, i) => writable(w, i)), [true, true, false]);
  assert.equal(w.instructions[0].data.toString('hex'), '0707');
  assert.equal(fee(w), 5000);
  assert.equal(fee(read(legacy({ signers: 2, header: [2, 1, 1] }))), 10_000);
});

test('what is not one', () => {
  const good = legacy();
  for (const [what, bytes] of Object.entries({
    'nothing': Buffer.alloc(0),
    'no signature': Buffer.concat([Buffer.from([0]), good.subarray(65)]),
    'one signature for two signers': legacy({ header: [2, 0, 1] }),
    'a payer who cannot pay': legacy({ header: [1, 1, 1] }),
    'more read-only than there are': legacy({ header: [1, 0, 3] }),
    'the payer as a program': legacy({ instructions: [[0, [], []]] }),
    'a program that is not there': legacy({ instructions: [[3, [], []]] }),
    'an account that is not there': legacy({ instructions: [[2, [3], []]] }),
    'another version': Buffer.concat([good.subarray(0, 65), Buffer.from([0x81]), good.subarray(65), Buffer.from([0])]),
    'a length in two bytes that needs one': Buffer.concat([Buffer.from([0x81, 0x00]), good.subarray(1)]),
    'one byte more': Buffer.concat([good, Buffer.from([0])]),
    'one byte less': good.subarray(0, -1),
  })) {
    assert.throws(() => read(bytes), WireError, what);
  }
});

test('a version 0 transaction with a lookup', () => {
  const good = legacy({ instructions: [[2, [0, 3, 4], []]] });
  const bytes = Buffer.concat([good.subarray(0, 65), Buffer.from([0x80]), good.subarray(65), Buffer.from([1]), key(5), Buffer.from([1, 30, 1, 31])]);
  const w = read(bytes);
  assert.equal(w.version, 0);
  assert.deepEqual([...w.lookups[0].writable, ...w.lookups[0].readonly], [30, 31]);
  assert.throws(() => read(Buffer.concat([good.subarray(0, 65), Buffer.from([0x80]), good.subarray(65), Buffer.from([0])])), WireError, 'accounts of no table');
});

test('spoilt bytes are refused or understood, never anything else', () => {
  const chance = random(3);
  const good = legacy();
  for (let i = 0; i < 20_000; i++) {
    const bytes = Buffer.from(good);
    for (let n = 1 + Math.floor(chance() * 3); n > 0; n--) bytes[Math.floor(chance() * bytes.length)] = Math.floor(chance() * 256);
    try {
      read(bytes.subarray(0, Math.ceil(chance() * 1.2 * bytes.length)));
    } catch (e) {
      assert.ok(e instanceof WireError, e.stack);
    }
  }
});
