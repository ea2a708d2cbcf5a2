// The wallet of a phone whose network, storage and other pages misbehave.
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Identity } from '../../core/did';
import { Store } from '../../core/store';
import type { WalletTicket } from '../../core/wire';

type Answer = { status?: number; body?: unknown } | Promise<Response>;

const rp = { id: 'localhost', origin: 'http://localhost:1' };
const ticket = (id: string): WalletTicket => ({
  id: id.padStart(32, '0'),
  event: { id: 1, name: 'E', venue: 'V', timezone: 'Asia/Seoul', doors: '2026-01-01T00:00:00Z', starts: '2026-01-01T00:00:00Z', ends: '2026-01-01T00:00:00Z', relying_party: rp },
  zone: { id: 1, name: 'A' },
  class: { id: 1, name: 'R' },
  version: 1,
  status: 'valid',
  state: 'ready',
  form: 'passkey',
});
const mina = { account: 'mina', email: 'mina@x.kr', passkey: { id: 'AA', public_key: 'Ag' } };
const jun = { account: 'jun', email: 'jun@x.kr', passkey: { id: 'AB', public_key: 'Aw' } };
const entry = (who: typeof mina) => ({ account: who.account, email: who.email, passkey: who.passkey });
const cut = (): Promise<Response> => Promise.reject(new TypeError('network'));

describe('wallet', () => {
  let asked: string[];
  let central: Record<string, (body: unknown) => Answer>;
  const modules = async () => ({ ...(await import('./wallet.svelte')), ...(await import('./session')), ...(await import('./signing')), ...(await import('./identity')), ...(await import('./family')), ...(await import('./booking')) });
  let w: Awaited<ReturnType<typeof modules>>;
  let pages: { message: (() => void)[]; sent: unknown[] };

  beforeEach(async () => {
    asked = [];
    pages = { message: [], sent: [] };
    central = {
      'GET /v1/wallet/tickets': () => ({ body: { now: Date.now(), tickets: [ticket('1')] } }),
      'GET /v1/wallet/transfers': () => ({ body: { transfers: [] } }),
      'GET /v1/wallet/asks': () => ({ body: { asks: [] } }),
      'GET /v1/wallet/offers': () => ({ body: { offers: [] } }),
      'GET /v1/account': () => ({ body: { account: 'mina', email: 'mina@x.kr', passkeys: [] } }),
      'GET /v1/wallet/family': () => ({ body: { family: [] } }),
      'GET /v1/wallet/credentials': () => ({ body: { credentials: [] } }),
      'POST /v1/account/sign-out': () => ({ status: 204 }),
      'POST /v1/account/challenges': () => ({ body: { challenge: 'AAAA', expires: '', rp: { id: 'localhost', name: 'x' } } }),
      'POST /v1/account/sign-in': () => ({ body: entry(mina) }),
    };
    vi.stubGlobal('indexedDB', new IDBFactory());
    vi.stubGlobal('IDBKeyRange', IDBKeyRange);
    vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }));
    vi.stubGlobal('addEventListener', () => undefined);
    vi.stubGlobal('BroadcastChannel', class {
      addEventListener(_: string, f: () => void) {
        pages.message.push(f);
      }
      postMessage(m: unknown) {
        pages.sent.push(m);
      }
    });
    vi.stubGlobal('navigator', {
      onLine: true,
      language: 'en',
      languages: ['en'],
      credentials: {
        get: async () => ({ type: 'public-key', rawId: new ArrayBuffer(1), response: { authenticatorData: new ArrayBuffer(37), clientDataJSON: new ArrayBuffer(2), signature: new ArrayBuffer(2) } }),
      },
    });
    vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
      const name = `${init.method} ${url.split('?')[0]}`;
      asked.push(name);
      const a = central[name]?.(init.body ? JSON.parse(init.body as string) : undefined) ?? { status: 404, body: { code: 'not_found' } };
      if (a instanceof Promise) return a;
      return new Response(a.body === undefined ? null : JSON.stringify(a.body), { status: a.status ?? 200 });
    });
    vi.resetModules();
    w = await modules();
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  const names = () => w.wallet.tickets.map((t) => t.id.replace(/^0+/, ''));

  async function isMinas(): Promise<Store> {
    const store = await Store.open();
    await store.signIn(mina);
    return store;
  }

  /** later is an answer that the test gives when it wants to. */
  function later(): { answer: Promise<Response>; give: (body: unknown) => void } {
    let give: (body: unknown) => void = () => undefined;
    const answer = new Promise<Response>((resolve) => (give = (body) => resolve(new Response(JSON.stringify(body)))));
    return { answer, give };
  }

  test('tickets that were kept are there before central is asked', async () => {
    const store = await isMinas();
    await store.keepTickets([ticket('1'), ticket('2')], 5);
    central['GET /v1/wallet/tickets'] = cut;
    await w.start();
    expect(names()).toEqual(['1', '2']);
    await vi.waitFor(() => expect(w.wallet.online).toBe(false));
    expect(names()).toEqual(['1', '2']);
  });

  test('one ticket that this version cannot read hides no other', async () => {
    vi.spyOn(console, 'error').mockReturnValue();
    const store = await isMinas();
    await store.keepTickets([{ id: 'odd' } as WalletTicket, ticket('2')], 5);
    central['GET /v1/wallet/tickets'] = cut;
    await w.start();
    expect(names()).toEqual(['2']);
  });

  test('without storage the wallet works while it is open, and says so', async () => {
    vi.spyOn(indexedDB, 'open').mockImplementation(() => {
      throw new DOMException('denied', 'SecurityError');
    });
    await w.start();
    expect(w.wallet).toMatchObject({ ready: true, unkept: true });
    await w.signIn();
    expect(w.wallet.owner?.account).toBe('mina');
    expect(names()).toEqual(['1']);
  });

  test('a full disk does not undo a sign-in', async () => {
    await w.start();
    vi.spyOn((await import('../../core/store')).Store.prototype, 'signIn').mockRejectedValue(new Error('quota'));
    vi.spyOn(console, 'error').mockReturnValue();
    await w.signIn();
    expect(w.wallet).toMatchObject({ unkept: true, owner: mina });
  });

  test('a login page with status 200 is no answer of central', async () => {
    const store = await isMinas();
    await store.keepTickets([ticket('1')], 5);
    central['GET /v1/wallet/tickets'] = () => Promise.resolve(new Response('<html>Welcome to the venue</html>'));
    await w.start();
    await vi.waitFor(() => expect(w.wallet.online).toBe(false));
    central['GET /v1/wallet/tickets'] = () => ({ body: { login: true } });
    await w.refresh();
    expect(names()).toEqual(['1']);
    expect(w.wallet.online).toBe(false);
  });

  test('an answer that was on its way when the phone was emptied is not kept', async () => {
    const store = await isMinas();
    const slow = later();
    central['GET /v1/wallet/tickets'] = () => slow.answer;
    await w.start();
    await w.wipe();
    slow.give({ now: Date.now(), tickets: [ticket('1')] });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(names()).toEqual([]);
    expect(w.wallet.owner).toBeNull();
    expect(await store.tickets()).toBeNull();
    expect(await store.signed()).toBeNull();
  });

  test('nor is one of the account before', async () => {
    await isMinas();
    const slow = later();
    central['GET /v1/wallet/tickets'] = () => slow.answer;
    await w.start();
    central['POST /v1/account/sign-in'] = () => ({ body: entry(jun) });
    central['GET /v1/wallet/tickets'] = () => ({ body: { now: Date.now(), tickets: [ticket('7')] } });
    await w.signIn();
    slow.give({ now: Date.now(), tickets: [ticket('1')] });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(names()).toEqual(['7']);
  });

  test('emptying the phone does not wait for the network, and ends the session at the next start', async () => {
    const store = await isMinas();
    await w.start();
    await vi.waitFor(() => expect(names()).toEqual(['1']));
    await store.keepReceipt('1', { receipt: '', certificate: '', gate: '', lane: '', at: '' });
    await store.keepKey('mina', (await Identity.create()).keys);
    await store.keepCredential({ id: '1', jwt: 'a.b.c' });
    central['POST /v1/account/sign-out'] = () => new Promise<Response>(() => undefined);
    const wiping = w.wipe();
    await vi.waitFor(async () => expect(await store.signed()).toBeNull());
    expect([await store.tickets(), await store.receipt('1'), await store.key('mina'), await store.credentials(), await store.clock()]).toEqual([null, null, null, [], null]);
    expect(pages.sent).toEqual(['wiped']);
    await wiping;
    asked.length = 0;
    central['POST /v1/account/sign-out'] = () => ({ status: 204 });
    vi.resetModules();
    w = await modules();
    await w.begin();
    await vi.waitFor(() => expect(asked).toEqual(['POST /v1/account/sign-out']));
    await vi.waitFor(async () => expect(await store.fact('leaving')).toBe(false));
  });

  test('another page that emptied the phone empties this one', async () => {
    const store = await isMinas();
    await w.start();
    await vi.waitFor(() => expect(names()).toEqual(['1']));
    await store.wipe();
    for (const hear of pages.message) hear();
    await vi.waitFor(() => expect(w.wallet.owner).toBeNull());
    expect(names()).toEqual([]);
  });

  test('the key of a DID outlives an answer that was lost', async () => {
    const store = await isMinas();
    await w.start();
    let did = '';
    central['POST /v1/wallet/did'] = (body) => {
      did = (body as { did: string }).did;
      return cut();
    };
    await expect(w.makeDid()).rejects.toMatchObject({ code: 'offline' });
    expect(w.wallet.did).toBeNull();
    central['GET /v1/account'] = () => ({ body: { account: 'mina', email: 'mina@x.kr', passkeys: [], did } });
    await w.refreshFamily();
    expect(w.wallet.did).toBe(did);
    expect((await Identity.of((await store.key('mina'))!)).did).toBe(did);
  });

  test('a page that is opened hears of a gift, also when the tickets were just asked for', async () => {
    await isMinas();
    await w.start();
    await vi.waitFor(() => expect(asked).toContain('GET /v1/wallet/asks'));
    await w.refresh();
    const before = performance.now();
    vi.spyOn(performance, 'now').mockReturnValue(before + 10_000);
    await w.refreshTickets();
    asked.length = 0;
    w.refreshIfOld();
    await vi.waitFor(() => expect(asked).toContain('GET /v1/wallet/transfers'));
  });

  test('an open wallet asks seven or eight times a minute', async () => {
    await isMinas();
    await w.start();
    await vi.waitFor(() => expect(asked).toContain('GET /v1/wallet/asks'));
    await w.refresh();
    vi.useFakeTimers();
    const stop = w.stayCurrent();
    asked.length = 0;
    for (let i = 0; i < 60; i++) await vi.advanceTimersByTimeAsync(10_000);
    stop();
    expect(asked.length).toBeGreaterThan(20);
    expect(asked.length).toBeLessThanOrEqual(77); // in ten minutes
  });

  test('a clock that was set back does not stop the news', async () => {
    await isMinas();
    await w.start();
    await vi.waitFor(() => expect(names()).toEqual(['1']));
    await w.refresh();
    asked.length = 0;
    const real = Date.now();
    vi.spyOn(Date, 'now').mockReturnValue(real - 3_600_000);
    w.refreshIfOld();
    await vi.waitFor(() => expect(asked).toContain('GET /v1/wallet/tickets'));
  });

  test('a new recovery code is shown until it is put away, and goes with the account', async () => {
    await isMinas();
    await w.start();
    central['POST /v1/account/recovery-code'] = (body) => ({ body: { recovery_code: (body as { challenge: string }).challenge + '-1' } });
    await w.renewCode();
    expect(w.recoveryCode.shown).toBe('AAAA-1');
    await w.wipe();
    expect(w.recoveryCode.shown).toBeNull();
  });

  test('an order whose answer was lost is sent again as it was, and another one after an answer', async () => {
    await isMinas();
    await w.start();
    let challenges = 0;
    const sent: { holder: { challenge: string } }[] = [];
    central['POST /v1/challenges'] = () => ({ body: { challenge: `AAA${'AQgw'[challenges++]}`, expires: '' } });
    const answers = [cut, () => ({ status: 409, body: { code: 'sold_out' } }), () => ({ status: 201, body: { id: 'o' } })];
    central['POST /v1/events/1/orders'] = (body) => {
      sent.push(body as (typeof sent)[number]);
      return answers.shift()!();
    };
    const event = { id: 1, relying_party: rp } as Parameters<typeof w.hold>[0];
    const choice = { zone: 1, class: 1 };
    await expect(w.hold(event, choice, 'k1')).rejects.toSatisfy(w.unanswered);
    await expect(w.hold(event, choice, 'k1')).rejects.not.toSatisfy(w.unanswered);
    await w.hold(event, choice, 'k2');
    expect(sent).toHaveLength(3);
    expect(sent[1]).toEqual(sent[0]);
    expect(sent[2]!.holder.challenge).not.toBe(sent[0]!.holder.challenge);
  });
});
