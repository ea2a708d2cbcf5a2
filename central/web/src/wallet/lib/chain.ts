// Amounts, addresses and links of a chain, as pages say and take them.
import { base58, unbase58 } from '../../core/base58';
import { b64u } from '../../core/bytes';

/** How many digits of a lamport stand behind the point of a SOL. */
const places = 9;

/** sol is an amount of lamports in SOL, to the last of them; nothing is rounded, and no line breaks before the unit. */
export function sol(lamports: number): string {
  if (!Number.isSafeInteger(lamports)) return '?';
  const digits = String(Math.abs(lamports)).padStart(places + 1, '0');
  const whole = digits.slice(0, -places).replace(/\B(?=(\d{3})+$)/g, ',');
  const rest = digits.slice(-places).replace(/0+$/, '');
  return `${lamports < 0 ? '−' : ''}${whole}${rest && '.'}${rest}\u00a0SOL`;
}

/** bytesOf reads base58 of exactly so many bytes, or nothing. White space around it is a slip of the hand. */
function bytesOf(text: string, size: number): Uint8Array | null {
  try {
    const b = unbase58(text.trim(), size);
    return b.length === size ? b : null;
  } catch {
    return null;
  }
}

/** addressOf is the address that somebody typed, or null if it is none: 32 bytes in base58. Whether somebody has its key only central can tell. */
export function addressOf(text: string): string | null {
  const key = bytesOf(text, 32);
  return key && base58(key);
}

/** signatureOf is a signature in base58, as wallets show them, in the base64url that central takes; null if it is none. */
export function signatureOf(text: string): string | null {
  const signature = bytesOf(text, 64);
  return signature && b64u(signature);
}

/** short is the beginning and the end of an address or a signature: enough to tell it from others, not to trust it. */
export const short = (text: string): string => (text.length > 12 ? `${text.slice(0, 4)}…${text.slice(-4)}` : text);

/** webLink is a link that may be followed, or nothing: the web's alone, never a script's or a file's. */
export function webLink(link: string | undefined): string | undefined {
  if (!link || !/^https?:\/\//i.test(link)) return undefined;
  try {
    return new URL(link).href;
  } catch {
    return undefined;
  }
}
