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
  /** Whether central said that the session has ended. */
  sessionOver = $state(false);
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
}

/** start opens the store, shows what it holds, and then asks central. */
export async function start(): Promise<void> {
  try {
    store = await Store.open();
    const reading = await store.clock();
    clock = new Clock(reading, undefined, (r) => void store?.keepClock(r).catch(() => undefined));
    api = new Api({ clock });
    noteClock();
    wallet.owner = await store.signed();
    const kept = await store.tickets();
    if (kept) {
      wallet.tickets = kept.items.map(heldOf);
      wallet.synced = kept.at;
    }
    if (wallet.owner) await openIdentity(wallet.owner.account);
  } catch (thrown) {
    if (codeOf(thrown) === 'internal') console.error(thrown);
    // without a store the wallet works for as long as it is open
  }
  wallet.ready = true;
  addEventListener('online', () => void refresh());
  addEventListener('offline', () => (wallet.online = false));
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') void refresh();
  });
  if (wallet.owner) void refresh();
}

async function openIdentity(account: string): Promise<void> {
  const keys = await store?.key(account);
  wallet.did = keys ? (await Identity.of(keys)).did : null;
}

let refreshes: Promise<void> | null = null;

/** refresh asks central for everything that the pages show; it never throws. */
export function refresh(): Promise<void> {
  refreshes ??= ask().finally(() => (refreshes = null));
  return refreshes;
}

/** A page that is opened shows nothing older than this, where central can be reached. */
const newsMs = 3_000;
/** A page that stays open hears of a gift, a refund or an entry this often. */
const newsEveryMs = 20_000;

/** refreshIfOld asks central unless it was asked a moment ago, or nobody looks. */
export function refreshIfOld(): void {
  if (wallet.ready && wallet.owner && document.visibilityState === 'visible' && Date.now() - (wallet.synced ?? 0) > newsMs) void refresh();
}

/** stayCurrent asks central again and again until the returned function is called. */
export function stayCurrent(): () => void {
  const timer = setInterval(refreshIfOld, newsEveryMs);
  return () => clearInterval(timer);
}

async function ask(): Promise<void> {
  if (!wallet.owner) return;
  wallet.refreshing = true;
  try {
    const answer = await api.tickets();
    noteClock();
    await keepTickets(answer);
    wallet.online = true;
    wallet.sessionOver = false;
    wallet.synced = Date.now();
    await Promise.all([
      wallet.account ? undefined : api.account().then((a) => (wallet.account = a)),
      api.transfers().then((t) => (wallet.transfers = t.filter((x) => x.state === 'pending'))),
      api.asks().then((a) => (wallet.asks = a.filter((x) => x.state === 'pending'))),
      fetchReceipts(),
    ]);
  } catch (thrown) {
    noteFailure(thrown);
  } finally {
    wallet.refreshing = false;
  }
}

/** noteFailure draws from a failure what it says about the network and the session. */
function noteFailure(thrown: unknown): void {
  const code = codeOf(thrown);
  if (code === 'offline' || code === 'timeout') wallet.online = false;
  else if (code === 'sign_in_required') {
    wallet.online = true;
    wallet.account = null;
    wallet.sessionOver = true;
  } else if (code === 'internal') console.error(thrown);
}

async function keepTickets(answer: wire.WalletTickets): Promise<void> {
  wallet.tickets = answer.tickets.map(heldOf);
  await store?.keepTickets(answer.tickets, Date.now()).catch(() => undefined);
}

async function fetchReceipts(): Promise<void> {
  for (const t of wallet.tickets) {
    if (!t.receipt || (await store?.receipt(t.id))) continue;
    await api.receipt(t.id).then(
      (r) => store?.keepReceipt(t.id, r),
      () => undefined, // asked for again at the next refresh
    );
  }
}

/** refreshFamily asks for what only the family pages show. */
export async function refreshFamily(): Promise<void> {
  try {
    const [account, relatives, credentials, kept] = await Promise.all([api.account(), api.family(), api.credentials(), store?.credentials() ?? []]);
    wallet.account = account;
    wallet.relatives = relatives;
    const texts = new Map(kept.map((k) => [k.id, k.jwt]));
    wallet.credentials = credentials.map((c) => ({ ...c, jwt: texts.get(c.id) ?? null }));
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
  const kept = await store?.receipt(t.id);
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
  wallet.owner = { account: e.account, email: e.email, passkey: { id: e.passkey.id, public_key: e.passkey.public_key } };
  wallet.account = null;
  wallet.sessionOver = false;
  wallet.tickets = [];
  wallet.transfers = wallet.asks = wallet.relatives = wallet.credentials = [];
  if (e.recovery_code) recoveryCode.shown = e.recovery_code;
  await store?.signIn(wallet.owner);
  await openIdentity(e.account);
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

/** signOut ends the session at central. What the phone holds stays. */
export async function signOut(): Promise<void> {
  await api.signOut();
  wallet.account = null;
  wallet.sessionOver = true;
}

/** wipe removes everything of the wallet from this phone. */
export async function wipe(): Promise<void> {
  await api.signOut().catch(() => undefined); // offline: the session ends by itself
  await store?.wipe();
  wallet.owner = wallet.account = null;
  wallet.tickets = [];
  wallet.transfers = wallet.asks = wallet.relatives = wallet.credentials = [];
  wallet.did = wallet.synced = null;
  wallet.sessionOver = false;
}

// What the holder's passkey signs.

function ownPasskey(): Signed['passkey'] {
  const p = wallet.owner?.passkey;
  if (!p) throw new Fault('sign_in_required', 'this phone belongs to nobody');
  return p;
}

/** assertFor has the passkey that a ticket is bound to sign a challenge. */
export async function assertFor(t: Held, challenge: Uint8Array): Promise<Assertion> {
  if (!holdsKey(t)) throw new Fault('no_passkey', 'the ticket is bound to another key');
  return (await passkey.assert(t.event.rp.id, challenge, ownPasskey().id)).assertion;
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

/** makeDid makes a key on this phone and binds it to the account, with both proving it. */
export async function makeDid(): Promise<void> {
  const owner = wallet.owner;
  if (!owner || !store) throw new Fault('sign_in_required', 'this phone belongs to nobody');
  const made = await Identity.create();
  const challenge = await api.challenge('did');
  const value = unb64u(challenge.challenge);
  const { signed } = await passkey.answer(challenge, owner.passkey.id, await didTerms(value, made.did));
  const signature = await made.sign(await didMessage(value, made.did, unb64u(owner.passkey.public_key)));
  await api.enrolDid(made.did, b64u(signature), signed);
  await store.keepKey(owner.account, made.keys);
  wallet.did = made.did;
  await refreshFamily();
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

/** hold keeps a place for this account, or for who asked for it. The key makes a repetition harmless. */
export async function hold(event: wire.EventDetail, c: Choice, key: string): Promise<wire.Order> {
  const request: wire.OrderRequest = {
    zone: c.zone,
    class: c.class,
    ...(c.seat ? { seat: c.seat } : {}),
    ...(c.ask ? { ask: c.ask } : c.paper ? { paper: true } : { holder: await possession(event) }),
  };
  return api.order(event.id, request, key);
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

