import { type Bytes } from './bytes';
import { base45, unbase45 } from './base45';
import { encode, decode, type Item } from './cbor';
import { Fault } from './fault';

/** The most characters of a text that a gate reads. */
export const maxText = 1024;

/** What a text begins with: CT, what it is, and the version of its form. */
export const prefix = {
  paper: 'CTP1',
  rotating: 'CTR1',
  challenge: 'CTC1',
  accredited: 'CTA1',
  part: 'CTV1',
  nonce: 'CTN1',
} as const;

export type Kind = keyof typeof prefix;

/** seal encodes a body, and sees to it that a gate will read the text. */
export function seal(kind: Kind, body: Item): string {
  return sealBytes(kind, encode(body));
}

function sealBytes(kind: Kind, body: Uint8Array): string {
  const out = prefix[kind] + base45(body);
  if (out.length > maxText) throw new Fault('too_large', `${kind} of ${out.length} characters`);
  return out;
}

/** paperText is the pass of a paper ticket: the signed ticket itself. */
export const paperText = (signed: Bytes): string => sealBytes('paper', signed);

/** open reads the body of a text of one kind. */
export function open(kind: Kind, s: string): Item {
  if (!s.startsWith(prefix[kind])) throw new Fault('foreign', `not a ${kind}`);
  if (s.length > maxText) throw new Fault('malformed', `${kind} of ${s.length} characters`);
  return decode(unbase45(s.slice(prefix[kind].length)));
}

/** kindOf says which of our texts a scanned code is; null for somebody else's. */
export function kindOf(s: string): Kind | null {
  const kinds = Object.keys(prefix) as Kind[];
  return kinds.find((k) => s.startsWith(prefix[k])) ?? null;
}

/** How many characters a QR code of version 1, 2, … takes in alphanumeric mode with correction L. */
const alphanumeric = [25, 47, 77, 114, 154, 195, 224, 279, 335, 395, 468, 535, 619, 667, 758, 854, 938, 1046];

/** qrVersion is the smallest version of a QR code for a text, 0 if it is too long. */
export const qrVersion = (s: string): number => alphanumeric.findIndex((most) => s.length <= most) + 1;
