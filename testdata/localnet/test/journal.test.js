import assert from 'node:assert/strict';
import { test } from 'node:test';
import { random } from '../lib/random.js';

let Journal;
try {
  await import('node:module').then(({ createRequire }) => createRequire(import.meta.url)('litesvm-linux-x64-gnu'));
  ({ Journal } = await import('../lib/journal.js'));
} catch {
  // told by the tests that are skipped
}
const skip = Journal ? false : 'litesvm is not installed (make node_modules)';

const account = (n) => ({ lamports: () => BigInt(n), owner: () => new Uint8Array(32), executable: () => false });

/** As much of the virtual machine as the journal sees. */
class Machine {
  accounts = new Map();
  getAccount(key) {
    return this.accounts.get(key.toString('latin1')) ?? null;
  }
  setAccount(key, a) {
    if (a.lamports() === 0n) this.accounts.delete(key.toString('latin1'));
    else this.accounts.set(key.toString('latin1'), a);
  }
  all() {
    return new Map([...this.accounts.keys()].sort().map((k) => [k, this.accounts.get(k).lamports()]));
  }
}

const told = (journal, keys, height) => new Map(keys.map((k) => [k, journal.at(k, height)?.lamports() ?? 0n]));

// Random histories against copies of everything.
test('every height reads as it was, and is returned to as it was', { skip }, () => {
  for (let seed = 0; seed < 60; seed++) {
    const chance = random(seed);
    const keys = Array.from({ length: 6 }, (_, i) => `key ${i}`);
    const machine = new Machine();
    const journal = new Journal(machine, () => 'somebody');
    const copies = []; // by height: what all held when it was done
    let forgotten = -1;
    for (let height = 0; height < 40; height++) {
      for (let writes = Math.floor(chance() * 4); writes > 0; writes--) {
        const some = keys.filter(() => chance() < 0.4);
        journal.keep(some, height);
        for (const k of some) machine.setAccount(Buffer.from(k, 'latin1'), account(chance() < 0.2 ? 0 : Math.ceil(chance() * 1e6)));
      }
      copies[height] = new Map(keys.map((k) => [k, machine.accounts.get(k)?.lamports() ?? 0n]));
      for (let h = Math.max(0, forgotten); h <= height; h++) assert.deepEqual(told(journal, keys, h), copies[h], `seed ${seed}: ${h} at ${height}`);
      const past = Math.max(0, forgotten, height - Math.floor(chance() * 10));
      const now = machine.all();
      journal.within(keys, past, () => {
        assert.deepEqual(new Map(keys.map((k) => [k, machine.accounts.get(k)?.lamports() ?? 0n])), copies[past], `seed ${seed}: within ${past} at ${height}`);
      });
      assert.deepEqual(machine.all(), now);
      if (chance() < 0.1 && height > 0) {
        const back = Math.max(0, forgotten, height - Math.ceil(chance() * 8));
        journal.undo(back);
        for (let h = back + 1; h <= height; h++) copies[h] = copies[back];
      }
      if (chance() < 0.2) {
        forgotten = Math.max(forgotten, height - 12);
        journal.forget(forgotten);
      }
    }
    journal.forget(39);
    assert.equal(journal.entries.size, 0);
    assert.equal(journal.written.size, 0);
  }
});
