import { type Bytes, concat, unhex } from './bytes';
import { Fault } from './fault';

/** The order of P-256 (SEC 2, 2.4.2). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const bad = () => new Fault('malformed', 'signature is not two DER integers from 1 to n-1');

/**
 * rawLowS turns the DER signature of an authenticator into r‖s, 64 bytes, with s in
 * the lower half of the order: gates take no other form. Only minimal DER is read.
 */
export function rawLowS(der: Uint8Array): Bytes {
  if (der.length < 2 || der.length > 72 || der[0] !== 0x30 || der[1] !== der.length - 2) throw bad();
  const [r, rest] = scalar(der.subarray(2));
  const [s, end] = scalar(rest);
  if (end.length) throw bad();
  return join(r, s);
}

/** lowS does the same to a raw signature, as WebCrypto makes it. */
export function lowS(raw: Uint8Array): Bytes {
  if (raw.length !== 64) throw bad();
  const [r, s] = [number(raw.subarray(0, 32)), number(raw.subarray(32))];
  if (r === 0n || s === 0n || r >= order || s >= order) throw bad();
  return join(r, s);
}

function join(r: bigint, s: bigint): Bytes {
  const digits = (n: bigint) => unhex(n.toString(16).padStart(64, '0'));
  return concat(digits(r), digits(s > order / 2n ? order - s : s));
}

function number(b: Uint8Array): bigint {
  return b.reduce((n, x) => (n << 8n) | BigInt(x), 0n);
}

/** scalar reads one minimal DER INTEGER in 1…n−1 and returns what follows it. */
function scalar(der: Uint8Array): [bigint, Uint8Array] {
  const length = der[1];
  if (der[0] !== 2 || !length || length > der.length - 2) throw bad();
  const digits = der.subarray(2, 2 + length);
  if (digits[0]! & 0x80) throw bad(); // negative
  if (digits[0] === 0 && (length === 1 || !(digits[1]! & 0x80))) throw bad(); // zero, or not minimal
  const n = number(digits);
  if (n >= order) throw bad();
  return [n, der.subarray(2 + length)];
}
