// What accounts held in the past: for each height, what those that it wrote held before
// it. So a read at any height that is kept costs one search, a fork costs what it
// undoes, and what nobody writes costs nothing.

import { native } from './native.js';

const systemProgram = new Uint8Array(32);

// Accounts of these owners are of the machine itself, and are never written.
const owners = new Set(['NativeLoader1111111111111111111111111111111', 'Sysvar1111111111111111111111111111111111111']);

const bytes = (key) => Buffer.from(key, 'latin1');

export class Journal {
  /** @param {object} svm @param {(owner: Uint8Array) => string} name of an owner, in base58 */
  constructor(svm, name) {
    this.svm = svm;
    this.name = name;
    /** @type {Map<string, {height: number, before: object | null}[]>} oldest first */
    this.entries = new Map();
    /** @type {Map<number, string[]>} */
    this.written = new Map();
    this.kept = -1; // what was written up to here is forgotten
  }

  /** The account as it is, or null. */
  now(key) {
    const account = this.svm.getAccount(bytes(key));
    return account && account.lamports() > 0n ? account : null;
  }

  /** Whether an account may be written by a transaction. */
  writable(account) {
    return !account || !(account.executable() || owners.has(this.name(account.owner())));
  }

  /** Keeps what the keys hold before something at that height writes them. */
  keep(keys, height) {
    for (const key of keys) {
      const list = this.entries.get(key);
      if (list && list.at(-1).height === height) continue;
      const before = this.now(key);
      if (!this.writable(before)) continue;
      if (list) list.push({ height, before });
      else this.entries.set(key, [{ height, before }]);
      const written = this.written.get(height);
      if (written) written.push(key);
      else this.written.set(height, [key]);
    }
  }

  /** The account as it was when that height was done, or null. */
  at(key, height) {
    const later = this.entries.get(key)?.find((e) => e.height > height);
    return later ? later.before : this.now(key);
  }

  /** What each key that was written after the height held then. @returns {Map<string, object | null>} */
  since(height) {
    const past = new Map();
    for (const [key, list] of this.entries) {
      const later = list.find((e) => e.height > height);
      if (later) past.set(key, later.before);
    }
    return past;
  }

  /** Runs with those of the keys put back that have been written since the height. */
  within(keys, height, run) {
    const held = [];
    for (const key of new Set(keys)) {
      const later = this.entries.get(key)?.find((e) => e.height > height);
      if (later) held.push([key, later.before]);
    }
    const present = held.map(([key]) => [key, this.now(key)]);
    for (const [key, account] of held) this.put(key, account);
    try {
      return run();
    } finally {
      for (const [key, account] of present) this.put(key, account);
    }
  }

  /** Undoes what was written after the height. */
  undo(height) {
    for (const [key, account] of this.since(height)) {
      this.put(key, account);
      const list = this.entries.get(key).filter((e) => e.height <= height);
      if (list.length > 0) this.entries.set(key, list);
      else this.entries.delete(key);
    }
    for (const h of [...this.written.keys()]) if (h > height) this.written.delete(h);
  }

  /** Forgets what was before the height: nobody reads that far back. */
  forget(height) {
    for (; this.kept < height; this.kept++) {
      for (const key of this.written.get(this.kept + 1) ?? []) {
        const list = this.entries.get(key);
        while (list && list.length > 0 && list[0].height <= this.kept + 1) list.shift();
        if (list?.length === 0) this.entries.delete(key);
      }
      this.written.delete(this.kept + 1);
    }
  }

  put(key, account) {
    this.svm.setAccount(bytes(key), account ?? new native.Account(0n, new Uint8Array(), systemProgram, false, 0n));
  }
}
