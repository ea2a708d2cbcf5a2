// The chain: slots, blocks, blockhashes, transactions, and what is undone of them.
//
// A block is named by its height, which grows by one; its slot grows faster, because a
// cluster skips slots, and so that nobody takes one for the other.

import { createHash } from 'node:crypto';
import * as base58 from './base58.js';
import { errorOf } from './errors.js';
import { Journal } from './journal.js';
import { native } from './native.js';
import * as wire from './wire.js';

export const confirmation = 1; // blocks above a transaction's that make it confirmed
export const finality = 32; // and final
export const maxAge = 150; // blocks that a blockhash is good for
const firstSlot = 1_000_000;
const kept = 512; // blocks that can be read, or undone
const bodies = 20_000; // transactions whose logs and bytes are kept, at least
const slotsPerEpoch = 432_000;

const separator = '\0'; // of lines of logs, which are kept as one text: a tenth of the memory

/** What a transaction returned, as the RPC shows it, or null. */
export function returned(meta) {
  const r = meta.returnData();
  const data = Buffer.from(r.data());
  return data.length === 0 ? null : { programId: base58.encode(r.programId()), data: [data.toString('base64'), 'base64'] };
}

/** The lines of a transaction's logs. */
export const lines = (body) => (body.logs === '' ? [] : body.logs.split(separator));

export const bytes = (key) => Buffer.from(key, 'latin1');

export class Chain {
  /** @param {{seed: number}} options */
  constructor({ seed }) {
    this.svm = new native.LiteSvm();
    // The chain looks after both itself: LiteSVM knows only the latest hash, and would
    // refuse forever what a fork has undone.
    this.svm.setBlockhashCheck(false);
    this.svm.setTransactionHistory(0n);
    this.svm.setLogBytesLimit(10_000n);
    this.seed = seed;
    this.names = new Map(); // of owners, in base58
    this.journal = new Journal(this.svm, (owner) => this.nameOf(owner));
    this.genesis = this.hash('genesis');
    /** @type {{height: number, slot: number, hash: string, time: number, signatures: string[]}[]} by height */
    this.blocks = [];
    this.hashes = new Map(); // blockhash to height
    /** @type {Map<string, object>} what is known of transactions, by signature, oldest first */
    this.transactions = new Map();
    this.bodies = []; // those of them that still have one, oldest first
    this.late = []; // {height, wire}: what lands when the height is reached
    this.forks = 0;
    this.drops = 0;
    this.slot = firstSlot;
    this.snapshot = null; // the height that rollback returns to
    this.counts = { landed: 0, failed: 0, execMs: 0 };
    this.priority = 0; // micro-lamports that others pay for a unit
    this.produce();
    this.tick(finality); // so that there is a final block, and it is not the only one
  }

  hash(...what) {
    return base58.encode(createHash('sha256').update(`localnet ${this.seed} ${what.join(' ')}`).digest());
  }

  nameOf(owner) {
    const key = Buffer.from(owner).toString('latin1');
    let name = this.names.get(key);
    if (!name) this.names.set(key, (name = base58.encode(owner)));
    return name;
  }

  get tip() {
    return this.blocks.at(-1);
  }

  /** Lets slots pass, each with a block. */
  tick(count = 1) {
    for (let i = 0; i < count; i++) {
      this.slot++;
      this.produce();
    }
    return this.slot;
  }

  /** Lets slots pass without one. */
  skip(count) {
    this.slot += count;
    return this.slot;
  }

  produce() {
    const height = this.blocks.length;
    const hash = this.hash(this.forks, this.slot);
    const time = Math.floor(Date.now() / 1000);
    this.blocks.push({ height, slot: this.slot, hash, time, signatures: [] });
    this.hashes.set(hash, height);
    this.svm.warpToSlot(BigInt(this.slot));
    const clock = this.svm.getClock();
    clock.unixTimestamp = BigInt(time);
    clock.epoch = BigInt(Math.floor(this.slot / slotsPerEpoch));
    this.svm.setClock(clock);
    if (height > kept) this.hashes.delete(this.blocks[height - kept].hash); // long too old, at every commitment
    this.journal.forget(Math.min(height - kept, this.snapshot ?? height));
    const due = this.late.filter((l) => l.height <= height);
    this.late = this.late.filter((l) => l.height > height);
    for (const { wire: w } of due) this.land(w);
  }

  /** Whether a blockhash is good for a transaction in the block of that height. */
  fresh(hash, height = this.tip.height) {
    const of = this.hashes.get(hash);
    return of !== undefined && of <= height && height - of <= maxAge;
  }

  /** The accounts that a transaction may write, as far as lookup tables tell. */
  writes(w) {
    const keys = w.keys.filter((_, i) => wire.writable(w, i));
    for (const l of w.lookups) {
      const table = this.journal.now(l.table)?.data();
      if (!table) continue;
      for (const i of l.writable) {
        const at = 56 + 32 * i;
        if (at + 32 <= table.length) keys.push(Buffer.from(table.subarray(at, at + 32)).toString('latin1'));
      }
    }
    return keys;
  }

  /**
   * Has a transaction land in the present block, if it may. What cannot pay, is not
   * signed, is known or too old leaves no trace, as in a cluster.
   * @param {wire.Wire} w
   */
  land(w) {
    if (this.transactions.has(w.signature) || !this.fresh(w.blockhash)) return;
    const { height, slot } = this.tip;
    const writes = this.writes(w);
    this.journal.keep(writes, height);
    const balances = () => w.keys.map((k) => Number(this.svm.getBalance(bytes(k)) ?? 0n));
    const before = balances();
    const began = process.hrtime.bigint();
    const result = this.execute(w);
    this.counts.execMs += Number(process.hrtime.bigint() - began) / 1e6;
    const after = balances();
    const failed = result instanceof native.FailedTransactionMetadata;
    if (failed && after[0] === before[0]) return; // it did not even pay
    if (failed) this.counts.failed++;
    else this.counts.landed++;
    const meta = failed ? result.meta() : result;
    this.record(w.signature, {
      height,
      slot,
      error: failed ? errorOf(result) : null,
      keys: w.keys,
      body: {
        raw: w.raw,
        logs: meta.logs().join(separator),
        units: Number(meta.computeUnitsConsumed()),
        returned: returned(meta),
        before,
        after,
        fee: failed ? before[0] - after[0] : wire.fee(w),
      },
    });
  }

  execute(w) {
    return w.version === 'legacy' ? this.svm.sendLegacyTransaction(w.raw) : this.svm.sendVersionedTransaction(w.raw);
  }

  record(signature, transaction) {
    this.transactions.set(signature, transaction);
    this.tip.signatures.push(signature);
    this.bodies.push(transaction);
    if (this.bodies.length > 2 * bodies) {
      for (const old of this.bodies.splice(0, bodies)) old.body = null;
    }
  }

  /**
   * What a transaction would do to the accounts as they were at the height.
   * @param {wire.Wire} w
   */
  simulate(w, height, { verify = true } = {}) {
    const keys = [...this.writes(w), ...w.keys, ...w.lookups.map((l) => l.table)];
    return this.journal.within(keys, height, () => {
      if (!verify) this.svm.setSigverify(false);
      try {
        return w.version === 'legacy' ? this.svm.simulateLegacyTransaction(w.raw) : this.svm.simulateVersionedTransaction(w.raw);
      } finally {
        if (!verify) this.svm.setSigverify(true);
      }
    });
  }

  /** Lamports out of nothing. Returns the signature, or null where the account cannot have them. */
  airdrop(key, lamports) {
    const account = this.journal.now(key);
    const sum = (account?.lamports() ?? 0n) + BigInt(lamports);
    if (!this.journal.writable(account) || sum >= 1n << 63n) return null;
    this.journal.keep([key], this.tip.height);
    this.svm.setAccount(bytes(key), new native.Account(sum, account?.data() ?? new Uint8Array(), account?.owner() ?? new Uint8Array(32), false, 0n));
    const signature = base58.encode(createHash('sha512').update(`airdrop ${this.seed} ${++this.drops}`).digest());
    this.record(signature, { height: this.tip.height, slot: this.tip.slot, error: null, keys: [key], body: null }); // which never lands again
    return signature;
  }

  /** The first height that can be returned to. */
  get oldest() {
    return Math.max(0, this.journal.kept);
  }

  /**
   * A fork: the blocks above the height are replaced by empty ones of the same slots,
   * and the next is produced. What they held is as if it had never been sent, unless it
   * lands again, after some blocks.
   */
  rollback(height, { again = 0 } = {}) {
    this.forks++;
    const undone = [];
    for (const block of this.blocks.slice(height + 1)) {
      this.hashes.delete(block.hash);
      for (const signature of block.signatures) {
        const raw = this.transactions.get(signature)?.body?.raw;
        if (raw) undone.push(wire.read(raw));
        this.transactions.delete(signature);
      }
      block.signatures = [];
      block.hash = this.hash(this.forks, block.slot);
      this.hashes.set(block.hash, block.height);
    }
    this.journal.undo(height);
    if (again > 0) this.late.push(...undone.map((w) => ({ height: this.tip.height + again, wire: w })));
    if (this.snapshot !== null && this.snapshot > height) this.snapshot = null;
    return this.tick();
  }
}
