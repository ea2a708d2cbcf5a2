import { b64u, random } from './bytes';
import type { Clock } from './clock';
import { Fault } from './fault';
import type * as wire from './wire';

/**
 * Problem is what central refuses, with its stable code (RFC 9457). The hint is
 * English; pages show their own text for the code where they have one.
 */
export class Problem extends Fault {
  constructor(
    code: string,
    readonly status: number,
    readonly title: string,
    readonly hint: string,
    readonly detail: string,
    readonly requestId: string,
    /** How long central asks to wait, in milliseconds; 0 if it does not say. */
    readonly retryAfter: number,
  ) {
    super(code, `${status} ${code}: ${detail || title}`);
  }
}

export interface ApiOptions {
  /** Where central is: '' for where the page came from. */
  readonly base?: string;
  readonly fetch?: typeof fetch;
  /** How long one request may take. */
  readonly timeoutMs?: number;
  /** Learns central's time from the answers that tell it. */
  readonly clock?: Clock;
}

interface Sent {
  readonly body?: unknown;
  /** The secret of an order, or an access token. */
  readonly secret?: string;
  readonly idempotencyKey?: string;
  /** Headers of a waiting room. */
  readonly queue?: { readonly 'Queue-Token'?: string; readonly 'Queue-Admission'?: string };
  readonly signal?: AbortSignal | undefined;
}

const timeout = 15_000;

/** newKey is an Idempotency-Key: send the same one when the same thing is tried again. */
export const newKey = (): string => b64u(random(18));

/**
 * Api is central as the wallet sees it. Every method throws a Problem for what
 * central refuses, or a Fault: offline when central was not reached, timeout when it
 * did not answer. The session is a cookie that scripts cannot read.
 */
export class Api {
  private readonly base: string;
  private readonly fetch: typeof fetch;
  private readonly timeoutMs: number;
  private readonly clock: Clock | undefined;

  constructor(o: ApiOptions = {}) {
    this.base = o.base ?? '';
    this.fetch = o.fetch ?? ((...args) => fetch(...args));
    this.timeoutMs = o.timeoutMs ?? timeout;
    this.clock = o.clock;
  }

  // People.

  challenge(purpose: wire.Purpose): Promise<wire.Challenge> {
    return this.post('/v1/account/challenges', { body: { purpose } });
  }

  joining(): Promise<wire.Joining> {
    return this.get('/v1/account/joining', {});
  }

  register(email: string, challenge: string, credential: wire.NewCredential, language: wire.Language, work: string): Promise<wire.Entry> {
    return this.post('/v1/account/register', { body: { email, challenge, credential, language, work } });
  }

  signIn(credentialId: string, signed: wire.Signed): Promise<wire.Entry> {
    return this.post('/v1/account/sign-in', { body: { credential_id: credentialId, ...signed } });
  }

  recover(email: string, recoveryCode: string, challenge: string, credential: wire.NewCredential): Promise<wire.Entry> {
    return this.post('/v1/account/recover', { body: { email, recovery_code: recoveryCode, challenge, credential } });
  }

  newRecoveryCode(signed: wire.Signed): Promise<{ readonly recovery_code: string }> {
    return this.post('/v1/account/recovery-code', { body: signed });
  }

  async signOut(): Promise<void> {
    await this.post('/v1/account/sign-out', {});
  }

  account(signal?: AbortSignal): Promise<wire.Account> {
    return this.get('/v1/account', { signal });
  }

  // Passwords, letters, and what somebody may ask about themselves.

  /** askToJoin has a letter sent with whose token confirmJoin makes an account. */
  askToJoin(email: string, language: wire.Language, work: string): Promise<wire.LetterSent> {
    return this.post('/v1/account/password/register', { body: { email, language, work } });
  }

  confirmJoin(token: string, password: string): Promise<wire.Entry> {
    return this.post('/v1/account/password/register/confirm', { body: { token, password } });
  }

  signInWithPassword(email: string, password: string): Promise<wire.Entry> {
    return this.post('/v1/account/password/sign-in', { body: { email, password } });
  }

  async changePassword(password: string, proof: wire.Proof): Promise<void> {
    await this.post('/v1/account/password/change', { body: { new_password: password, proof } });
  }

  askReset(email: string, language: wire.Language, work: string): Promise<wire.LetterSent> {
    return this.post('/v1/account/password/reset', { body: { email, language, work } });
  }

  confirmReset(token: string, password: string): Promise<wire.Entry> {
    return this.post('/v1/account/password/reset/confirm', { body: { token, password } });
  }

  askToVerify(language: wire.Language): Promise<wire.LetterSent> {
    return this.post('/v1/account/email/verify', { body: { language } });
  }

  async confirmEmail(token: string): Promise<void> {
    await this.post('/v1/account/email/confirm', { body: { token } });
  }

  addPasskey(challenge: string, credential: wire.NewCredential, password: string): Promise<wire.Entry> {
    return this.post('/v1/account/passkeys', { body: { challenge, credential, password } });
  }

  async sessions(): Promise<readonly wire.SessionView[]> {
    return (await this.get<{ sessions: wire.SessionView[] }>('/v1/account/sessions', {})).sessions;
  }

  async endSession(id: string): Promise<void> {
    await this.send('DELETE', `/v1/account/sessions/${encodeURIComponent(id)}`, {});
  }

  async endOtherSessions(): Promise<void> {
    await this.send('DELETE', '/v1/account/sessions', {});
  }

  /** dossier is everything that central knows of who is signed in. */
  dossier(): Promise<unknown> {
    return this.get('/v1/account/export', {});
  }

  async deleteAccount(proof: wire.Proof): Promise<void> {
    await this.send('DELETE', '/v1/account', { body: proof });
  }

  // Tickets.

  async tickets(signal?: AbortSignal): Promise<wire.WalletTickets> {
    const heard = this.clock?.asked();
    const answer = await this.get<wire.WalletTickets | undefined>('/v1/wallet/tickets', { signal });
    if (!Array.isArray(answer?.tickets)) throw new Fault('offline', 'what answered is not central');
    heard?.(answer.now);
    return answer;
  }

  receipt(ticket: string): Promise<wire.EntryReceipt> {
    return this.get(`/v1/wallet/tickets/${ticket}/receipt`, {});
  }

  beginLease(ticket: string, signal?: AbortSignal): Promise<wire.LeaseGiven> {
    return this.post('/v1/wallet/leases', { body: { ticket }, signal });
  }

  /** beat throws a Problem lease_lapsed when the lease is gone. */
  async beat(lease: string, signal?: AbortSignal): Promise<void> {
    await this.post(`/v1/wallet/leases/${lease}/beat`, { signal });
  }

  async endLease(lease: string): Promise<void> {
    await this.send('DELETE', `/v1/wallet/leases/${lease}`, {});
  }

  // Tickets' tokens, and the wallets that they lie in. All throw mint_off where there are none.

  token(ticket: string): Promise<wire.TicketToken> {
    return this.get(`/v1/wallet/tickets/${ticket}/token`, {});
  }

  /** tokenProof is a file for whoever wants to verify that a ticket stands under a root on chain. */
  tokenProof(ticket: string): Promise<unknown> {
    return this.get(`/v1/wallet/tickets/${ticket}/token/proof`, {});
  }

  claimToken(ticket: string): Promise<wire.TicketToken> {
    return this.post(`/v1/wallet/tickets/${ticket}/token/claim`, {});
  }

  /** sendToken sends a free token away, for good. */
  sendToken(ticket: string, to: string, idempotencyKey = newKey()): Promise<wire.TokenAction> {
    return this.post(`/v1/wallet/tickets/${ticket}/token/send`, { body: { to }, idempotencyKey });
  }

  chainWallet(): Promise<wire.ChainWallet> {
    return this.get('/v1/wallet/chain', {});
  }

  chainChallenge(address: string, language: wire.Language): Promise<wire.ChainChallenge> {
    return this.post('/v1/wallet/chain/challenge', { body: { address, language } });
  }

  /** linkWallet takes the signature, base64url, of the message that was given last. */
  linkWallet(signature: string, idempotencyKey = newKey()): Promise<wire.ChainWallet> {
    return this.post('/v1/wallet/chain/link', { body: { signature }, idempotencyKey });
  }

  unlinkWallet(): Promise<wire.ChainWallet> {
    return this.send('DELETE', '/v1/wallet/chain/link', {}) as Promise<wire.ChainWallet>;
  }

  // Identity, credentials and family.

  enrolDid(did: string, didSignature: string, signed: wire.Signed): Promise<void> {
    return this.post('/v1/wallet/did', { body: { did, did_signature: didSignature, ...signed } });
  }

  async credentials(): Promise<readonly wire.CredentialView[]> {
    return (await this.get<{ credentials: wire.CredentialView[] }>('/v1/wallet/credentials', {})).credentials;
  }

  addCredential(jwt: string): Promise<wire.CredentialView> {
    return this.post('/v1/wallet/credentials', { body: { jwt } });
  }

  async removeCredential(id: string): Promise<void> {
    await this.send('DELETE', `/v1/wallet/credentials/${encodeURIComponent(id)}`, {});
  }

  async family(): Promise<readonly wire.Relative[]> {
    return (await this.get<{ family: wire.Relative[] }>('/v1/wallet/family', {})).family;
  }

  async transfers(): Promise<readonly wire.Transfer[]> {
    return (await this.get<{ transfers: wire.Transfer[] }>('/v1/wallet/transfers', {})).transfers;
  }

  transfer(ticket: string, to: string, signed: wire.Signed): Promise<wire.Transfer> {
    return this.post('/v1/wallet/transfers', { body: { ticket, to, ...signed } });
  }

  acceptTransfer(id: string, signed: wire.Signed): Promise<wire.Transfer> {
    return this.post(`/v1/wallet/transfers/${id}/accept`, { body: signed });
  }

  async declineTransfer(id: string): Promise<void> {
    await this.post(`/v1/wallet/transfers/${id}/decline`, {});
  }

  async cancelTransfer(id: string): Promise<void> {
    await this.post(`/v1/wallet/transfers/${id}/cancel`, {});
  }

  async asks(): Promise<readonly wire.Ask[]> {
    return (await this.get<{ asks: wire.Ask[] }>('/v1/wallet/asks', {})).asks;
  }

  ask(
    wish: { readonly event: number; readonly zone: number; readonly class: number; readonly seat?: string; readonly to: string; readonly max_amount: number },
    signed: wire.Signed,
  ): Promise<wire.Ask> {
    return this.post('/v1/wallet/asks', { body: { ...wish, ...signed } });
  }

  async declineAsk(id: string): Promise<void> {
    await this.post(`/v1/wallet/asks/${id}/decline`, {});
  }

  async cancelAsk(id: string): Promise<void> {
    await this.post(`/v1/wallet/asks/${id}/cancel`, {});
  }

  // Sale.

  async events(): Promise<readonly wire.EventSummary[]> {
    return this.pages<wire.EventSummary>('/v1/events', 'events');
  }

  event(id: number): Promise<wire.EventDetail> {
    return this.get(`/v1/events/${id}`, {});
  }

  async seats(event: number, zone: number): Promise<readonly wire.Seat[]> {
    return this.pages<wire.Seat>(`/v1/events/${event}/seats?zone=${zone}`, 'seats');
  }

  /** saleChallenge is what the buyer's passkey signs for an order. */
  saleChallenge(): Promise<{ readonly challenge: string; readonly expires: string }> {
    return this.post('/v1/challenges', {});
  }

  /** order sends the admission of the event's waiting room, if it has one. */
  order(event: number, request: wire.OrderRequest, idempotencyKey = newKey(), admission = ''): Promise<wire.Order> {
    return this.post(`/v1/events/${event}/orders`, { body: request, idempotencyKey, ...(admission ? { queue: { 'Queue-Admission': admission } } : {}) });
  }

  orderState(id: string, secret: string): Promise<wire.Order> {
    return this.get(`/v1/orders/${id}`, { secret });
  }

  async providers(): Promise<readonly string[]> {
    return (await this.get<{ providers: string[] }>('/v1/payments', {})).providers;
  }

  /** startPayment takes nothing; to start again is to get the same payment. */
  startPayment(order: string, secret: string, provider: string): Promise<wire.Payment> {
    return this.post(`/v1/orders/${order}/payments`, { body: { provider }, secret });
  }

  /** confirmPayment takes the money, once. While the outcome is not known the order is `paying`. */
  confirmPayment(order: string, secret: string, payment: string, token = ''): Promise<wire.Order> {
    return this.post(`/v1/orders/${order}/payments/${payment}/confirm`, { body: token ? { token } : {}, secret });
  }

  cancelPayment(order: string, secret: string, payment: string): Promise<wire.Order> {
    return this.post(`/v1/orders/${order}/payments/${payment}/cancel`, { secret });
  }

  /** orders lists what the account ordered, newest first. */
  orders(): Promise<readonly wire.PastOrder[]> {
    return this.pages<wire.PastOrder>('/v1/wallet/orders', 'orders');
  }

  refundOrder(id: string, idempotencyKey = newKey()): Promise<wire.Order> {
    return this.post(`/v1/orders/${id}/refund`, { idempotencyKey });
  }

  // Those who wait for places of a zone that is full.

  async waits(event: number): Promise<readonly wire.Wait[]> {
    return (await this.get<{ waiting: wire.Wait[] }>(`/v1/events/${event}/waiting`, {})).waiting;
  }

  wait(event: number, zone: number, klass: number, places: number): Promise<wire.Wait> {
    return this.post(`/v1/events/${event}/waiting`, { body: { zone, class: klass, places } });
  }

  async stopWaiting(event: number, zone: number): Promise<void> {
    await this.send('DELETE', `/v1/events/${event}/waiting?zone=${zone}`, {});
  }

  async offers(): Promise<readonly wire.Offer[]> {
    return (await this.get<{ offers: wire.Offer[] }>('/v1/wallet/offers', {})).offers;
  }

  acceptOffer(id: string, answer: wire.OfferAnswer, idempotencyKey = newKey()): Promise<wire.Order> {
    return this.post(`/v1/wallet/offers/${id}/accept`, { body: answer, idempotencyKey });
  }

  async declineOffer(id: string): Promise<void> {
    await this.post(`/v1/wallet/offers/${id}/decline`, {});
  }

  // Waiting rooms.

  access(): Promise<wire.AccessToken> {
    return this.post('/v1/account/access', {});
  }

  queueInfo(event: number): Promise<wire.QueueInfo> {
    return this.get(`/v1/events/${event}/queue/info`, {});
  }

  /** enterQueue takes a place, or finds the one that the account has. */
  enterQueue(event: number, access: string, has: { readonly work?: string; readonly token?: string }): Promise<wire.QueuePlace> {
    return this.post(`/v1/events/${event}/queue`, { body: has, secret: access });
  }

  queuePlace(event: number, token: string): Promise<wire.QueuePlace> {
    return this.get(`/v1/events/${event}/queue`, { queue: { 'Queue-Token': token } });
  }

  async leaveQueue(event: number, token: string): Promise<void> {
    await this.send('DELETE', `/v1/events/${event}/queue`, { queue: { 'Queue-Token': token } });
  }

  // How it is sent.

  private get<T>(path: string, o: Sent): Promise<T> {
    return this.send('GET', path, o) as Promise<T>;
  }

  private post<T>(path: string, o: Sent): Promise<T> {
    return this.send('POST', path, o) as Promise<T>;
  }

  private async pages<T>(path: string, name: string): Promise<T[]> {
    const all: T[] = [];
    const most = 100; // pages, so that a cursor that does not move ends
    let cursor = '';
    for (let i = 0; i < most; i++) {
      const at = cursor ? `${path}${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}` : path;
      const page = await this.get<Record<string, unknown>>(at, {});
      all.push(...(page[name] as T[]));
      if (typeof page['next'] !== 'string' || page['next'] === cursor) break;
      cursor = page['next'];
    }
    return all;
  }

  private async send(method: string, path: string, o: Sent): Promise<unknown> {
    const headers: Record<string, string> = { Accept: 'application/json', ...o.queue };
    if (o.body !== undefined) headers['Content-Type'] = 'application/json';
    if (o.secret) headers['Authorization'] = `Bearer ${o.secret}`;
    if (o.idempotencyKey) headers['Idempotency-Key'] = o.idempotencyKey;
    const limit = AbortSignal.timeout(this.timeoutMs);
    const init: RequestInit = {
      method,
      headers,
      credentials: 'same-origin',
      cache: 'no-store',
      redirect: 'error',
      signal: o.signal ? any(o.signal, limit) : limit,
    };
    if (o.body !== undefined) init.body = JSON.stringify(o.body);
    let answer: Response;
    let text: string;
    try {
      answer = await this.fetch(this.base + path, init);
      text = await answer.text();
    } catch (cause) {
      if (o.signal?.aborted) throw new Fault('cancelled', 'request was given up', { cause });
      if (limit.aborted) throw new Fault('timeout', `no answer in ${this.timeoutMs} ms`, { cause });
      throw new Fault('offline', 'central was not reached', { cause });
    }
    if (!answer.ok) throw problem(answer, text);
    if (text === '') return undefined;
    try {
      return JSON.parse(text);
    } catch (cause) {
      // A hotel's or a venue's network answers in central's place.
      throw new Fault('offline', 'what answered is not central', { cause });
    }
  }
}

/** any is AbortSignal.any, which phones of 2023 do not have. */
function any(a: AbortSignal, b: AbortSignal): AbortSignal {
  const both = new AbortController();
  for (const s of [a, b]) {
    if (s.aborted) both.abort();
    else s.addEventListener('abort', () => both.abort(), { once: true, signal: both.signal });
  }
  return both.signal;
}

function problem(answer: Response, text: string): Fault {
  let p: Partial<Record<'code' | 'title' | 'hint' | 'detail' | 'request_id', string>> = {};
  try {
    p = JSON.parse(text) as typeof p;
  } catch {
    // not central's words; judged below
  }
  if (typeof p?.code !== 'string') return new Fault('offline', `what answered ${answer.status} is not central`);
  const wait = Number(answer.headers.get('Retry-After'));
  return new Problem(p.code, answer.status, p.title ?? '', p.hint ?? '', p.detail ?? '', p.request_id ?? '', Number.isFinite(wait) ? wait * 1000 : 0);
}
