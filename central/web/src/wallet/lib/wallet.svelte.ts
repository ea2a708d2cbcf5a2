import { Api } from '../../core/api';
import { Clock } from '../../core/clock';
import { Identity } from '../../core/did';
import { codeOf } from '../../core/fault';
import { type Signed, Store } from '../../core/store';
import type * as wire from '../../core/wire';
import type { Kept } from './credentials';
import { heldOf, receiptFrom, type KeptReceipt } from './held';
import type { Held } from './model';

export type { KeptReceipt } from './held';

/**
 * The wallet of this phone: what is stored, and what central says. Pages read `wallet`;
 * what a person does with it stands in session.ts, signing.ts, identity.ts, family.ts
 * and booking.ts. Nothing else talks to central or to the store.
 */
class Wallet {
  ready = $state(false);
  /** Who this phone belongs to; stays when the session at central has ended. */
  owner = $state.raw<Signed | null>(null);
  /** Who central says is signed in; null if nobody is, or central was not asked yet. */
  account = $state.raw<wire.Account | null>(null);
  tickets = $state.raw<readonly Held[]>([]);
  relatives = $state.raw<readonly wire.Relative[]>([]);
  transfers = $state.raw<readonly wire.Transfer[]>([]);
  asks = $state.raw<readonly wire.Ask[]>([]);
  /** Places that are kept for this account, and wait for its answer. */
  offers = $state.raw<readonly wire.Offer[]>([]);
  credentials = $state.raw<readonly Kept[]>([]);
  /** The DID whose key this phone holds. */
  did = $state<string | null>(null);

  online = $state(navigator.onLine);
  refreshing = $state(false);
  /** When central was last heard, on this phone's clock. */
  synced = $state<number | null>(null);
  /** Central's time minus this phone's, in milliseconds; null until central was asked. */
  offset = $state<number | null>(null);
  /** Whether this phone's clock may have been set since, or stood still. */
  doubtful = $state(false);
  /** Whether central said that the session has ended. */
  sessionOver = $state(false);
  /** Whether this browser keeps nothing: then tickets are gone when the page is. */
  unkept = $state(false);
}

export const wallet = new Wallet();

/** The code of a new account, until its owner says that it is put away. */
class Recovery {
  shown = $state<string | null>(null);
  forget(): void {
    this.shown = null;
  }
}
export const recoveryCode = new Recovery();

let store: Store | null = null;
let clock = new Clock();
let api = new Api({ clock });

export const walletApi = (): Api => api;
/** What this phone keeps; null where the browser keeps nothing. */
export const walletStore = (): Store | null => store;

/** centralNow is central's time in Unix milliseconds, as well as this phone knows it. */
export function centralNow(): number {
  return clock.now();
}

function noteClock(): void {
  wallet.offset = clock.known ? -clock.ahead : null;
  wallet.doubtful = clock.known && clock.doubtful;
}

/** start opens the store, shows what it holds, and then asks central. */
export async function start(): Promise<void> {
  try {
    store = await Store.open();
    const reading = await store.clock();
    clock = new Clock(reading, undefined, (r) => void store?.keepClock(r).catch(() => undefined));
    api = new Api({ clock });
    noteClock();
    await load();
  } catch (thrown) {
    if (codeOf(thrown) === 'internal') console.error(thrown);
    wallet.unkept = true; // the wallet works for as long as it is open
  }
  wallet.ready = true;
  addEventListener('online', () => void refresh());
  addEventListener('offline', () => (wallet.online = false));
  document.addEventListener('visibilitychange', refreshIfOld);
  others?.addEventListener('message', () => void load().then(refreshIfOld, () => undefined));
  if (wallet.owner) void refresh();
}

/** load shows what the store holds, and forgets what it does not. */
async function load(): Promise<void> {
  const owner = (await store?.signed()) ?? null;
  if (owner?.account !== wallet.owner?.account) drop();
  wallet.owner = owner;
  const kept = owner && (await store?.tickets());
  if (kept) {
    wallet.tickets = allHeld(kept.items);
    wallet.synced = kept.at;
  }
  const views = owner && (await store?.fact(fact.credentials));
  if (store && Array.isArray(views)) wallet.credentials = withTexts(views as wire.CredentialView[], await store.credentials());
  if (owner) await openIdentity(owner.account);
}

/** drop forgets all that is somebody's. What is being asked for them is not heard any more. */
export function drop(): void {
  rounds = new Rounds();
  wallet.owner = wallet.account = null;
  wallet.tickets = [];
  wallet.transfers = wallet.asks = wallet.offers = wallet.relatives = wallet.credentials = [];
  wallet.did = wallet.synced = null;
  wallet.sessionOver = false;
  recoveryCode.forget();
}

/** What the pages keep besides what core/store.ts names. */
export const fact = {
  /** What central says of the credentials: whoever presents one may have no network. */
  credentials: 'credentials',
  /** Central was not told yet of a phone that was emptied. */
  leaving: 'leaving',
} as const;

/** withTexts puts to each credential its text, if this phone keeps it. */
export function withTexts(views: readonly wire.CredentialView[], kept: readonly { readonly id: string; readonly jwt: string }[]): readonly Kept[] {
  const texts = new Map(kept.map((k) => [k.id, k.jwt]));
  return views.map((c) => ({ ...c, jwt: texts.get(c.id) ?? null }));
}

/** The wallet's other pages in this browser: they hear that somebody came or went. */
export const others = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('conting-wallet');

/** openIdentity notes whose DID this phone holds the key of. */
export async function openIdentity(account: string): Promise<void> {
  const keys = await store?.key(account);
  wallet.did = keys ? (await Identity.of(keys)).did : null;
}

/** Rounds are the questions that are on their way for one owner, each asked once. */
class Rounds {
  tickets: Promise<boolean> | null = null;
  all: Promise<void> | null = null;
  /** When all of it was heard, by a clock that nobody sets. */
  heard = Number.NEGATIVE_INFINITY;
}
let rounds = new Rounds();

/** sameOwner returns whether what was asked until now is still for the same person. */
export function sameOwner(): () => boolean {
  const own = rounds;
  return () => own === rounds;
}

/** refresh asks central for everything that the pages show; it never throws. */
export function refresh(): Promise<void> {
  const own = rounds;
  own.all ??= askAll(own).finally(() => (own.all = null));
  return own.all;
}

/** refreshTickets asks for the tickets alone, and says whether central answered; it never throws. */
export function refreshTickets(): Promise<boolean> {
  const own = rounds;
  own.tickets ??= askTickets(own).finally(() => (own.tickets = null));
  return own.tickets;
}

/** A page that is opened shows nothing older than this, where central can be reached. */
const newsMs = 3_000;
/** A page that stays open hears of a refund or an entry this often, */
const ticketsEveryMs = 20_000;
/** and of a gift or a request every other time. */
const listsEveryMs = 1.5 * ticketsEveryMs;

// While the phone sleeps that clock may stand still, and ours is in doubt.
const old = (ms: number): boolean => clock.doubtful || performance.now() - rounds.heard > ms;
const looked = (): boolean => wallet.ready && wallet.owner !== null && document.visibilityState === 'visible';

/** refreshIfOld asks central unless it was asked a moment ago, or nobody looks. */
export function refreshIfOld(): void {
  if (looked() && old(newsMs)) void refresh();
}

/** stayCurrent asks central again and again until the returned function is called. */
export function stayCurrent(): () => void {
  const timer = setInterval(() => {
    if (looked() && old(newsMs)) void (old(listsEveryMs) ? refresh() : refreshTickets());
  }, ticketsEveryMs);
  return () => clearInterval(timer);
}

async function askTickets(own: Rounds): Promise<boolean> {
  if (!wallet.owner) return false;
  try {
    const answer = await api.tickets();
    noteClock();
    if (own !== rounds) return false; // somebody else's by now
    wallet.tickets = allHeld(answer.tickets);
    wallet.online = true;
    wallet.sessionOver = false;
    wallet.synced = Date.now();
    await store?.keepTickets(answer.tickets, wallet.synced).catch(() => (wallet.unkept = true));
    return own === rounds;
  } catch (thrown) {
    if (own === rounds) noteFailure(thrown);
    return false;
  }
}

async function askAll(own: Rounds): Promise<void> {
  wallet.refreshing = true;
  try {
    if (!(await refreshTickets())) return;
    const [account, transfers, asks, offers] = await Promise.all([wallet.account ?? api.account(), api.transfers(), api.asks(), api.offers(), fetchReceipts(own)]);
    if (own !== rounds) return;
    wallet.account = account;
    wallet.transfers = transfers.filter((x) => x.state === 'pending');
    wallet.asks = asks.filter((x) => x.state === 'pending');
    wallet.offers = offers.filter((x) => x.state === 'open');
    own.heard = performance.now();
  } catch (thrown) {
    if (own === rounds) noteFailure(thrown);
  } finally {
    if (own === rounds) wallet.refreshing = false;
  }
}

/** noteFailure draws from a failure what it says about the network and the session. */
export function noteFailure(thrown: unknown): void {
  const code = codeOf(thrown);
  noteClock();
  if (code === 'offline' || code === 'timeout') wallet.online = false;
  else if (code === 'sign_in_required') {
    wallet.online = true;
    wallet.account = null;
    wallet.sessionOver = true;
  } else if (code === 'internal') console.error(thrown);
}

/** allHeld leaves out what this version cannot read, rather than showing nothing. */
function allHeld(tickets: readonly wire.WalletTicket[]): readonly Held[] {
  return tickets.flatMap((t) => {
    try {
      return [heldOf(t)];
    } catch (thrown) {
      console.error(thrown);
      return [];
    }
  });
}

async function fetchReceipts(own: Rounds): Promise<void> {
  for (const t of wallet.tickets) {
    if (!t.receipt || (await keptReceipt(t))) continue;
    // What does not come is asked for again at the next refresh.
    const r = await api.receipt(t.id).catch(() => null);
    if (own !== rounds) return;
    if (r) await store?.keepReceipt(t.id, r).catch(() => undefined);
  }
}

const keptReceipt = async (t: Held): Promise<wire.EntryReceipt | null> => (await store?.receipt(t.id).catch(() => null)) ?? null;

export function ticketOf(id: string): Held | undefined {
  return wallet.tickets.find((t) => t.id === id);
}

/** holdsKey is whether the passkey of this phone is the one that a ticket is bound to. */
export function holdsKey(t: Held): boolean {
  return t.form !== 'passkey' || wallet.owner?.passkey?.public_key === t.holder;
}

/** receiptOf returns the proof of an entry, from this phone or from central. */
export async function receiptOf(t: Held): Promise<KeptReceipt | null> {
  const kept = await keptReceipt(t);
  if (kept) return receiptFrom(kept);
  try {
    const r = await api.receipt(t.id);
    await store?.keepReceipt(t.id, r).catch(() => undefined);
    return receiptFrom(r);
  } catch (thrown) {
    noteFailure(thrown);
    return null;
  }
}

export const paperUrl = (id: string, kind: 'pdf' | 'png'): string => `/v1/wallet/tickets/${id}/paper.${kind}`;
