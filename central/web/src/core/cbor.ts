import { type Bytes, concat, equal, text, u16, u32, u64, u8, utf8 } from './bytes';
import { Fault } from './fault';

/**
 * Item is the part of CBOR (RFC 8949) that our objects use. Numbers are integers; a
 * bigint is an unsigned one that a number does not hold exactly.
 * A map has integer keys; the order of the Map does not matter.
 */
export type Item = number | bigint | string | Uint8Array | readonly Item[] | ReadonlyMap<number, Item>;

const unsigned = 0;
const negative = 1;
const byteString = 2;
const textString = 3;
const array = 4;
const map = 5;
const maxDepth = 8;

function head(major: number, n: number): Bytes {
  if (!Number.isSafeInteger(n) || n < 0) throw new Fault('malformed', `cbor: ${n}`);
  if (n < 24) return u8((major << 5) | n);
  if (n < 0x100) return concat(u8((major << 5) | 24), u8(n));
  if (n < 0x10000) return concat(u8((major << 5) | 25), u16(n));
  if (n < 0x100000000) return concat(u8((major << 5) | 26), u32(n));
  return concat(u8((major << 5) | 27), u64(n));
}

/** encode returns the core deterministic encoding (section 4.2.1). */
export function encode(item: Item): Bytes {
  if (typeof item === 'number') return item < 0 ? head(negative, -1 - item) : head(unsigned, item);
  if (typeof item === 'bigint') {
    if (item <= BigInt(Number.MAX_SAFE_INTEGER) || item >= 1n << 64n) throw new Fault('malformed', `cbor: ${item}`);
    return concat(u8((unsigned << 5) | 27), u32(Number(item >> 32n)), u32(Number(item & 0xffffffffn)));
  }
  if (typeof item === 'string') {
    const b = utf8(item);
    return concat(head(textString, b.length), b);
  }
  if (item instanceof Uint8Array) return concat(head(byteString, item.length), item);
  if (item instanceof Map) {
    const pairs = [...(item as ReadonlyMap<number, Item>)].map(([k, v]) => [encode(k), encode(v)] as const);
    pairs.sort(([a], [b]) => compare(a, b));
    return concat(head(map, pairs.length), ...pairs.flat());
  }
  const items = item as readonly Item[];
  return concat(head(array, items.length), ...items.map(encode));
}

/** compare puts encoded keys in bytewise lexicographic order. */
function compare(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

/**
 * decode reads one item and nothing after it. It takes the deterministic encoding
 * alone: what two readers could understand differently does not pass.
 */
export function decode(b: Uint8Array): Item {
  const r = new Reader(b);
  const item = r.item(0);
  if (r.at !== b.length) throw new Fault('malformed', 'cbor: bytes after the item');
  return item;
}

class Reader {
  at = 0;

  constructor(private readonly b: Uint8Array) {}

  private take(n: number): Bytes {
    if (n > this.b.length - this.at) throw new Fault('malformed', 'cbor: ends early');
    this.at += n;
    return new Uint8Array(this.b.subarray(this.at - n, this.at));
  }

  private head(): [major: number, n: number | bigint] {
    const first = this.take(1)[0]!;
    const info = first & 31;
    const major = first >> 5;
    if (info < 24) return [major, info];
    if (info > 27) throw new Fault('malformed', 'cbor: indefinite or reserved length');
    const size = 1 << (info - 24);
    const bytes = this.take(size);
    let n = 0;
    for (const x of bytes) n = n * 256 + x;
    const least = size === 1 ? 24 : 2 ** (4 * size);
    if (n < least) throw new Fault('malformed', 'cbor: longer than needed');
    if (Number.isSafeInteger(n)) return [major, n];
    if (major !== unsigned) throw new Fault('malformed', 'cbor: too large');
    return [major, bytes.reduce((sum, x) => (sum << 8n) | BigInt(x), 0n)];
  }

  item(depth: number): Item {
    if (depth > maxDepth) throw new Fault('malformed', 'cbor: too deep');
    const [major, n] = this.head();
    if (typeof n === 'bigint') return n;
    switch (major) {
      case unsigned:
        return n;
      case negative:
        return -1 - n;
      case byteString:
        return this.take(n);
      case textString:
        return text(this.take(n));
      case array: {
        if (n > this.b.length) throw new Fault('malformed', 'cbor: ends early');
        return Array.from({ length: n }, () => this.item(depth + 1));
      }
      case map:
        return this.map(n, depth);
      default:
        throw new Fault('malformed', `cbor: major type ${major}`);
    }
  }

  private map(n: number, depth: number): Item {
    const out = new Map<number, Item>();
    let last: Uint8Array = new Uint8Array();
    for (let i = 0; i < n; i++) {
      const key = this.item(depth + 1);
      if (typeof key !== 'number') throw new Fault('malformed', 'cbor: a key that is no number');
      const encoded = encode(key);
      if (i > 0 && compare(last, encoded) >= 0) throw new Fault('malformed', 'cbor: keys twice or out of order');
      last = encoded;
      out.set(key, this.item(depth + 1));
    }
    return out;
  }
}

/** asBytes, asNumber, asText and asArray narrow an item or throw. */
export function asBytes(item: Item | undefined, size?: number): Bytes {
  if (!(item instanceof Uint8Array) || (size !== undefined && item.length !== size)) {
    throw new Fault('malformed', `cbor: want ${size ?? 'some'} bytes`);
  }
  return item as Bytes;
}

export function asNumber(item: Item | undefined, most: number): number {
  if (typeof item !== 'number' || item < 0 || item > most) throw new Fault('malformed', `cbor: want a number up to ${most}`);
  return item;
}

/** asWide takes any unsigned integer. */
export function asWide(item: Item | undefined): bigint {
  if (typeof item !== 'bigint' && (typeof item !== 'number' || item < 0)) throw new Fault('malformed', 'cbor: want an unsigned number');
  return BigInt(item);
}

export function asText(item: Item | undefined): string {
  if (typeof item !== 'string') throw new Fault('malformed', 'cbor: want a text');
  return item;
}

export function asArray(item: Item | undefined, length: number): readonly Item[] {
  if (!Array.isArray(item) || item.length !== length) throw new Fault('malformed', `cbor: want an array of ${length}`);
  return item as readonly Item[];
}

/** isExact reports whether the bytes are the encoding of the item. */
export const isExact = (b: Uint8Array, item: Item): boolean => equal(encode(item), b);
