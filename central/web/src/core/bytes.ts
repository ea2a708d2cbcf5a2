import { Fault } from './fault';

/** Bytes of memory that is not shared with another thread, as WebCrypto wants it. */
export type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** utf8 encodes a text. */
export const utf8 = (text: string): Bytes => encoder.encode(text);

/** text decodes UTF-8 and refuses anything else. */
export function text(b: Uint8Array): string {
  try {
    return decoder.decode(b);
  } catch (cause) {
    throw new Fault('malformed', 'not UTF-8', { cause });
  }
}

export function concat(...parts: readonly Uint8Array[]): Bytes {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const p of parts) {
    out.set(p, at);
    at += p.length;
  }
  return out;
}

/** equal compares in a time that depends on the lengths alone. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let differ = 0;
  for (let i = 0; i < a.length; i++) differ |= a[i]! ^ b[i]!;
  return differ === 0;
}

export const copy = (b: ArrayBuffer | Uint8Array): Bytes => new Uint8Array(b instanceof Uint8Array ? b : new Uint8Array(b));

/** u16, u32 and u64 are big-endian. u64 takes what a number holds exactly. */
export const u8 = (n: number): Bytes => unsigned(n, 1);
export const u16 = (n: number): Bytes => unsigned(n, 2);
export const u32 = (n: number): Bytes => unsigned(n, 4);
export const u64 = (n: number): Bytes => unsigned(n, 8);

function unsigned(n: number, size: number): Bytes {
  if (!Number.isSafeInteger(n) || n < 0 || (size < 8 && n >= 2 ** (8 * size))) {
    throw new Fault('malformed', `${n} is not an unsigned integer of ${size} bytes`);
  }
  const out = new Uint8Array(size);
  for (let i = size - 1; i >= 0; i--) {
    out[i] = n % 256;
    n = Math.floor(n / 256);
  }
  return out;
}

export const hex = (b: Uint8Array): string => Array.from(b, (x) => x.toString(16).padStart(2, '0')).join('');

export function unhex(s: string): Bytes {
  if (s.length % 2 || /[^0-9a-f]/.test(s)) throw new Fault('malformed', 'not lower-case hexadecimal');
  return Uint8Array.from(s.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** b64u encodes to base64url without padding (RFC 4648, section 5). */
export function b64u(b: Uint8Array): string {
  let binary = '';
  for (let i = 0; i < b.length; i += 4096) binary += String.fromCharCode(...b.subarray(i, i + 4096));
  return btoa(binary).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/** unb64u is strict: no padding, no white space, and no spare bits. */
export function unb64u(s: string): Bytes {
  if (s.length % 4 === 1 || /[^A-Za-z0-9_-]/.test(s)) throw new Fault('malformed', 'not base64url');
  const binary = atob(s.replace(/-/g, '+').replace(/_/g, '/'));
  const out = Uint8Array.from(binary, (c) => c.charCodeAt(0));
  if (b64u(out) !== s) throw new Fault('malformed', 'base64url with spare bits');
  return out;
}

export async function sha256(...parts: readonly Uint8Array[]): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', concat(...parts)));
}

export const random = (size: number): Bytes => crypto.getRandomValues(new Uint8Array(size));
