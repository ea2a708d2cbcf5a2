// The methods that no cluster has: what tests make happen. Faults do not touch them.

import { native } from './native.js';
import { invalid } from './errors.js';
import * as p from './params.js';

const maxSlots = 1_000_000;

export const prefix = 'localnet_';

export const control = {
  localnet_faults: (node, params) => node.fail(p.list(params, 1, 1)[0]),
  localnet_stats: (node) => node.stats(),

  localnet_tick: (node, params) => node.chain.tick(p.whole(p.list(params, 1)[0], 'slots', { most: maxSlots, or: 1 })),
  localnet_skip: (node, params) => node.chain.skip(p.whole(p.list(params, 1)[0], 'slots', { most: maxSlots, or: 1 })),

  localnet_snapshot(node) {
    node.chain.snapshot = node.chain.tip.height;
    return node.chain.tip.slot;
  },

  // Without a number of blocks, back to the snapshot. `again`: after how many blocks
  // what was undone lands once more, 0 for never.
  localnet_rollback(node, params) {
    const [n, again] = p.list(params, 2);
    const { chain } = node;
    let height = chain.snapshot;
    if (n !== undefined && n !== null) height = chain.tip.height - p.whole(n, 'blocks');
    if (height === null) throw invalid('Invalid params: there is no snapshot.');
    if (height < chain.oldest) throw invalid(`Invalid params: only ${chain.tip.height - chain.oldest} blocks can be undone.`);
    return chain.rollback(height, { again: p.whole(again, 'again', { most: maxSlots, or: 0 }) });
  },

  localnet_rent(node, params) {
    const perByte = p.whole(p.list(params, 1, 1)[0], 'lamports per byte', { most: 1_000_000 });
    node.chain.svm.setRent(new native.Rent(BigInt(perByte), 1.0, 50));
    return Number(node.chain.svm.minimumBalanceForRentExemption(165n));
  },

  localnet_priority(node, params) {
    node.chain.priority = p.whole(p.list(params, 1, 1)[0], 'micro-lamports');
    return node.chain.priority;
  },

  localnet_forget(node) {
    node.forgotten = node.chain.tip.height;
    return node.chain.tip.slot;
  },
};
