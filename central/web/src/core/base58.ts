import type { Bytes } from './bytes';
import { Fault } from './fault';

/** Bitcoin's alphabet, which multibase calls "z" and Solana writes keys in. */
const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

export function base58(b: Uint8Array): string {
  let n = b.reduce((sum, x) => sum * 256n + BigInt(x), 0n);
  let out = '';
  for (; n > 0n; n /= 58n) out = alphabet[Number(n % 58n)]! + out;
  for (let i = 0; i < b.length && b[i] === 0; i++) out = alphabet[0]! + out;
  return out;
}

/** unbase58 reads a text of about `most` bytes at most: check the length of what it returns. Every text has one meaning, and every meaning one text. */
export function unbase58(s: string, most: number): Bytes {
  if (s.length > most * 1.38 + 1) throw new Fault('malformed', 'base58 is too long');
  let n = 0n;
  for (const c of s) {
    const digit = alphabet.indexOf(c);
    if (digit < 0) throw new Fault('malformed', 'a character that base58 does not have');
    n = n * 58n + BigInt(digit);
  }
  const out: number[] = [];
  for (; n > 0n; n >>= 8n) out.unshift(Number(n & 255n));
  for (let i = 0; i < s.length && s[i] === alphabet[0]; i++) out.unshift(0);
  return Uint8Array.from(out);
}
