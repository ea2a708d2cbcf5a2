import { Fault } from './fault';
import { utf8 } from './bytes';

/**
 * A proof of work, as central/work has it: a text BUCKET-NONCE such that
 * SHA-256("conting work v1\n" PURPOSE "\n" SUBJECT "\n" BUCKET-NONCE) has so many zero
 * bits in front. It counts for five to ten minutes. WebCrypto would take a promise for
 * each of a million hashes, so the hash is our own here, and nowhere else.
 */
export const periodMs = 300_000;

/** The most that is tried: no phone finds more, and central asks for less. */
const mostBits = 32;

/** How long hashing keeps the page from doing anything else. */
const sliceMs = 12;

/** solve finds a proof; it throws a Fault: cancelled when the signal says so. */
export async function solve(purpose: string, subject: string, bits: number, now: number, signal?: AbortSignal): Promise<string> {
  if (bits <= 0) return '';
  if (bits > mostBits) throw new Fault('unsupported', `${bits} bits of work`);
  const bucket = `${Math.floor(Math.max(0, now) / periodMs)}-`;
  const zeros = counter(utf8(`conting work v1\n${purpose}\n${subject}\n${bucket}`));
  let until = performance.now() + sliceMs;
  for (let nonce = 0; ; nonce++) {
    if (zeros(nonce) >= bits) return bucket + nonce;
    if ((nonce & 255) !== 0 || performance.now() < until) continue;
    await new Promise((resolve) => setTimeout(resolve));
    if (signal?.aborted) throw new Fault('cancelled', 'nobody waits for the work any more');
    until = performance.now() + sliceMs;
  }
}

/** counter returns how many zero bits the hash of a prefix and a number in decimal begins with, at most 32. */
function counter(prefix: Uint8Array): (nonce: number) => number {
  const whole = prefix.length & ~63; // these blocks are the same for every number
  const start = Uint32Array.from(initial);
  const block = new Uint8Array(128);
  const words = new Uint32Array(64);
  for (let at = 0; at < whole; at += 64) compress(start, prefix, at, words);
  const rest = prefix.length - whole;
  const state = new Uint32Array(8);
  return (nonce) => {
    block.fill(0);
    block.set(prefix.subarray(whole));
    const digits = String(nonce);
    for (let i = 0; i < digits.length; i++) block[rest + i] = digits.charCodeAt(i);
    const end = rest + digits.length;
    block[end] = 0x80;
    const size = end + 9 <= 64 ? 64 : 128;
    new DataView(block.buffer).setUint32(size - 4, (whole + end) * 8);
    state.set(start);
    for (let at = 0; at < size; at += 64) compress(state, block, at, words);
    return Math.clz32(state[0]!);
  };
}

/** The square roots of the first primes, and their cube roots: FIPS 180-4, 5.3.3 and 4.2.2. */
const initial = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
const rounds = constants();

function constants(): Uint32Array {
  const out = new Uint32Array(64);
  for (let n = 2, found = 0; found < 64; n++) {
    let prime = true;
    for (let d = 2; d * d <= n && prime; d++) prime = n % d !== 0;
    if (prime) out[found++] = fraction(n);
  }
  return out;
}

/** fraction is the first 32 bits of what follows the point in a number's cube root. */
function fraction(n: number): number {
  const scaled = BigInt(n) << 96n; // its cube root has 32 bits after the point
  let low = 0n;
  let high = 1n << 40n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle * middle * middle <= scaled) low = middle;
    else high = middle;
  }
  return Number(low & 0xffff_ffffn);
}

/** compress takes one block of 64 bytes into the state (FIPS 180-4, 6.2.2). */
function compress(state: Uint32Array, bytes: Uint8Array, at: number, w: Uint32Array): void {
  for (let i = 0; i < 16; i++, at += 4) w[i] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15]!;
    const y = w[i - 2]!;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = w[i - 16]! + s0 + w[i - 7]! + s1;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + rounds[i]! + w[i]!) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
  state[5]! += f;
  state[6]! += g;
  state[7]! += h;
}
