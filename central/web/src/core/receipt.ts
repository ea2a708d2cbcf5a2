import { type Bytes, equal, hex, sha256, unb64u, utf8 } from './bytes';
import { asArray, asBytes, asNumber, asText, asWide, decode, encode, isExact } from './cbor';
import { lowS } from './der';
import { Fault } from './fault';
import type { EntryReceipt } from './wire';

/** Entered is what a gate signed for a holder (sync/journal, receipt.go). */
export interface Entered {
  readonly device: string;
  readonly event: number;
  /** 32 hexadecimal digits. */
  readonly ticket: string;
  readonly gate: string;
  readonly lane: string;
  /** Unix milliseconds of the gate's clock. */
  readonly at: number;
  /** The entry's number in the gate's journal. */
  readonly seq: number;
}

const label = 'conting/receipt/v1';
const maxReceipt = 448;
const maxCertificate = 4096;
const es256 = -7;

const bad = (what: string) => new Fault('malformed', `receipt: ${what}`);

/**
 * verifyReceipt checks that the key of the certificate signed the receipt, and
 * returns what it says. It throws malformed or bad_signature. Whose certificate it
 * is, it does not ask: phones do not know the organiser's authority ("central
 * receipt" does).
 */
export async function verifyReceipt(r: Pick<EntryReceipt, 'receipt' | 'certificate'>): Promise<Entered> {
  const data = unb64u(r.receipt);
  if (data.length > maxReceipt || data[0] !== 0xd2) throw bad('not a COSE_Sign1');
  const [protect, unprotected, payload, signature] = asArray(decode(data.subarray(1)), 4);
  if (!(unprotected instanceof Map) || unprotected.size) throw bad('unprotected headers');
  const key = await keyIn(unb64u(r.certificate));
  const head = asBytes(protect);
  const named = new Map<number, number | Bytes>([
    [1, es256],
    [4, await idOf(key)],
  ]);
  if (!isExact(head, named)) throw new Fault('bad_signature', 'receipt of another key');
  const s = asBytes(signature, 64);
  const signed = encode(['Signature1', head, utf8(label), asBytes(payload)]);
  const fits = await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, s, signed);
  if (!fits || !equal(lowS(s), s)) throw new Fault('bad_signature', 'receipt was altered');
  return read(asBytes(payload));
}

function read(payload: Bytes): Entered {
  const [device, event, ticket, gate, lane, time, seq, evidence] = asArray(decode(payload), 8);
  asBytes(evidence, 32);
  return {
    device: asText(device),
    event: asNumber(event, 0xffffffff),
    ticket: hex(asBytes(ticket, 16)),
    gate: asText(gate),
    lane: asText(lane),
    at: Number(asWide(time) >> 16n), // milliseconds, and a counter in the lower bits
    seq: Number(asWide(seq)),
  };
}

const p256 = '06072a8648ce3d020106082a8648ce3d030107'; // id-ecPublicKey, prime256v1

/** keyIn reads the public key of a device's X.509 certificate, and nothing else of it. */
async function keyIn(certificate: Bytes): Promise<CryptoKey> {
  const spki = spkiOf(certificate);
  if (!hex(inside(spki)[0] ?? new Uint8Array()).endsWith(p256)) throw bad('certificate of another kind of key');
  return crypto.subtle.importKey('spki', spki, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify']).catch((cause: unknown) => {
    throw new Fault('malformed', 'receipt: key of the certificate', { cause });
  });
}

/** idOf names a key as COSE headers do (sync/trust, KeyID). */
async function idOf(key: CryptoKey): Promise<Bytes> {
  const point = new Uint8Array(await crypto.subtle.exportKey('raw', key));
  return (await sha256(Uint8Array.of(es256 & 0xff, 2 | (point[64]! & 1)), point.subarray(1, 33))).slice(0, 8);
}

const sequence = 0x30;
const version = 0xa0;

/** spkiOf finds SubjectPublicKeyInfo (RFC 5280, section 4.1): the sixth field, after a version if there is one. */
function spkiOf(certificate: Bytes): Bytes {
  if (certificate.length > maxCertificate) throw bad('certificate is too large');
  const [whole, ...after] = elements(certificate);
  const [signed] = whole && after.length === 0 ? inside(whole) : [];
  const fields = signed ? inside(signed) : [];
  const spki = fields[fields[0]?.[0] === version ? 6 : 5];
  if (spki?.[0] !== sequence) throw bad('certificate without a key');
  return spki;
}

/** inside returns the elements of a sequence, each with its head. */
function inside(element: Bytes): Bytes[] {
  if (element[0] !== sequence) throw bad('certificate is not DER');
  return elements(element.slice(header(element)));
}

function elements(b: Bytes): Bytes[] {
  const out: Bytes[] = [];
  for (let at = 0; at < b.length; ) {
    const rest = b.subarray(at);
    const size = header(rest) + lengthOf(rest);
    if (size > rest.length) throw bad('certificate is not DER');
    out.push(rest.slice(0, size));
    at += size;
  }
  return out;
}

const header = (b: Bytes): number => 2 + (b[1]! & 0x80 ? b[1]! & 0x7f : 0);

function lengthOf(b: Bytes): number {
  const n = b[1] ?? Number.NaN;
  if (n < 0x80) return n;
  if (n !== 0x81 && n !== 0x82) throw bad('certificate is not DER');
  const digits = b.subarray(2, header(b));
  if (digits.length !== (n & 0x7f)) throw bad('certificate is not DER');
  return digits.reduce((sum, x) => sum * 256 + x, 0);
}
