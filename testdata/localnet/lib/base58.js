// Base58 as Solana writes keys and signatures, without a checksum.

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const value = new Int8Array(128).fill(-1);
for (let i = 0; i < alphabet.length; i++) value[alphabet.charCodeAt(i)] = i;

/** @param {Uint8Array} bytes */
export function encode(bytes) {
  let zeros = 0;
  while (zeros < bytes.length && bytes[zeros] === 0) zeros++;
  const digits = []; // little-endian, base 58^5 so that a step stays below 2^53
  for (let i = zeros; i < bytes.length; i++) {
    let carry = bytes[i];
    for (let j = 0; j < digits.length; j++) {
      carry += digits[j] * 256;
      digits[j] = carry % 656356768;
      carry = Math.floor(carry / 656356768);
    }
    if (carry > 0) digits.push(carry);
  }
  let text = '';
  for (let i = 0; i < digits.length; i++) {
    let d = digits[i];
    const last = i === digits.length - 1;
    for (let k = 0; k < 5 && !(last && d === 0); k++) {
      text = alphabet[d % 58] + text;
      d = Math.floor(d / 58);
    }
  }
  return '1'.repeat(zeros) + text;
}

/**
 * The bytes of a text, or null where it is not base58 or not of that length.
 * @param {string} text
 * @param {number} [length]
 * @returns {Buffer | null}
 */
export function decode(text, length) {
  if (length !== undefined && text.length > length * 1.4 + 1) return null;
  let zeros = 0;
  while (zeros < text.length && text[zeros] === '1') zeros++;
  const bytes = []; // little-endian, base 2^24
  for (let i = zeros; i < text.length; i++) {
    const code = text.charCodeAt(i);
    let carry = code < 128 ? value[code] : -1;
    if (carry < 0) return null;
    for (let j = 0; j < bytes.length; j++) {
      carry += bytes[j] * 58;
      bytes[j] = carry & 0xffffff;
      carry >>>= 24;
    }
    if (carry > 0) bytes.push(carry);
  }
  const out = Buffer.alloc(bytes.length * 3);
  bytes.forEach((b, j) => out.writeUIntBE(b, out.length - 3 * (j + 1), 3));
  let skip = 0;
  while (skip < out.length && out[skip] === 0) skip++;
  const all = Buffer.concat([Buffer.alloc(zeros), out.subarray(skip)]);
  return length === undefined || all.length === length ? all : null;
}
