import { type Bytes, sha256 } from './bytes';
import { asArray, asBytes, asNumber } from './cbor';
import { Fault } from './fault';
import { open, seal } from './pass';

/** The bounds of a packed presentation (sync/pass, parts.go). */
export const maxPacked = 2 << 10;
export const maxParts = 16;
export const maxPartData = 150;

/** Part is one code of a presentation. */
export interface Part {
  /** 4 bytes that tell presentations apart. */
  readonly set: Bytes;
  readonly index: number;
  readonly total: number;
  readonly data: Bytes;
}

/** split returns the texts of a packed presentation's parts, in order. */
export async function split(packed: Uint8Array): Promise<string[]> {
  if (packed.length === 0 || packed.length > maxPacked) throw new Fault('too_large', `presentation of ${packed.length} bytes`);
  const set = (await sha256(packed)).slice(0, 4);
  const total = Math.ceil(packed.length / maxPartData);
  const size = Math.ceil(packed.length / total);
  return Array.from({ length: total }, (_, index) => seal('part', [set, index, total, packed.slice(index * size, (index + 1) * size)]));
}

/** parsePart reads one part, as a gate does. */
export function parsePart(s: string): Part {
  const [set, index, total, data] = asArray(open('part', s), 4);
  const part = { set: asBytes(set, 4), index: asNumber(index, maxParts - 1), total: asNumber(total, maxParts), data: asBytes(data) };
  if (part.index >= part.total || part.data.length === 0 || part.data.length > maxPartData) throw new Fault('malformed', 'no such part');
  return part;
}

/** How long each part is shown: a gate's camera sees it in several frames. */
export const partMs = 400;
