// One node: what it has seen of the chain, and what it does wrong.

import { confirmation, finality } from './chain.js';
import { RPCError, invalid } from './errors.js';
import * as p from './params.js';
import { random } from './random.js';

const unhealthy = 128; // slots behind
const defaults = { p429: 0, shape429: 'json', pDrop: 0, pLate: 0, lateSlots: 5, pLost: 0, delayMs: 0, behindSlots: 0, blackHole: false };

export class Node {
  /** @param {import('./chain.js').Chain} chain @param {number} seed */
  constructor(chain, seed) {
    this.chain = chain;
    this.chance = random(seed);
    this.faults = { ...defaults };
    this.counts = { calls: {}, busy: 0, dropped: 0, late: 0, lost: 0 };
    this.forgotten = -1; // nothing is known of transactions up to this height
    this.held = new Set(); // connections in the black hole
  }

  /** Whether what has that probability happens now. */
  happens(probability) {
    return probability > 0 && this.chance() < probability;
  }

  /** Sets what the node does wrong; what is left out it does right. */
  fail(faults) {
    const f = p.config(faults);
    for (const name of Object.keys(f)) if (!(name in defaults)) throw invalid(`Invalid params: unknown fault \`${name}\`.`);
    this.faults = {
      p429: p.share(f.p429, 'p429'),
      shape429: p.oneOf(f.shape429 || undefined, ['json', 'text', 'rpc'], 'json'),
      pDrop: p.share(f.pDrop, 'pDrop'),
      pLate: p.share(f.pLate, 'pLate'),
      lateSlots: p.whole(f.lateSlots || 5, 'lateSlots', { most: 100_000 }),
      pLost: p.share(f.pLost, 'pLost'),
      delayMs: p.whole(f.delayMs, 'delayMs', { most: 600_000, or: 0 }),
      behindSlots: p.whole(f.behindSlots, 'behindSlots', { most: 400, or: 0 }),
      blackHole: p.flag(f.blackHole, 'blackHole'),
    };
    if (!this.faults.blackHole) {
      for (const socket of this.held) socket.destroy();
      this.held.clear();
    }
    return this.faults;
  }

  /** The height that the node shows at a commitment. */
  height(commitment = 'finalized') {
    const depth = { processed: 0, confirmed: confirmation, finalized: finality }[commitment];
    return Math.max(this.chain.oldest, this.chain.tip.height - this.faults.behindSlots - depth);
  }

  /**
   * The block that a call with these options is answered from.
   * @param {{commitment?: string, minContextSlot?: number}} config
   */
  view(config, or = 'finalized') {
    const commitment = p.oneOf(config.commitment, p.commitments, or);
    const block = this.chain.blocks[this.height(commitment)];
    const least = p.whole(config.minContextSlot, 'minContextSlot', { or: 0 });
    if (block.slot < least) throw new RPCError(-32016, 'Minimum context slot has not been reached', { contextSlot: block.slot });
    return block;
  }

  /** An answer with the slot that it is of. */
  at(block, value) {
    return { context: { apiVersion: '4.0.0', slot: block.slot }, value };
  }

  /** What the node knows of a transaction at a commitment, or undefined. */
  transaction(signature, commitment = 'processed') {
    const t = this.chain.transactions.get(signature);
    return t && t.height > this.forgotten && t.height <= this.height(commitment) ? t : undefined;
  }

  healthy() {
    const behind = this.faults.behindSlots;
    if (behind > unhealthy) throw new RPCError(-32005, `Node is behind by ${behind} slots`, { numSlotsBehind: behind });
    return 'ok';
  }

  stats() {
    return { ...this.counts, ...this.chain.counts };
  }
}
