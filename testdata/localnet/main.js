import http from 'node:http';
import crypto from 'node:crypto';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
const require = createRequire(import.meta.url);
const N = require('litesvm-linux-x64-gnu');
const { values: args } = parseArgs({ options: { port: { type: 'string', default: '0' }, slot: { type: 'string', default: '400' }, seed: { type: 'string', default: '1' }, attached: { type: 'boolean' } } });
if (args.attached) process.stdin.on('end', () => process.exit()).on('error', () => process.exit()).resume();
let svm = new N.LiteSvm();
svm.setBlockhashCheck(false); // the shim keeps the 150-slot window itself; LiteSVM only knows the latest hash
svm.setTransactionHistory(1_000_000n);

// ---- base58
const A = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz', AI = Object.fromEntries([...A].map((c, i) => [c, i]));
function b58(buf) { let z = 0; while (z < buf.length && buf[z] === 0) z++; let n = BigInt('0x' + (Buffer.from(buf).toString('hex') || '0')), s = ''; while (n > 0n) { s = A[Number(n % 58n)] + s; n /= 58n; } return '1'.repeat(z) + s; }
function unb58(s, len) { let n = 0n; for (const c of s) { if (!(c in AI)) throw new Error('bad base58'); n = n * 58n + BigInt(AI[c]); } let h = n.toString(16); if (h.length % 2) h = '0' + h; let b = n === 0n ? Buffer.alloc(0) : Buffer.from(h, 'hex'); let z = 0; while (z < s.length && s[z] === '1') z++; b = Buffer.concat([Buffer.alloc(z), b]); if (len && b.length !== len) throw new Error('bad length'); return b; }
const key = s => unb58(s, 32);
// napi const enums have no runtime values: names by index
const TE = 'AccountInUse AccountLoadedTwice AccountNotFound ProgramAccountNotFound InsufficientFundsForFee InvalidAccountForFee AlreadyProcessed BlockhashNotFound CallChainTooDeep MissingSignatureForFee InvalidAccountIndex SignatureFailure InvalidProgramForExecution SanitizeFailure ClusterMaintenance AccountBorrowOutstanding WouldExceedMaxBlockCostLimit UnsupportedVersion InvalidWritableAccount WouldExceedMaxAccountCostLimit WouldExceedAccountDataBlockLimit TooManyAccountLocks AddressLookupTableNotFound InvalidAddressLookupTableOwner InvalidAddressLookupTableData InvalidAddressLookupTableIndex InvalidRentPayingAccount WouldExceedMaxVoteCostLimit WouldExceedAccountDataTotalLimit MaxLoadedAccountsDataSizeExceeded ResanitizationNeeded InvalidLoadedAccountsDataSizeLimit UnbalancedTransaction ProgramCacheHitMaxLimit CommitCancelled'.split(' ');
const IE = 'GenericError InvalidArgument InvalidInstructionData InvalidAccountData AccountDataTooSmall InsufficientFunds IncorrectProgramId MissingRequiredSignature AccountAlreadyInitialized UninitializedAccount UnbalancedInstruction ModifiedProgramId ExternalAccountLamportSpend ExternalAccountDataModified ReadonlyLamportChange ReadonlyDataModified DuplicateAccountIndex ExecutableModified RentEpochModified NotEnoughAccountKeys AccountDataSizeChanged AccountNotExecutable AccountBorrowFailed AccountBorrowOutstanding DuplicateAccountOutOfSync InvalidError ExecutableDataModified ExecutableLamportChange ExecutableAccountNotRentExempt UnsupportedProgramId CallDepth MissingAccount ReentrancyNotAllowed MaxSeedLengthExceeded InvalidSeeds InvalidRealloc ComputationalBudgetExceeded PrivilegeEscalation ProgramEnvironmentSetupFailure ProgramFailedToComplete ProgramFailedToCompile Immutable IncorrectAuthority AccountNotRentExempt InvalidAccountOwner ArithmeticOverflow UnsupportedSysvar IllegalOwner MaxAccountsDataAllocationsExceeded MaxAccountsExceeded MaxInstructionTraceLengthExceeded BuiltinProgramsMustConsumeComputeUnits BorshIoError'.split(' ');

// ---- chain clock, blockhashes, statuses
let slot = 1n, height = 1n; const hashes = new Map(); const status = new Map(); let late = [];
const faults = { p429: 0, pDrop: 0, pLate: 0, lateSlots: 5, delayMs: 0 };
const stats = { calls: {}, sent: 0, ok: 0, failed: 0, dropped: 0, r429: 0 };
const prios = [];
function tick(n = 1) { for (let i = 0; i < n; i++) { slot++; height++; svm.warpToSlot(slot); svm.expireBlockhash(); hashes.set(svm.latestBlockhash(), slot); if (hashes.size > 400) hashes.delete(hashes.keys().next().value); const due = late.filter(x => x.at <= slot); late = late.filter(x => x.at > slot); for (const x of due) if (hashOK(x.bh)) exec(x.raw); } const c = svm.getClock(); c.unixTimestamp = BigInt(Math.floor(Date.now() / 1000)); svm.setClock(c); }
const hashOK = h => hashes.has(h) && slot - hashes.get(h) <= 150n;
hashes.set(svm.latestBlockhash(), slot); tick(2);
const slotMs = +args.slot; if (slotMs > 0) setInterval(() => tick(1), slotMs).unref();

// ---- transactions
function cu16(b, o) { let v = 0, s = 0, x; do { x = b[o++]; v |= (x & 127) << s; s += 7; } while (x & 128); return [v, o]; }
function parse(raw) {
  if (raw[0] === 0x81) { // SIMD-0385 v1: message first, signatures last
    return { versioned: true, v1: true, sig: b58(raw.subarray(raw.length - raw[1] * 64, raw.length - raw[1] * 64 + 64)), bh: b58(raw.subarray(8, 40)) };
  }
  let [ns, o] = cu16(raw, 0); const sig = b58(raw.subarray(o, o + 64)); o += ns * 64; let versioned = false; if (raw[o] & 0x80) { versioned = true; o++; }
  o += 3; let nk; [nk, o] = cu16(raw, o); o += nk * 32; return { versioned, sig, bh: b58(raw.subarray(o, o + 32)), nsig: ns };
}
function errJSON(f) {
  const e = f.err(); if (typeof e === 'number') return TE[e] || String(e);
  if (e instanceof N.TransactionErrorInstructionError) { const i = e.err(); return { InstructionError: [e.index, typeof i === 'number' ? IE[i] : i.code !== undefined ? { Custom: i.code } : { BorshIoError: i.msg }] }; }
  if (e instanceof N.TransactionErrorInsufficientFundsForRent) return { InsufficientFundsForRent: { account_index: e.accountIndex } };
  if (e instanceof N.TransactionErrorDuplicateInstruction) return { DuplicateInstruction: e.index };
  return String(e);
}
const run = (raw, sim) => { const p = parse(raw); return sim ? (p.versioned ? svm.simulateVersionedTransaction(raw) : svm.simulateLegacyTransaction(raw)) : (p.versioned ? svm.sendVersionedTransaction(raw) : svm.sendLegacyTransaction(raw)); };
const failed = r => r instanceof N.FailedTransactionMetadata;
function exec(raw) {
  const p = parse(raw); if (status.has(p.sig)) return; const t0 = process.hrtime.bigint(); const r = run(raw, false); stats.execMs = (stats.execMs || 0) + Number(process.hrtime.bigint() - t0) / 1e6; stats.sent++;
  const m = failed(r) ? r.meta() : r; failed(r) ? stats.failed++ : stats.ok++;
  status.set(p.sig, { slot, err: failed(r) ? errJSON(r) : null, logs: m.logs(), cu: Number(m.computeUnitsConsumed()), raw: raw.toString('base64') });
}
class RPCErr extends Error { constructor(code, msg, data) { super(msg); this.code = code; this.data = data; } }
const ctx = v => ({ context: { apiVersion: 'litesvm-1.5.0', slot: Number(slot) }, value: v });
function enc(data, o) { let d = Buffer.from(data); const ds = o?.dataSlice; if (ds) d = d.subarray(ds.offset, ds.offset + ds.length); return o?.encoding === 'base58' ? [b58(d), 'base58'] : [d.toString('base64'), 'base64']; }
function acct(a, o) { return a ? { data: enc(a.data(), o), executable: a.executable(), lamports: Number(a.lamports()), owner: b58(a.owner()), rentEpoch: 0, space: a.data().length } : null; }
const get = k => { const a = svm.getAccount(key(k)); return a && a.lamports() > 0n ? a : null; };
const pa = (prog, o) => svm.getProgramAccounts(key(prog)).filter(x => (o?.filters || []).every(f => { const d = x.account().data(); if (f.dataSize !== undefined) return d.length === f.dataSize; if (f.memcmp) { const b = f.memcmp.encoding === 'base64' ? Buffer.from(f.memcmp.bytes, 'base64') : unb58(f.memcmp.bytes); return Buffer.from(d).subarray(f.memcmp.offset, f.memcmp.offset + b.length).equals(b); } return true; }));
const rawTx = (s, o) => o?.encoding === 'base64' ? Buffer.from(s, 'base64') : unb58(s);
let snap = null;
const M = {
  getHealth: () => 'ok', getVersion: () => ({ 'solana-core': '4.3.0-litesvm', 'feature-set': 0 }), getGenesisHash: () => b58(crypto.createHash('sha256').update('svm-shim').digest()),
  getSlot: () => Number(slot), getBlockHeight: () => Number(height), getEpochInfo: () => ({ absoluteSlot: Number(slot), blockHeight: Number(height), epoch: 0, slotIndex: Number(slot), slotsInEpoch: 432000, transactionCount: stats.sent }),
  getLatestBlockhash: () => ctx({ blockhash: svm.latestBlockhash(), lastValidBlockHeight: Number(height) + 150 }), isBlockhashValid: ([h]) => ctx(hashOK(h)),
  getBalance: ([k]) => ctx(Number(svm.getBalance(key(k)) ?? 0n)), getMinimumBalanceForRentExemption: ([n]) => Number(svm.minimumBalanceForRentExemption(BigInt(n))),
  getAccountInfo: ([k, o]) => ctx(acct(get(k), o)), getMultipleAccounts: ([ks, o]) => ctx(ks.map(k => acct(get(k), o))),
  getProgramAccounts: ([p, o]) => pa(p, o).map(x => ({ pubkey: b58(x.address), account: acct(x.account(), o) })),
  getTokenAccountsByOwner: ([own, f, o]) => { const filt = [{ memcmp: { offset: 32, bytes: own } }]; if (f.mint) filt.push({ memcmp: { offset: 0, bytes: f.mint } }); const progs = f.programId ? [f.programId] : ['TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA', 'TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb']; return ctx(progs.flatMap(p => pa(p, { filters: filt }).filter(x => { const d = x.account().data(); return d.length === 165 || (d.length > 165 && d[165] === 2); })).map(x => ({ pubkey: b58(x.address), account: acct(x.account(), o) }))); },
  getTokenAccountBalance: ([k]) => { const d = Buffer.from(get(k).data()); const n = d.readBigUInt64LE(64); return ctx({ amount: n.toString(), decimals: 0, uiAmount: Number(n), uiAmountString: n.toString() }); },
  getTokenSupply: ([k]) => { const d = Buffer.from(get(k).data()); const n = d.readBigUInt64LE(36); return ctx({ amount: n.toString(), decimals: d[44], uiAmount: Number(n) / 10 ** d[44], uiAmountString: n.toString() }); },
  requestAirdrop: ([k, n]) => { const r = svm.airdrop(key(k), BigInt(n)); const s = b58((failed(r) ? r.meta() : r).signature()); status.set(s, { slot, err: failed(r) ? errJSON(r) : null, logs: [], cu: 0 }); if (failed(r)) throw new RPCErr(-32603, 'airdrop failed'); return s; },
  getFeeForMessage: () => ctx(5000), getRecentPrioritizationFees: () => [{ slot: Number(slot), prioritizationFee: 0 }],
  simulateTransaction: ([s, o]) => { const raw = rawTx(s, o), p = parse(raw); if (!o?.replaceRecentBlockhash && !hashOK(p.bh)) return ctx({ err: 'BlockhashNotFound', logs: [], accounts: null, unitsConsumed: 0, returnData: null }); const r = run(raw, true), m = r.meta(); return ctx({ err: failed(r) ? errJSON(r) : null, logs: m.logs(), accounts: null, unitsConsumed: Number(m.computeUnitsConsumed()), returnData: null }); },
  sendTransaction: ([s, o]) => {
    const raw = rawTx(s, o), p = parse(raw);
    if (raw.length > (p.v1 ? 4096 : 1232)) throw new RPCErr(-32602, `base64 encoded solana_transaction::versioned::VersionedTransaction too large: ${raw.length} bytes (max: encoded/raw 1644/1232)`);
    if (!o?.skipPreflight) {
      if (status.has(p.sig)) throw new RPCErr(-32002, 'Transaction simulation failed: This transaction has already been processed', { err: 'AlreadyProcessed', logs: [], unitsConsumed: 0 });
      if (!hashOK(p.bh)) throw new RPCErr(-32002, 'Transaction simulation failed: Blockhash not found', { err: 'BlockhashNotFound', logs: [], accounts: null, unitsConsumed: 0 });
      const r = run(raw, true); if (failed(r)) { const e = errJSON(r); throw new RPCErr(-32002, 'Transaction simulation failed: ' + (e.InstructionError ? `Error processing Instruction ${e.InstructionError[0]}: ${e.InstructionError[1].Custom !== undefined ? 'custom program error: 0x' + e.InstructionError[1].Custom.toString(16) : e.InstructionError[1]}` : JSON.stringify(e)), { err: e, logs: r.meta().logs(), accounts: null, unitsConsumed: Number(r.meta().computeUnitsConsumed()) }); }
    }
    if (Math.random() < faults.pDrop) { stats.dropped++; return p.sig; }
    if (Math.random() < faults.pLate) { late.push({ at: slot + BigInt(faults.lateSlots), raw, bh: p.bh }); return p.sig; }
    if (hashOK(p.bh)) exec(raw); return p.sig;
  },
  getSignatureStatuses: ([sigs]) => ctx(sigs.map(s => { const t = status.get(s); if (!t) return null; const age = slot - t.slot; return { slot: Number(t.slot), confirmations: age >= 31n ? null : Number(age), err: t.err, status: t.err ? { Err: t.err } : { Ok: null }, confirmationStatus: age >= 31n ? 'finalized' : age >= 1n ? 'confirmed' : 'processed' }; })),
  getTransaction: ([s]) => { const t = status.get(s); return t ? { slot: Number(t.slot), blockTime: Math.floor(Date.now() / 1000), transaction: [t.raw, 'base64'], meta: { err: t.err, fee: 5000, preBalances: [], postBalances: [], logMessages: t.logs, computeUnitsConsumed: t.cu, innerInstructions: [] }, version: 0 } : null; },
  localnet_faults: ([f]) => Object.assign(faults, f), localnet_tick: ([n]) => { tick(n || 1); return Number(slot); }, localnet_skip: ([n]) => { slot += BigInt(n); svm.warpToSlot(slot); return Number(slot); }, localnet_forget: () => null, localnet_stats: () => ({ calls: stats.calls, busy: stats.r429, dropped: stats.dropped, late: 0, lost: 0, landed: stats.ok, failed: stats.failed, execMs: stats.execMs || 0 }),
  localnet_snapshot: () => { snap = { b: svm.toBytes(), st: new Map(status) }; return snap.b.length; },
  // fork/reorg: accounts and statuses return to the snapshot; the slot clock keeps running; transactions sent since are forgotten
  localnet_rollback: () => { svm = N.LiteSvm.fromBytes(snap.b); svm.setBlockhashCheck(false); status.clear(); for (const [k, v] of snap.st) status.set(k, v); tick(1); return Number(slot); },
  localnet_rent: ([n]) => { svm.setRent(new N.Rent(BigInt(n), 1.0, 50)); return Number(svm.minimumBalanceForRentExemption(165n)); }, // SIMD-0437 steps: 6960 6333 5080 2575 1322 696
  localnet_addProgram: ([id, path]) => { svm.addProgramFromFile(key(id), path); return id; },
};
function one(q) { if (!q.method.startsWith('localnet_')) stats.calls[q.method] = (stats.calls[q.method] || 0) + 1; try { const f = M[q.method]; if (!f) throw new RPCErr(-32601, 'Method not found'); return { jsonrpc: '2.0', id: q.id, result: f(q.params || []) }; } catch (e) { return { jsonrpc: '2.0', id: q.id, error: { code: e.code && typeof e.code === 'number' ? e.code : -32602, message: e.message, data: e.data } }; } }
const serve = (rq, rs) => { const ch = []; rq.on('data', c => ch.push(c)); rq.on('end', async () => {
  if (!ch.some(c => c.includes('localnet_')) && Math.random() < faults.p429) { stats.r429++; rs.writeHead(429, { 'retry-after': '1', 'content-type': 'application/json' }); return rs.end('{"jsonrpc":"2.0","error":{"code":429,"message":"Too many requests for a specific RPC call"},"id":null}'); }
  if (faults.delayMs) await new Promise(r => setTimeout(r, faults.delayMs));
  let q; try { q = JSON.parse(Buffer.concat(ch)); } catch { rs.writeHead(400); return rs.end(); }
  const out = Array.isArray(q) ? q.map(one) : one(q); rs.writeHead(200, { 'content-type': 'application/json' }); rs.end(JSON.stringify(out)); }); };
const listen = port => new Promise(ok => { const srv = http.createServer(serve); srv.keepAliveTimeout = 60000; srv.listen(port, '127.0.0.1', () => ok('http://127.0.0.1:' + srv.address().port)); });
console.log(JSON.stringify({ url: await listen(+args.port), second: await listen(0) }));
