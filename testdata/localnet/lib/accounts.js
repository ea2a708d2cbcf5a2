// Methods that read accounts. Each answers with the state at the block of its
// commitment, not with the newest.

import * as base58 from './base58.js';
import { bytes } from './chain.js';
import { RPCError, invalid } from './errors.js';
import * as p from './params.js';

const rentEpoch = 0xffff_ffff_ffff_ffffn; // of every account that is exempt, and others are not allowed
const maxBase58 = 128; // bytes of data that are told in base58
const maxFilters = 4;
const tokenPrograms = ['TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA', 'TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb'];
const encodings = ['base58', 'base64', 'base64+zstd', 'jsonParsed', 'binary'];

export const accounts = {
  getAccountInfo(node, params) {
    const [k, c] = p.list(params, 2, 1);
    const key = p.key(k);
    const config = p.config(c);
    const block = node.view(config);
    return node.at(block, show(node, node.chain.journal.at(key, block.height), config));
  },

  getMultipleAccounts(node, params) {
    const [ks, c] = p.list(params, 2, 1);
    const keys = p.many(ks, 100, p.key);
    const config = p.config(c);
    const block = node.view(config);
    const read = (key) => show(node, node.chain.journal.at(key, block.height), { encoding: 'base64', ...config });
    return node.at(block, keys.map(read));
  },

  getBalance(node, params) {
    const [k, c] = p.list(params, 2, 1);
    const key = p.key(k);
    const block = node.view(p.config(c));
    return node.at(block, whole(node.chain.journal.at(key, block.height)?.lamports() ?? 0n));
  },

  getMinimumBalanceForRentExemption(node, params) {
    const [size] = p.list(params, 2, 1);
    return whole(node.chain.svm.minimumBalanceForRentExemption(BigInt(p.whole(size, 'size', { most: 10 << 20 }))));
  },

  getProgramAccounts(node, params) {
    const [k, c] = p.list(params, 2, 1);
    const program = p.key(k);
    const config = p.config(c);
    const block = node.view(config);
    const found = owned(node, block, program, filters(config.filters)).map(([key, account]) => ({
      pubkey: base58.encode(bytes(key)),
      account: show(node, account, config),
    }));
    return p.flag(config.withContext, 'withContext') ? node.at(block, found) : found;
  },

  getTokenAccountsByOwner: (node, params) => tokenAccounts(node, params, 32),
  getTokenAccountsByDelegate: (node, params) => tokenAccounts(node, params, 76),

  getTokenAccountBalance(node, params) {
    const { block, data } = tokenData(node, params, (d) => isTokenAccount(d));
    const mint = node.chain.journal.at(data.subarray(0, 32).toString('latin1'), block.height);
    if (!mint) throw invalid('Invalid param: could not find mint');
    return node.at(block, amount(data.readBigUInt64LE(64), mint.data()[44]));
  },

  getTokenSupply(node, params) {
    const { block, data } = tokenData(node, params, (d) => isMint(d));
    return node.at(block, amount(data.readBigUInt64LE(36), data[44]));
  },

  getTokenLargestAccounts(node, params) {
    const { block, data, key, owner } = tokenData(node, params, (d) => isMint(d));
    const held = owned(node, block, owner, [(d) => isTokenAccount(d) && d.subarray(0, 32).equals(bytes(key))])
      .map(([address, account]) => ({ address: base58.encode(bytes(address)), n: Buffer.from(account.data()).readBigUInt64LE(64) }))
      .sort((a, b) => (a.n < b.n ? 1 : -1));
    return node.at(block, held.slice(0, 20).map(({ address, n }) => ({ address, ...amount(n, data[44]) })));
  },
};

// JSON has no integers above 2^53: server.js writes these.
const whole = (n) => (n <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(n) : n);

/** An account as the RPC shows it. */
export function show(node, account, config) {
  if (!account) return null;
  const data = Buffer.from(account.data());
  return {
    data: encode(data, config),
    executable: account.executable(),
    lamports: whole(account.lamports()),
    owner: node.chain.nameOf(account.owner()),
    rentEpoch,
    space: data.length,
  };
}

function encode(data, config) {
  const encoding = p.oneOf(config.encoding, encodings, 'binary');
  const slice = config.dataSlice;
  let part = data;
  if (slice !== undefined && slice !== null) {
    if (!p.object(slice)) throw invalid('Invalid params: invalid type, expected a data slice.');
    const offset = p.whole(slice.offset, 'offset');
    part = data.subarray(offset, offset + p.whole(slice.length, 'length'));
  }
  switch (encoding) {
    case 'base64':
    case 'jsonParsed': // as a node does where it has no parser
      return [part.toString('base64'), 'base64'];
    case 'base64+zstd':
      throw invalid('Invalid params: base64+zstd is not offered here.');
    default:
      if (part.length > maxBase58) throw new RPCError(-32600, `Encoded binary (base 58) data should be less than ${maxBase58} bytes, please use Base64 encoding.`);
      return encoding === 'binary' ? base58.encode(part) : [base58.encode(part), 'base58'];
  }
}

function filters(list) {
  if (list === undefined || list === null) return [];
  if (!Array.isArray(list)) throw invalid('Invalid params: invalid type, expected a sequence.');
  if (list.length > maxFilters) throw invalid(`Too many filters provided; max ${maxFilters}`);
  return list.map((f) => {
    if (!p.object(f)) throw invalid('Invalid params: invalid type, expected a filter.');
    if (f.dataSize !== undefined) {
      const size = p.whole(f.dataSize, 'dataSize');
      return (data) => data.length === size;
    }
    if (f.tokenAccountState !== undefined) return isTokenAccount;
    if (!p.object(f.memcmp)) throw invalid('Invalid params: unknown filter.');
    const { offset, encoding } = f.memcmp;
    const text = p.text(f.memcmp.bytes, 'bytes');
    const wanted = p.oneOf(encoding, ['base58', 'base64'], 'base58') === 'base64' ? Buffer.from(text, 'base64') : base58.decode(text);
    if (!wanted || wanted.length > 128) throw invalid('Invalid param: bytes of a filter');
    const at = p.whole(offset, 'offset');
    return (data) => at + wanted.length <= data.length && data.subarray(at, at + wanted.length).equals(wanted);
  });
}

/** The accounts of a program at a block for which all tests hold. */
function owned(node, block, program, tests) {
  const { svm, journal } = node.chain;
  const of = bytes(program);
  const found = new Map(svm.getProgramAccounts(of).map((a) => [Buffer.from(a.address).toString('latin1'), a.account()]));
  for (const [key, account] of journal.since(block.height)) {
    if (account && of.equals(account.owner())) found.set(key, account);
    else found.delete(key);
  }
  return [...found].filter(([, account]) => {
    if (account.lamports() === 0n) return false;
    const data = Buffer.from(account.data());
    return tests.every((t) => t(data));
  });
}

const isTokenAccount = (d) => d.length === 165 || (d.length > 165 && d[165] === 2);
const isMint = (d) => d.length === 82 || (d.length > 165 && d[165] === 1);

function tokenAccounts(node, params, at) {
  const [k, f, c] = p.list(params, 3, 2);
  const whose = bytes(p.key(k));
  const filter = p.config(f);
  const config = p.config(c);
  const block = node.view(config);
  const tests = [(d) => isTokenAccount(d) && d.subarray(at, at + 32).equals(whose)];
  if (at === 76) tests.push((d) => d.readUInt32LE(72) === 1);
  let programs = tokenPrograms.map((name) => base58.decode(name).toString('latin1'));
  if (filter.mint !== undefined) {
    const mint = bytes(p.key(filter.mint));
    tests.push((d) => d.subarray(0, 32).equals(mint));
  } else if (filter.programId !== undefined) programs = [p.key(filter.programId)];
  else throw invalid('Invalid params: expected `mint` or `programId`.');
  const found = programs.flatMap((program) => owned(node, block, program, tests));
  return node.at(block, found.map(([key, account]) => ({ pubkey: base58.encode(bytes(key)), account: show(node, account, config) })));
}

function tokenData(node, params, is) {
  const [k, c] = p.list(params, 2, 1);
  const key = p.key(k);
  const block = node.view(p.config(c));
  const account = node.chain.journal.at(key, block.height);
  if (!account) throw invalid('Invalid param: could not find account');
  const owner = Buffer.from(account.owner()).toString('latin1');
  const data = Buffer.from(account.data());
  if (!tokenPrograms.includes(node.chain.nameOf(account.owner())) || !is(data)) throw invalid('Invalid param: not a Token account');
  return { block, key, owner, data };
}

function amount(n, decimals) {
  const digits = n.toString().padStart(decimals + 1, '0');
  const cut = digits.length - decimals;
  const text = decimals === 0 ? digits : `${digits.slice(0, cut)}.${digits.slice(cut)}`.replace(/\.?0+$/, '');
  return { amount: n.toString(), decimals, uiAmount: Number(text), uiAmountString: text };
}
