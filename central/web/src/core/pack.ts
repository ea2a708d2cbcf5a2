import { type Bytes, concat, text, u16, unb64u } from './bytes';
import { Fault } from './fault';
import { maxPacked } from './parts';

/** The most of a presentation, in characters, and of the credentials in one. */
const maxPresentation = 16 << 10;
export const maxShown = 4;

const version = 1;
const signatureSize = 64;
const quote = 0x22;

interface Segments {
  readonly header: Bytes;
  readonly payload: Bytes;
  readonly signature: Bytes;
}

/**
 * pack writes a presentation in as few bytes for a code in parts. The format is
 * described byte by byte in sync/credential, pack.go; how the bytes are deflated is
 * each side's own affair.
 */
export async function pack(vp: string): Promise<Bytes> {
  if (vp.length > maxPresentation) throw new Fault('too_large', `presentation of ${vp.length} characters`);
  const outer = takeApart(vp);
  if (!outer) throw new Fault('malformed', 'not a compact JWS');
  const [rest, lifted] = lift(outer.payload);
  const plain = concat(
    segment(outer.header),
    segment(rest),
    ...lifted.flatMap((l) => [u16(l.place), segment(l.header), segment(l.payload)]),
  );
  const out = concat(
    Uint8Array.of(version, lifted.length),
    outer.signature,
    ...lifted.map((l) => l.signature),
    await deflate(plain),
  );
  if (out.length > maxPacked) throw new Fault('too_large', `presentation packs to ${out.length} bytes`);
  return out;
}

const segment = (b: Uint8Array): Bytes => concat(u16(b.length), b);

/** takeApart decodes a compact JWS, if it can be put together again. */
function takeApart(s: string): Segments | null {
  const parts = s.split('.');
  if (parts.length !== 3 || parts.includes('')) return null;
  try {
    const [header, payload, signature] = parts.map(unb64u) as [Bytes, Bytes, Bytes];
    return signature.length === signatureSize ? { header, payload, signature } : null;
  } catch {
    return null;
  }
}

/** lift takes the credentials, which are strings, out of a payload. */
function lift(payload: Bytes): [rest: Bytes, lifted: (Segments & { place: number })[]] {
  const lifted: (Segments & { place: number })[] = [];
  const rest: Uint8Array[] = [];
  let place = 0;
  let at = 0;
  const keep = (end: number) => {
    rest.push(payload.subarray(at, end));
    place += end - at;
    at = end;
  };
  while (lifted.length < maxShown) {
    const open = payload.indexOf(quote, at);
    if (open < 0) break;
    keep(open + 1);
    const end = payload.indexOf(quote, at);
    if (end < 0) continue;
    const found = ascii(payload.subarray(at, end));
    const s = found === null ? null : takeApart(found);
    if (!s) continue;
    lifted.push({ ...s, place });
    at = end;
    keep(end + 1);
  }
  keep(payload.length);
  return [concat(...rest), lifted];
}

function ascii(b: Uint8Array): string | null {
  return b.every((x) => x < 0x80) ? text(b) : null;
}

async function deflate(plain: Bytes): Promise<Bytes> {
  const out = new Blob([plain]).stream().pipeThrough(new CompressionStream('deflate-raw'));
  return new Uint8Array(await new Response(out).arrayBuffer());
}

/** payloadOf reads what a credential says, to show it. It verifies nothing. */
export function payloadOf(jwt: string): unknown {
  const s = takeApart(jwt.trim());
  if (!s) throw new Fault('malformed', 'not a compact JWS');
  try {
    return JSON.parse(text(s.payload));
  } catch (cause) {
    throw new Fault('malformed', 'not JSON', { cause });
  }
}

