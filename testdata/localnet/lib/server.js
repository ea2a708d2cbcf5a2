// One node's HTTP: JSON-RPC 2.0, single or in a batch, and the faults of the line.

import http from 'node:http';
import { accounts } from './accounts.js';
import { cluster } from './cluster.js';
import { control, prefix } from './control.js';
import { RPCError } from './errors.js';
import { transactions } from './transactions.js';

const maxBody = 50 << 10; // bytes of a request
const maxWaste = 16 << 20; // bytes of a request that is too long, before it is cut off
const maxBatch = 1000; // calls of one
const methods = new Map(Object.entries({ ...accounts, ...cluster, ...transactions, ...control }));
const busy = { code: 429, message: 'Too many requests for a specific RPC call' };

/** Serves the node on 127.0.0.1. @returns {Promise<string>} its URL */
export function serve(node, port) {
  const server = http.createServer((request, response) => {
    handle(node, request, response).catch((e) => {
      if (e.code !== 'ECONNRESET') process.stderr.write(`${e.stack}\n`); // who asked is gone
      response.destroy();
    });
  });
  server.keepAliveTimeout = 60_000;
  server.requestTimeout = 60_000;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const { port: taken } = /** @type {import('node:net').AddressInfo} */ (server.address());
      resolve(`http://127.0.0.1:${taken}`);
    });
  });
}

async function handle(node, request, response) {
  if (request.method !== 'POST') return say(response, 405, 'Used HTTP Method is not allowed. POST or OPTIONS is required\n', { allow: 'OPTIONS, POST' });
  if (!/^application\/json\b/.test(request.headers['content-type'] ?? '')) {
    return say(response, 415, 'Supplied content type is not allowed. Content-Type: application/json is required\n');
  }
  const body = await read(request);
  if (body === null) return say(response, 413, 'Payload Too Large\n', { connection: 'close' });
  let asked;
  try {
    asked = JSON.parse(body);
  } catch {
    return answer(response, { jsonrpc: '2.0', error: { code: -32700, message: 'Parse error' }, id: null });
  }
  const calls = Array.isArray(asked) ? asked : [asked];
  const controls = calls.some((c) => typeof c?.method === 'string' && c.method.startsWith(prefix));
  if (!controls && (await spoilt(node, calls, response))) return undefined;
  if (calls.length === 0 || calls.length > maxBatch) return answer(response, { jsonrpc: '2.0', error: { code: -32600, message: 'Invalid request' }, id: null });
  const answers = calls.map((c) => one(node, c)).filter((a) => a !== undefined);
  if (!controls && node.happens(node.faults.pLost)) {
    node.counts.lost++;
    response.destroy();
    return undefined;
  }
  if (answers.length === 0) return say(response, 200, '');
  return answer(response, Array.isArray(asked) ? answers : answers[0]);
}

/** The body, or null where it is too long; what is too long is read on, or nobody would hear so. */
function read(request) {
  return new Promise((resolve, reject) => {
    const chunks = [];
    let size = 0;
    request.on('data', (chunk) => {
      size += chunk.length;
      if (size <= maxBody) chunks.push(chunk);
      else if (size > maxWaste) request.destroy();
      else chunks.length = 0;
    });
    request.on('end', () => resolve(size > maxBody ? null : Buffer.concat(chunks).toString('utf8')));
    request.on('error', reject);
  });
}

/** Faults that come before anything is done. Tells whether the request ended there. */
async function spoilt(node, calls, response) {
  const { faults, counts } = node;
  if (faults.blackHole) {
    count(node, calls);
    node.held.add(response);
    response.once('close', () => node.held.delete(response));
    return true;
  }
  if (faults.delayMs > 0) await new Promise((done) => setTimeout(done, faults.delayMs));
  if (!node.happens(faults.p429)) return false;
  count(node, calls);
  counts.busy++;
  const body = { jsonrpc: '2.0', error: busy, id: faults.shape429 === 'rpc' ? (calls[0]?.id ?? null) : null };
  if (faults.shape429 === 'rpc') answer(response, body);
  else if (faults.shape429 === 'text') say(response, 429, 'Too Many Requests\n', { 'retry-after': '1' });
  else say(response, 429, JSON.stringify(body), { 'retry-after': '1', 'content-type': 'application/json' });
  return true;
}

function count(node, calls) {
  for (const c of calls) {
    if (typeof c?.method !== 'string' || c.method.startsWith(prefix)) continue;
    const known = methods.has(c.method) ? c.method : 'unknown';
    node.counts.calls[known] = (node.counts.calls[known] ?? 0) + 1;
  }
}

/** Answers one call; undefined where it wants no answer. */
function one(node, call) {
  const valid = typeof call === 'object' && call !== null && call.jsonrpc === '2.0' && typeof call.method === 'string';
  if (!valid) return { jsonrpc: '2.0', error: { code: -32600, message: 'Invalid request' }, id: null };
  count(node, [call]);
  const { id } = call;
  try {
    const method = methods.get(call.method);
    if (!method) throw new RPCError(-32601, 'Method not found');
    const result = method(node, call.params);
    return id === undefined ? undefined : { jsonrpc: '2.0', result: result ?? null, id };
  } catch (e) {
    if (!(e instanceof RPCError)) process.stderr.write(`${call.method}: ${e.stack}\n`);
    const error = e instanceof RPCError ? { code: e.code, message: e.message, data: e.data } : { code: -32603, message: 'Internal error' };
    return id === undefined ? undefined : { jsonrpc: '2.0', error, id };
  }
}

// Integers above 2^53 leave as digits, which JSON.stringify cannot do.
const mark = '\u0001';
const marked = /"\\u0001(\d+)"/g;

export function stringify(value) {
  let large = false;
  const text = JSON.stringify(value, (_, v) => {
    if (typeof v !== 'bigint') return v;
    large = true;
    return `${mark}${v}`;
  });
  return large ? text.replace(marked, '$1') : text;
}

const answer = (response, value) => say(response, 200, stringify(value), { 'content-type': 'application/json' });

function say(response, status, body, headers = {}) {
  if (response.destroyed) return;
  response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers });
  response.end(body);
}
