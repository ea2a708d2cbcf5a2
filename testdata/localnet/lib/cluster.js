// Methods about the cluster: its clock, blocks and nodes.

import { maxAge } from './chain.js';
import { RPCError, invalid } from './errors.js';
import * as p from './params.js';
import * as wire from './wire.js';

const slotsPerEpoch = 432_000;
const identity = 'LocaLnetNode1111111111111111111111111111111';

const only = (node, params) => node.view(p.config(p.list(params, 1)[0]));

export const cluster = {
  getHealth: (node) => node.healthy(),
  getVersion: () => ({ 'solana-core': '4.0.0', 'feature-set': 0 }),
  getGenesisHash: (node) => node.chain.genesis,
  getIdentity: () => ({ identity }),
  getSlotLeader: () => identity,
  getSlot: (node, params) => only(node, params).slot,
  getBlockHeight: (node, params) => only(node, params).height,
  getTransactionCount: (node) => node.chain.counts.landed + node.chain.counts.failed,
  getFirstAvailableBlock: (node) => node.chain.blocks[0].slot,
  minimumLedgerSlot: (node) => node.chain.blocks[0].slot,

  getEpochInfo(node, params) {
    const { slot, height } = only(node, params);
    return {
      absoluteSlot: slot,
      blockHeight: height,
      epoch: Math.floor(slot / slotsPerEpoch),
      slotIndex: slot % slotsPerEpoch,
      slotsInEpoch: slotsPerEpoch,
      transactionCount: cluster.getTransactionCount(node),
    };
  },

  getLatestBlockhash(node, params) {
    const block = only(node, params);
    return node.at(block, { blockhash: block.hash, lastValidBlockHeight: block.height + maxAge });
  },

  isBlockhashValid(node, params) {
    const [hash, c] = p.list(params, 2, 1);
    const block = node.view(p.config(c));
    return node.at(block, node.chain.fresh(p.text(hash, 'a blockhash'), block.height));
  },

  getFeeForMessage(node, params) {
    const [text, c] = p.list(params, 2, 1);
    const block = node.view(p.config(c));
    let message;
    try {
      message = wire.readMessage(Buffer.from(p.text(text, 'a message'), 'base64'));
    } catch (e) {
      if (e instanceof wire.WireError) throw invalid(`failed to deserialize solana_message::versions::VersionedMessage: ${e.message}`);
      throw e;
    }
    return node.at(block, node.chain.fresh(message.blockhash, block.height) ? wire.fee(message) : null);
  },

  getRecentPrioritizationFees(node, params) {
    const [keys] = p.list(params, 1);
    if (keys !== undefined) p.many(keys, 128, p.key);
    const last = node.height('processed');
    return node.chain.blocks
      .slice(Math.max(0, last - 149), last + 1)
      .map(({ slot }) => ({ slot, prioritizationFee: node.chain.priority }));
  },

  getBlockTime(node, params) {
    const [slot] = p.list(params, 1, 1);
    return blockOf(node, p.whole(slot, 'slot')).time;
  },

  getBlocks(node, params) {
    const [from, to] = p.list(params, 3, 1);
    const first = p.whole(from, 'start slot');
    const last = typeof to === 'number' ? p.whole(to, 'end slot') : Infinity;
    return node.chain.blocks
      .slice(0, node.height('finalized') + 1)
      .filter(({ slot }) => slot >= first && slot <= last)
      .map(({ slot }) => slot);
  },

  getBlock(node, params) {
    const [slot, c] = p.list(params, 2, 1);
    const config = p.config(c);
    if (p.oneOf(config.transactionDetails, ['none', 'signatures', 'full', 'accounts'], 'full') !== 'signatures') {
      throw invalid('Invalid params: only transactionDetails `signatures` is offered here.');
    }
    const block = blockOf(node, p.whole(slot, 'slot'), config.commitment);
    const parent = node.chain.blocks[block.height - 1];
    return {
      blockHeight: block.height,
      blockTime: block.time,
      blockhash: block.hash,
      parentSlot: parent?.slot ?? block.slot,
      previousBlockhash: parent?.hash ?? block.hash,
      signatures: block.signatures,
    };
  },
};

function blockOf(node, slot, commitment) {
  const last = node.chain.blocks[node.height(p.oneOf(commitment, p.commitments, 'finalized'))];
  if (slot > last.slot) throw new RPCError(-32004, `Block not available for slot ${slot}`);
  const block = node.chain.blocks.findLast((b) => b.slot <= slot);
  if (block?.slot !== slot) throw new RPCError(-32007, `Slot ${slot} was skipped, or missing due to ledger jump to recent snapshot`);
  return block;
}
