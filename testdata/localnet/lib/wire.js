// A transaction's bytes, legacy or version 0, read strictly: LiteSVM ends the process
// over what it cannot read, so that what is not understood here to the last byte never
// reaches it.

import * as base58 from './base58.js';

export const maxWire = 1232; // bytes of a transaction
const maxLocks = 64; // accounts of a transaction
const maxSignatures = 12; // that fit

/** The bytes are no transaction. */
export class WireError extends Error {}

const fail = (message) => {
  throw new WireError(message);
};

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.at = 0;
  }

  byte() {
    if (this.at >= this.bytes.length) fail('io error: unexpected end of file');
    return this.bytes[this.at++];
  }

  take(length) {
    if (this.bytes.length - this.at < length) fail('io error: unexpected end of file');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  // A "compact-u16", in its only form.
  length() {
    let n = 0;
    for (let i = 0; i < 3; i++) {
      const b = this.byte();
      if (i > 0 && b === 0) fail('invalid value: alias encoding');
      n |= (b & 0x7f) << (7 * i);
      if ((b & 0x80) === 0) {
        if (n > 0xffff) fail('invalid value: u16 overflow');
        return n;
      }
    }
    return fail('invalid value: compact-u16 too long');
  }
}

/**
 * What a transaction says. Keys are their 32 bytes as a latin1 string, which compares
 * and hashes cheaply.
 *
 * @typedef {object} Wire
 * @property {Buffer} raw
 * @property {'legacy' | 0} version
 * @property {Uint8Array[]} signatures
 * @property {string} signature the first, in base58: the transaction's name
 * @property {Buffer} message
 * @property {{required: number, readonlySigned: number, readonlyUnsigned: number}} header
 * @property {string[]} keys
 * @property {string} blockhash in base58
 * @property {{program: number, accounts: Uint8Array, data: Buffer}[]} instructions
 * @property {{table: string, writable: Uint8Array, readonly: Uint8Array}[]} lookups
 */

/** @param {Buffer} raw @returns {Wire} */
export function read(raw) {
  const r = new Reader(raw);
  const count = r.length();
  if (count > maxSignatures) fail('io error: unexpected end of file');
  const signatures = Array.from({ length: count }, () => r.take(64));
  const rest = Buffer.from(raw.buffer, raw.byteOffset + r.at, raw.length - r.at);
  const message = readMessage(rest);
  if (count !== message.header.required) fail('invalid transaction: signature count does not match the header');
  return { raw, signatures, signature: base58.encode(signatures[0]), ...message };
}

/** @param {Buffer} message alone, as getFeeForMessage has it */
export function readMessage(message) {
  const r = new Reader(message);
  /** @type {'legacy' | 0} */
  let version = 'legacy';
  let required = r.byte();
  if (required & 0x80) {
    if ((required & 0x7f) !== 0) fail(`invalid value: integer \`${required & 0x7f}\`, expected a valid transaction message version`);
    version = 0;
    required = r.byte();
  }
  const header = { required, readonlySigned: r.byte(), readonlyUnsigned: r.byte() };
  const count = r.length();
  if (count > maxLocks * 2) fail('invalid transaction: too many accounts');
  const keys = Array.from({ length: count }, () => Buffer.from(r.take(32)).toString('latin1'));
  const blockhash = base58.encode(r.take(32));
  const instructions = Array.from({ length: r.length() }, () => {
    const program = r.byte();
    const accounts = r.take(r.length());
    return { program, accounts, data: Buffer.from(r.take(r.length())) };
  });
  const lookups =
    version === 0
      ? Array.from({ length: r.length() }, () => ({
          table: Buffer.from(r.take(32)).toString('latin1'),
          writable: r.take(r.length()),
          readonly: r.take(r.length()),
        }))
      : [];
  if (r.at !== message.length) fail('invalid transaction: bytes left over');
  sane(header, keys, instructions, lookups);
  return { version, message, header, keys, blockhash, instructions, lookups };
}

function sane(header, keys, instructions, lookups) {
  const bad = (what) => fail(`invalid transaction: Transaction failed to sanitize accounts offsets correctly (${what})`);
  if (header.required === 0 || header.required > keys.length) bad('signers');
  if (header.readonlySigned >= header.required) bad('payer is read-only');
  if (header.required + header.readonlyUnsigned > keys.length) bad('read-only accounts');
  let loaded = 0;
  for (const l of lookups) {
    if (l.writable.length + l.readonly.length === 0) bad('empty lookup');
    loaded += l.writable.length + l.readonly.length;
  }
  if (keys.length + loaded > 256) bad('accounts');
  for (const i of instructions) {
    if (i.program === 0 || i.program >= keys.length) bad('program');
    if (i.accounts.some((a) => a >= keys.length + loaded)) bad('instruction accounts');
  }
}

/** Which of a message's own keys it may write. */
export function writable({ header, keys }, index) {
  if (index < header.required) return index < header.required - header.readonlySigned;
  return index < keys.length - header.readonlyUnsigned;
}

const key = (text) => base58.decode(text, 32).toString('latin1');
const computeBudget = key('ComputeBudget111111111111111111111111111111');
const builtin = new Set([
  computeBudget,
  key('11111111111111111111111111111111'),
  key('Vote111111111111111111111111111111111111111'),
  key('BPFLoader1111111111111111111111111111111111'),
  key('BPFLoader2111111111111111111111111111111111'),
  key('BPFLoaderUpgradeab1e11111111111111111111111'),
  key('LoaderV411111111111111111111111111111111111'),
]);
const perSignature = 5000;
const unitsOfBuiltin = 3000; // where no limit is asked for
const unitsOfProgram = 200_000;
const maxUnits = 1_400_000;

/** Lamports that a message costs: for signatures, and for priority. */
export function fee(message) {
  let limit = -1;
  let price = 0n;
  let usual = 0;
  for (const i of message.instructions) {
    const program = message.keys[i.program];
    usual += builtin.has(program) ? unitsOfBuiltin : unitsOfProgram;
    if (program !== computeBudget) continue;
    if (i.data[0] === 2 && i.data.length === 5) limit = i.data.readUInt32LE(1);
    else if (i.data[0] === 3 && i.data.length === 9) price = i.data.readBigUInt64LE(1);
  }
  const units = BigInt(Math.min(maxUnits, limit < 0 ? usual : limit));
  const priority = (units * price + 999_999n) / 1_000_000n;
  return message.header.required * perSignature + Number(priority);
}
