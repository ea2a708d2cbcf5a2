// Methods that send, simulate and look up transactions.

import * as base58 from './base58.js';
import { bytes, lines, maxAge, returned } from './chain.js';
import { show } from './accounts.js';
import { RPCError, errorOf, invalid, words } from './errors.js';
import { native } from './native.js';
import * as p from './params.js';
import * as wire from './wire.js';

const maxEncoded = { base58: 1683, base64: 1644 }; // characters of a transaction
const remembered = 300; // blocks whose statuses are known without a search of the history
const kind = 'solana_transaction::versioned::VersionedTransaction';

export const transactions = {
  requestAirdrop(node, params) {
    const [k, n] = p.list(params, 3, 2);
    const signature = node.chain.airdrop(p.key(k), p.whole(n, 'lamports'));
    if (!signature) throw new RPCError(-32603, 'Internal error');
    return signature;
  },

  sendTransaction(node, params) {
    const [text, c] = p.list(params, 2, 1);
    const config = p.config(c);
    const w = decode(text, config);
    const preflight = !p.flag(config.skipPreflight, 'skipPreflight');
    const block = node.view({ commitment: config.preflightCommitment ?? undefined, minContextSlot: config.minContextSlot });
    p.whole(config.maxRetries, 'maxRetries', { or: 0 });
    if (preflight) check(node, w, node.chain.blocks[block.height]);
    if (node.happens(node.faults.pDrop)) node.counts.dropped++;
    else if (node.happens(node.faults.pLate)) {
      node.counts.late++;
      node.chain.late.push({ height: node.chain.tip.height + node.faults.lateSlots, wire: w });
    } else node.chain.land(w);
    return w.signature;
  },

  simulateTransaction(node, params) {
    const [text, c] = p.list(params, 2, 1);
    const config = p.config(c);
    const verify = p.flag(config.sigVerify, 'sigVerify');
    const replace = p.flag(config.replaceRecentBlockhash, 'replaceRecentBlockhash');
    if (verify && replace) throw invalid('sigVerify may not be used with replaceRecentBlockhash');
    const w = decode(text, config);
    const block = node.view(config);
    const addresses = config.accounts === undefined ? [] : p.many(p.config(config.accounts).addresses, w.keys.length, p.key);
    const { value, after } = outcome(node, w, block, { verify, replace });
    if (value.err === 'SignatureFailure') throw new RPCError(-32003, 'Transaction signature verification failure');
    return node.at(block, {
      ...value,
      fee: wire.fee(w),
      accounts: addresses.length > 0 ? addresses.map((key) => show(node, after.get(key) ?? null, { encoding: 'base64' })) : null,
      replacementBlockhash: replace ? { blockhash: block.hash, lastValidBlockHeight: block.height + maxAge } : undefined,
    });
  },

  getSignatureStatuses(node, params) {
    const [list, c] = p.list(params, 2, 1);
    const signatures = p.many(list, 256, p.signature);
    const search = p.flag(p.config(c).searchTransactionHistory, 'searchTransactionHistory');
    const seen = node.height('processed');
    return node.at(
      node.chain.blocks[seen],
      signatures.map((s) => {
        const t = node.transaction(s);
        return t && (search || seen - t.height < remembered) ? status(node, t) : null;
      }),
    );
  },

  getSignaturesForAddress(node, params) {
    const [k, c] = p.list(params, 2, 1);
    const key = p.key(k);
    const config = p.config(c);
    const limit = p.whole(config.limit, 'limit', { least: 1, most: 1000, or: 1000 });
    const commitment = p.oneOf(config.commitment, ['confirmed', 'finalized'], 'finalized');
    node.view({ ...config, commitment });
    const [before, until] = [config.before, config.until].map((s) => (s === undefined || s === null ? undefined : p.signature(s)));
    const found = [];
    let started = before === undefined;
    for (let height = node.height(commitment); height > node.forgotten && height >= 0; height--) {
      for (const signature of node.chain.blocks[height].signatures.toReversed()) {
        if (signature === until || found.length === limit) return found;
        const t = node.chain.transactions.get(signature);
        if (started && t.keys.includes(key)) {
          found.push({
            signature,
            slot: t.slot,
            err: t.error,
            memo: null,
            blockTime: node.chain.blocks[height].time,
            confirmationStatus: status(node, t).confirmationStatus,
          });
        }
        if (signature === before) started = true;
      }
    }
    return found;
  },

  getTransaction(node, params) {
    const [s, c] = p.list(params, 2, 1);
    const signature = p.signature(s);
    const config = typeof c === 'string' ? { encoding: c } : p.config(c);
    const encoding = p.oneOf(config.encoding, ['json', 'base64', 'base58'], 'json');
    const commitment = p.oneOf(config.commitment, ['confirmed', 'finalized'], 'finalized');
    const t = node.transaction(signature, commitment);
    if (!t?.body) return null;
    const w = wire.read(t.body.raw);
    const { version } = w;
    const most = p.whole(config.maxSupportedTransactionVersion, 'maxSupportedTransactionVersion', { most: 255, or: -1 });
    if (version !== 'legacy' && version > most) {
      throw new RPCError(-32015, `Transaction version (${version}) is not supported by the requesting client. Please try the request again with the following configuration parameter: "maxSupportedTransactionVersion": ${version}`);
    }
    const answer = { slot: t.slot, blockTime: node.chain.blocks[t.height].time, transaction: body(w, encoding), meta: meta(t) };
    return most >= 0 ? { ...answer, version } : answer;
  },
};

/** What was sent, read to the last byte. */
function decode(text, config) {
  p.text(text, 'a transaction');
  const encoding = p.oneOf(config.encoding, ['base58', 'base64'], 'base58');
  if (text.length > maxEncoded[encoding]) throw invalid(`${encoding} encoded ${kind} too large: ${text.length} bytes (max: encoded/raw ${maxEncoded[encoding]}/${wire.maxWire})`);
  const raw = encoding === 'base64' ? base64(text) : base58.decode(text);
  if (!raw) throw invalid(`invalid ${encoding} encoding`);
  if (raw.length > wire.maxWire) throw invalid(`decoded ${kind} too large: ${raw.length} bytes (max: ${wire.maxWire} bytes)`);
  try {
    return wire.read(raw);
  } catch (e) {
    if (e instanceof wire.WireError) throw invalid(e.message.startsWith('invalid transaction') ? e.message : `failed to deserialize ${kind}: ${e.message}`);
    throw e;
  }
}

function base64(text) {
  const raw = Buffer.from(text, 'base64');
  return raw.toString('base64') === text ? raw : null;
}

/** What a transaction would come to at a block: as the RPC shows it, and the accounts it leaves. */
function outcome(node, w, block, { verify = true, replace = false } = {}) {
  const refused = (err) => ({ value: { err, logs: [], unitsConsumed: 0, returnData: null }, after: new Map() });
  const known = node.chain.transactions.get(w.signature);
  if (known && known.height <= block.height && !replace) return refused('AlreadyProcessed');
  if (!replace && !node.chain.fresh(w.blockhash, block.height)) return refused('BlockhashNotFound');
  const result = node.chain.simulate(w, block.height, { verify });
  const failed = result instanceof native.FailedTransactionMetadata;
  const done = result.meta();
  return {
    value: {
      err: failed ? errorOf(result) : null,
      logs: done.logs(),
      unitsConsumed: Number(done.computeUnitsConsumed()),
      returnData: returned(done),
    },
    after: new Map(failed ? [] : result.postAccounts().map((a) => [Buffer.from(a.address).toString('latin1'), a.account()])),
  };
}

/** Preflight: refuses what would not succeed at the block. */
function check(node, w, block) {
  node.healthy();
  const { value } = outcome(node, w, block);
  if (value.err === null) return;
  if (value.err === 'SignatureFailure') throw new RPCError(-32003, 'Transaction signature verification failure');
  throw new RPCError(-32002, `Transaction simulation failed: ${words(value.err)}`, { accounts: null, innerInstructions: null, ...value });
}

const result = (error) => (error ? { Err: error } : { Ok: null });

function status(node, t) {
  const final = t.height <= node.height('finalized');
  return {
    slot: t.slot,
    confirmations: final ? null : node.height('processed') - t.height,
    err: t.error,
    status: result(t.error),
    confirmationStatus: final ? 'finalized' : t.height <= node.height('confirmed') ? 'confirmed' : 'processed',
  };
}

function body(w, encoding) {
  if (encoding !== 'json') return [encoding === 'base64' ? w.raw.toString('base64') : base58.encode(w.raw), encoding];
  const message = {
    header: { numRequiredSignatures: w.header.required, numReadonlySignedAccounts: w.header.readonlySigned, numReadonlyUnsignedAccounts: w.header.readonlyUnsigned },
    accountKeys: w.keys.map((k) => base58.encode(bytes(k))),
    recentBlockhash: w.blockhash,
    instructions: w.instructions.map((i) => ({ programIdIndex: i.program, accounts: [...i.accounts], data: base58.encode(i.data), stackHeight: 1 })),
  };
  if (w.version !== 'legacy') {
    message.addressTableLookups = w.lookups.map((l) => ({ accountKey: base58.encode(bytes(l.table)), writableIndexes: [...l.writable], readonlyIndexes: [...l.readonly] }));
  }
  return { signatures: w.signatures.map((s) => base58.encode(s)), message };
}

function meta({ error, body: b }) {
  return {
    err: error,
    status: result(error),
    fee: b.fee,
    preBalances: b.before,
    postBalances: b.after,
    innerInstructions: null, // null means: this node does not keep them
    logMessages: lines(b),
    preTokenBalances: null,
    postTokenBalances: null,
    rewards: [],
    loadedAddresses: { writable: [], readonly: [] },
    computeUnitsConsumed: b.units,
    returnData: b.returned,
  };
}
