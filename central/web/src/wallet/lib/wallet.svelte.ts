import { Api } from '../../core/api';
import type { Assertion } from '../../core/assertion';
import { b64u, unb64u, unhex } from '../../core/bytes';
import { Clock } from '../../core/clock';
import { didMessage, didTerms, Identity } from '../../core/did';
import { codeOf, Fault } from '../../core/fault';
import * as passkey from '../../core/passkey';
import { type Signed, Store } from '../../core/store';
import { acceptTerms, askTerms, transferTerms } from '../../core/terms';
import type * as wire from '../../core/wire';
import type { Kept } from './credentials';
import { heldOf, receiptFrom, type KeptReceipt } from './held';
import type { Held } from './model';

export type { KeptReceipt } from './held';

/**
 * The wallet of this phone: what is stored, what central says, and what a person can
 * do with it. Pages read `wallet` and call the functions below; nothing else talks
 * to central or to the store.
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

/** centralNow is central's time in Unix milliseconds, as well as this phone knows it. */
export function centralNow(): number {
  return clock.now();
}

export const walletApi = (): Api => api;

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
    void leave();
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
function drop(): void {
  rounds = new Rounds();
  wallet.owner = wallet.account = null;
  wallet.tickets = [];
  wallet.transfers = wallet.asks = wallet.relatives = wallet.credentials = [];
  wallet.did = wallet.synced = null;
  wallet.sessionOver = false;
  recoveryCode.forget();
}

/** What the pages keep besides what core/store.ts names. */
const fact = {
  /** What central says of the credentials: whoever presents one may have no network. */
  credentials: 'credentials',
  /** Central was not told yet of a phone that was emptied. */
  leaving: 'leaving',
} as const;

/** withTexts puts to each credential its text, if this phone keeps it. */
function withTexts(views: readonly wire.CredentialView[], kept: readonly { readonly id: string; readonly jwt: string }[]): readonly Kept[] {
  const texts = new Map(kept.map((k) => [k.id, k.jwt]));
  return views.map((c) => ({ ...c, jwt: texts.get(c.id) ?? null }));
}

/** The wallet's other pages in this browser: they hear that somebody came or went. */
const others = typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('conting-wallet');

async function openIdentity(account: string): Promise<void> {
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
    const [account, transfers, asks] = await Promise.all([wallet.account ?? api.account(), api.transfers(), api.asks(), fetchReceipts(own)]);
    if (own !== rounds) return;
    wallet.account = account;
    wallet.transfers = transfers.filter((x) => x.state === 'pending');
    wallet.asks = asks.filter((x) => x.state === 'pending');
    own.heard = performance.now();
  } catch (thrown) {
    if (own === rounds) noteFailure(thrown);
  } finally {
    if (own === rounds) wallet.refreshing = false;
  }
}

/** noteFailure draws from a failure what it says about the network and the session. */
function noteFailure(thrown: unknown): void {
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

/** refreshFamily asks for what only the family pages show. */
export async function refreshFamily(): Promise<void> {
  try {
    const own = rounds;
    const [account, relatives, credentials, kept] = await Promise.all([api.account(), api.family(), api.credentials(), store?.credentials().catch(() => []) ?? []]);
    if (own !== rounds) return;
    wallet.account = account;
    await claimKey(account);
    wallet.relatives = relatives;
    wallet.credentials = withTexts(credentials, kept);
    await store?.keepFact(fact.credentials, credentials).catch(() => undefined);
    wallet.online = true;
  } catch (thrown) {
    noteFailure(thrown);
    throw thrown;
  }
}

export function ticketOf(id: string): Held | undefined {
  return wallet.tickets.find((t) => t.id === id);
}

/** holdsKey is whether the passkey of this phone is the one that a ticket is bound to. */
export function holdsKey(t: Held): boolean {
  return t.form !== 'passkey' || wallet.owner?.passkey.public_key === t.holder;
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

// Coming in.

async function entered(e: wire.Entry): Promise<void> {
  drop();
  wallet.owner = { account: e.account, email: e.email, passkey: { id: e.passkey.id, public_key: e.passkey.public_key } };
  if (e.recovery_code) recoveryCode.shown = e.recovery_code;
  try {
    await store?.signIn(wallet.owner);
    await store?.keepFact(fact.leaving, false);
    await openIdentity(e.account);
  } catch (thrown) {
    if (codeOf(thrown) === 'internal') console.error(thrown);
    wallet.unkept = true; // they are in, for as long as the page is open
  }
  others?.postMessage('entered');
  void Store.persist();
  await refresh();
}

export async function signUp(email: string): Promise<void> {
  const challenge = await api.challenge('register');
  const credential = await passkey.register(challenge, email);
  await entered(await api.register(email, challenge.challenge, credential));
}

export async function signIn(): Promise<void> {
  const challenge = await api.challenge('sign_in');
  const { credentialId, signed } = await passkey.answer(challenge);
  await entered(await api.signIn(credentialId, signed));
}

/** recover makes a new passkey and moves the account's tickets to it. */
export async function recover(email: string, code: string): Promise<void> {
  const challenge = await api.challenge('recover');
  const credential = await passkey.register(challenge, email);
  await entered(await api.recover(email, code, challenge.challenge, credential));
}

/** renewCode replaces the recovery code, which is shown until it is put away. */
export async function renewCode(): Promise<void> {
  const challenge = await api.challenge('recovery_code');
  const { signed } = await passkey.answer(challenge, ownPasskey().id);
  recoveryCode.shown = (await api.newRecoveryCode(signed)).recovery_code;
}

/** signOut ends the session at central. What the phone holds stays. */
export async function signOut(): Promise<void> {
  await api.signOut();
  wallet.account = null;
  wallet.sessionOver = true;
}

/** How long emptying a phone waits for central: what is on the phone is gone before. */
const leaveMs = 3000;

/**
 * wipe removes everything of the wallet from this phone, and ends the session. Where
 * central cannot be reached the session is ended at the next start.
 */
export async function wipe(): Promise<void> {
  const told = api.signOut().then(
    () => true,
    (thrown: unknown) => codeOf(thrown) === 'sign_in_required',
  );
  drop();
  await store?.wipe();
  others?.postMessage('wiped');
  const soon = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), leaveMs));
  if (!(await Promise.race([told, soon]))) await store?.keepFact(fact.leaving, true).catch(() => undefined);
}

/** leave ends a session that an emptied phone could not end. */
async function leave(): Promise<void> {
  try {
    if (wallet.owner || (await store?.fact(fact.leaving)) !== true) return;
    await api.signOut();
    await store?.keepFact(fact.leaving, false);
  } catch {
    // at the next start
  }
}

// What the holder's passkey signs.

function ownPasskey(): Signed['passkey'] {
  const p = wallet.owner?.passkey;
  if (!p) throw new Fault('sign_in_required', 'this phone belongs to nobody');
  return p;
}

/** assertFor has the passkey that a ticket is bound to sign a challenge. */
export async function assertFor(t: Held, challenge: Uint8Array, signal?: AbortSignal): Promise<Assertion> {
  if (!holdsKey(t)) throw new Fault('no_passkey', 'the ticket is bound to another key');
  return (await passkey.assert(t.event.rp.id, challenge, ownPasskey().id, signal)).assertion;
}

async function signTerms(purpose: wire.Purpose, terms: (challenge: Uint8Array) => Promise<Uint8Array>): Promise<wire.Signed> {
  const challenge = await api.challenge(purpose);
  return (await passkey.answer(challenge, ownPasskey().id, await terms(unb64u(challenge.challenge)))).signed;
}

// Identity and credentials.

/** identity is the key of this account's DID, which must be on this phone. */
export async function identity(): Promise<Identity> {
  const keys = wallet.owner && (await store?.key(wallet.owner.account));
  if (!keys) throw new Fault('no_identity', 'this phone has no key of a DID');
  return Identity.of(keys);
}

/** Where a key is kept of which central was asked, but may not have answered. */
const proposed = (account: string): string => `${account}/proposed`;

/**
 * makeDid makes a key on this phone and binds it to the account, with both proving
 * it. The key is kept before central hears of it: an answer may be lost, a key must not.
 */
export async function makeDid(): Promise<void> {
  const owner = wallet.owner;
  if (!owner || !store) throw new Fault('sign_in_required', 'this phone belongs to nobody');
  const made = await Identity.create();
  const challenge = await api.challenge('did');
  const value = unb64u(challenge.challenge);
  const { signed } = await passkey.answer(challenge, owner.passkey.id, await didTerms(value, made.did));
  const signature = await made.sign(await didMessage(value, made.did, unb64u(owner.passkey.public_key)));
  await store.keepKey(proposed(owner.account), made.keys);
  await api.enrolDid(made.did, b64u(signature), signed);
  await takeKey(owner.account, made);
  await refreshFamily();
}

async function takeKey(account: string, made: Identity): Promise<void> {
  await store?.keepKey(account, made.keys);
  await store?.dropKey(proposed(account));
  if (wallet.owner?.account === account) wallet.did = made.did;
}

/** claimKey finds the key of a DID that central took without this phone hearing so. */
async function claimKey(a: wire.Account): Promise<void> {
  if (!a.did || a.did === wallet.did) return;
  const keys = await store?.key(proposed(a.account)).catch(() => null);
  const made = keys && (await Identity.of(keys));
  if (made && made.did === a.did) await takeKey(a.account, made);
}

export async function addCredential(jwt: string): Promise<void> {
  const added = await api.addCredential(jwt.trim());
  await store?.keepCredential({ id: added.id, jwt: jwt.trim() });
  await Promise.all([refreshFamily(), refresh()]);
}

export async function removeCredential(id: string): Promise<void> {
  await api.removeCredential(id);
  await store?.dropCredential(id);
  await Promise.all([refreshFamily(), refresh()]);
}

// Family.

export async function give(t: Held, to: wire.Relative): Promise<void> {
  const terms = { ticket: unhex(t.id), version: t.version, from: unb64u(ownPasskey().public_key), to: unb64u(to.public_key) };
  await api.transfer(t.id, to.did, await signTerms('transfer', (challenge) => transferTerms({ challenge, ...terms })));
  await refresh();
}

export async function accept(t: wire.Transfer): Promise<void> {
  const terms = { ticket: unhex(t.ticket), version: t.version, from: unb64u(t.from_key), to: unb64u(t.to_key) };
  await api.acceptTransfer(t.id, await signTerms('transfer_accept', (challenge) => acceptTerms({ challenge, ...terms })));
  await refresh();
}

export async function declineTransfer(id: string): Promise<void> {
  await api.declineTransfer(id);
  await refresh();
}

export async function cancelTransfer(id: string): Promise<void> {
  await api.cancelTransfer(id);
  await refresh();
}

export interface Wish {
  readonly event: number;
  readonly zone: number;
  readonly class: number;
  readonly seat?: string;
  readonly to: string;
  readonly max_amount: number;
}

export async function askToBook(w: Wish): Promise<void> {
  await api.ask(w, await signTerms('ask', (challenge) => askTerms(challenge, w.event, w.zone, w.class, w.to)));
  await refresh();
}

export async function declineAsk(id: string): Promise<void> {
  await api.declineAsk(id);
  await refresh();
}

export async function cancelAsk(id: string): Promise<void> {
  await api.cancelAsk(id);
  await refresh();
}

// Buying.

export interface Choice {
  readonly zone: number;
  readonly class: number;
  readonly seat?: string;
  readonly paper?: boolean;
  readonly ask?: string;
}

/** unanswered is whether nobody knows what central made of a request: it is sent again as it was. */
export const unanswered = (thrown: unknown): boolean => ['offline', 'timeout', 'request_in_progress'].includes(codeOf(thrown));

/** What was asked of central under a key, until it has answered. */
let attempt: { readonly key: string; readonly request: wire.OrderRequest } | null = null;

/**
 * hold keeps a place for this account, or for who asked for it. With the same key it
 * repeats what central did not answer, to the byte; after an answer take another key.
 */
export async function hold(event: wire.EventDetail, c: Choice, key: string): Promise<wire.Order> {
  if (attempt?.key !== key) {
    const request: wire.OrderRequest = {
      zone: c.zone,
      class: c.class,
      ...(c.seat ? { seat: c.seat } : {}),
      ...(c.ask ? { ask: c.ask } : c.paper ? { paper: true } : { holder: await possession(event) }),
    };
    attempt = { key, request };
  }
  const own = attempt;
  try {
    const order = await api.order(event.id, own.request, key);
    attempt = null;
    return order;
  } catch (thrown) {
    if (!unanswered(thrown)) attempt = null;
    throw thrown;
  }
}

async function possession(event: wire.EventDetail): Promise<wire.Holder> {
  const own = ownPasskey();
  const { challenge } = await api.saleChallenge();
  const { assertion } = await passkey.assert(event.relying_party.id, unb64u(challenge), own.id);
  return { public_key: own.public_key, ...passkey.toWire(challenge, assertion) };
}

/** pay pays a held order; with the sandbox no money moves. It waits while the provider has not answered. */
export async function pay(o: wire.Order, secret: string, key: string): Promise<wire.Order> {
  let paid = await api.pay(o.id, secret, 'sandbox', 'ok', key);
  for (let tries = 0; paid.state !== 'paid' && tries < 15; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 2000));
    paid = await api.orderState(o.id, secret);
  }
  await refresh();
  return paid;
}

