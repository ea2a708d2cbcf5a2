import { base58, unbase58 } from './base58';
import { type Bytes, concat, copy, sha256, utf8 } from './bytes';
import { lowS } from './der';
import { Fault } from './fault';

/** The multicodec of a compressed P-256 point, as an unsigned varint. */
const p256 = Uint8Array.of(0x80, 0x24);
const method = 'did:key:z';

/** didOf is the did:key of a compressed P-256 point. */
export function didOf(key: Uint8Array): string {
  if (key.length !== 33 || (key[0] !== 2 && key[0] !== 3)) throw new Fault('malformed', 'not a compressed point');
  return method + base58(concat(p256, key));
}

/** keyOf is the compressed point of a P-256 did:key. */
export function keyOf(did: string): Bytes {
  if (!did.startsWith(method)) throw new Fault('malformed', 'not a did:key in base58');
  const b = unbase58(did.slice(method.length), 35);
  const key = b.slice(2);
  if (b.length !== 35 || b[0] !== p256[0] || b[1] !== p256[1] || didOf(key) !== did) throw new Fault('malformed', 'not a did:key of P-256');
  return key;
}

/** keyIdOf is the id of the one key of a did:key. */
export const keyIdOf = (did: string): string => `${did}#${did.slice('did:key:'.length)}`;

/**
 * Identity is the holder's DID with its key. The key was made here, cannot be read
 * out of the browser, and lives in its IndexedDB. It signs when this page says so:
 * unlike a passkey it asks for no finger.
 */
export class Identity {
  private constructor(
    readonly keys: CryptoKeyPair,
    /** Compressed, 33 bytes. */
    readonly publicKey: Bytes,
    readonly did: string,
  ) {}

  /** create makes a new key. Store its `keys` before anybody relies on it. */
  static async create(): Promise<Identity> {
    const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
    return Identity.of(keys);
  }

  /** of takes a key pair out of the store. */
  static async of(keys: CryptoKeyPair): Promise<Identity> {
    const raw = new Uint8Array(await crypto.subtle.exportKey('raw', keys.publicKey));
    const key = concat(Uint8Array.of(2 | (raw[64]! & 1)), raw.subarray(1, 33));
    return new Identity(keys, key, didOf(key));
  }

  /** sign is ES256 over the message: r‖s, 64 bytes, s in the lower half. */
  async sign(message: Uint8Array): Promise<Bytes> {
    const raw = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, this.keys.privateKey, copy(message));
    return lowS(new Uint8Array(raw));
  }
}

const label = utf8('conting/did/v1\0');

/** didMessage is what the key of the DID signs to be bound to a passkey. */
export async function didMessage(challenge: Uint8Array, did: string, passkey: Uint8Array): Promise<Bytes> {
  return concat(label, await sha256(challenge), await sha256(utf8(did)), passkey);
}

/** didTerms is what the passkey signs to be bound to a DID. */
export const didTerms = (challenge: Uint8Array, did: string): Promise<Bytes> => sha256(label, challenge, utf8(did));
