// Wallets of the person's own in this browser: extensions, or the app that opened the
// page. What they say is checked; central trusts nothing but the signature.
import { Fault } from '../../core/fault';
import { equal } from '../../core/bytes';
import { addressOf } from './chain';

export interface OutsideWallet {
  /** What it calls itself; empty where it does not say. */
  readonly name: string;
  /** connect asks the person whether the page may know an address of theirs. */
  connect(): Promise<string>;
  /** sign asks them to sign a message with the key of the address that was connected. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** How long the wallet's own window may stay open. */
const patienceMs = 5 * 60_000;
const nameLength = 32;

// The Wallet Standard (github.com/wallet-standard), as much of it as is asked for.
interface Account {
  readonly address: unknown;
  readonly chains?: readonly string[];
}
interface Features {
  readonly 'standard:connect'?: { connect(): Promise<{ readonly accounts: readonly Account[] }> };
  readonly 'solana:signMessage'?: { signMessage(input: { account: Account; message: Uint8Array }): Promise<readonly { readonly signedMessage: unknown; readonly signature: unknown }[]> };
}
interface Standard {
  readonly name: unknown;
  readonly features: Features;
}

/** What wallets put into the page before there was a standard. */
interface Provider {
  readonly isPhantom?: unknown;
  connect(): Promise<{ readonly publicKey?: unknown } | undefined>;
  signMessage(message: Uint8Array, display: 'utf8'): Promise<{ readonly signature?: unknown } | Uint8Array>;
  readonly publicKey?: unknown;
}

/**
 * findWallets calls found with the wallets of this browser, now and whenever another
 * comes, until the returned function is called.
 */
export function findWallets(found: (all: readonly OutsideWallet[]) => void, page: EventTarget & { readonly solana?: unknown } = window as EventTarget & { readonly solana?: unknown }): () => void {
  const all: OutsideWallet[] = [];
  const known = new Set<unknown>(); // some announce themselves twice
  const register = (...wallets: readonly Standard[]) => {
    for (const w of wallets) {
      if (!capable(w) || known.has(w)) continue;
      known.add(w);
      all.push(standard(w));
    }
    tell();
    return () => undefined;
  };
  function tell() {
    // A wallet of the standard is there in the old way as well: it is shown once.
    const old = page.solana as Provider | undefined;
    found(all.length === 0 && typeof old?.connect === 'function' && typeof old.signMessage === 'function' ? [provider(old)] : [...all]);
  }
  const api = Object.freeze({ register });
  const arrives = (e: Event) => {
    const { detail } = e as CustomEvent<unknown>;
    if (typeof detail === 'function') detail(api);
  };
  page.addEventListener('wallet-standard:register-wallet', arrives);
  page.dispatchEvent(new CustomEvent('wallet-standard:app-ready', { detail: api }));
  tell();
  return () => page.removeEventListener('wallet-standard:register-wallet', arrives);
}

function capable(w: Standard | undefined): w is Standard {
  const f = w?.features;
  return typeof f?.['standard:connect']?.connect === 'function' && typeof f['solana:signMessage']?.signMessage === 'function';
}

function standard(w: Standard): OutsideWallet {
  let account: Account | undefined;
  return {
    name: nameOf(w.name),
    async connect() {
      const { accounts } = await asked(() => w.features['standard:connect']!.connect());
      account = accounts?.find((a) => !a.chains || a.chains.some((c) => c.startsWith('solana:')));
      return own(account?.address);
    },
    async sign(message) {
      if (!account) throw new Fault('wallet_failed', 'the wallet is not connected');
      const given = account;
      const [out] = await asked(() => w.features['solana:signMessage']!.signMessage({ account: given, message }));
      // Some put a frame around it: that is another message than the one that was given.
      if (!(out?.signedMessage instanceof Uint8Array) || !equal(out.signedMessage, message)) throw new Fault('wallet_failed', 'the wallet signed another message');
      return signature(out.signature);
    },
  };
}

function provider(p: Provider): OutsideWallet {
  return {
    name: p.isPhantom === true ? 'Phantom' : '',
    async connect() {
      const answer = await asked(() => p.connect());
      return own(String(answer?.publicKey ?? p.publicKey ?? ''));
    },
    async sign(message) {
      const out = await asked(() => p.signMessage(message, 'utf8'));
      return signature(out instanceof Uint8Array ? out : out?.signature);
    },
  };
}

const nameOf = (name: unknown): string => (typeof name === 'string' ? [...name.replace(/\s+/g, ' ').trim()].slice(0, nameLength).join('') : '');

function own(address: unknown): string {
  const a = typeof address === 'string' ? addressOf(address) : null;
  if (!a) throw new Fault('wallet_failed', 'the wallet gave no address');
  return a;
}

function signature(s: unknown): Uint8Array {
  if (!(s instanceof Uint8Array) || s.length !== 64) throw new Fault('wallet_failed', 'the wallet gave no signature');
  return s;
}

/** asked waits for the wallet; a Fault says whether the person declined, or it failed. */
async function asked<T>(ask: () => Promise<T>): Promise<T> {
  let late: ReturnType<typeof setTimeout> | undefined;
  try {
    return await Promise.race([
      ask(),
      new Promise<never>((_, reject) => (late = setTimeout(() => reject(new Fault('wallet_refused', 'the wallet did not answer')), patienceMs))),
    ]);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    const { code, message } = (cause ?? {}) as { readonly code?: unknown; readonly message?: unknown };
    // 4001 is what EIP-1193 calls it, and wallets of other chains do as well.
    const declined = code === 4001 || /reject|declin|denied|cancel|closed/i.test(String(message ?? cause));
    throw new Fault(declined ? 'wallet_refused' : 'wallet_failed', 'the wallet did not do it', { cause });
  } finally {
    clearTimeout(late);
  }
}
