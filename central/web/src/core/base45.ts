import type { Bytes } from './bytes';
import { Fault } from './fault';

/** The characters of a QR code's alphanumeric mode (RFC 9285, section 4.2). */
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';

/** base45 encodes as RFC 9285 says. */
export function base45(b: Uint8Array): string {
  let out = '';
  for (let i = 0; i < b.length; i += 2) {
    if (i + 1 === b.length) {
      const n = b[i]!;
      out += alphabet[n % 45]! + alphabet[Math.floor(n / 45)]!;
    } else {
      const n = b[i]! * 256 + b[i + 1]!;
      out += alphabet[n % 45]! + alphabet[Math.floor(n / 45) % 45]! + alphabet[Math.floor(n / 2025)]!;
    }
  }
  return out;
}

/** unbase45 is strict: each byte string has one text, and no other is taken. */
export function unbase45(s: string): Bytes {
  if (s.length % 3 === 1) throw new Fault('malformed', 'base45 of an impossible length');
  const out: number[] = [];
  for (let i = 0; i < s.length; i += 3) {
    const group = s.slice(i, i + 3);
    let n = 0;
    for (let j = group.length - 1; j >= 0; j--) {
      const digit = alphabet.indexOf(group[j]!);
      if (digit < 0) throw new Fault('malformed', 'a character that base45 does not have');
      n = n * 45 + digit;
    }
    if (n > (group.length === 3 ? 0xffff : 0xff)) throw new Fault('malformed', 'base45 of too large a number');
    if (group.length === 3) out.push(n >> 8);
    out.push(n & 0xff);
  }
  return Uint8Array.from(out);
}
