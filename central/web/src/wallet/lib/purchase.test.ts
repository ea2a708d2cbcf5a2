// Paying, with answers that are lost and pages that are reloaded.
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Store } from '../../core/store';
import type { Order, OrderState } from '../../core/wire';

describe('purchase', () => {
  let asked: string[];
  let central: Record<string, (body: unknown) => { status?: number; body?: unknown } | Promise<Response>>;
  let went: string[];
  const modules = async () => ({ ...(await import('./wallet.svelte')), ...(await import('./purchase.svelte')) });
  let w: Awaited<ReturnType<typeof modules>>;

  const order = (state: OrderState = 'held'): Order => ({
    id: 'o1', secret: 's1', event: 1, zone: 1, class: 1, items: [{ zone: 1, class: 1, amount: 100 }], state, amount: 100, currency: 'KRW',
    created: '', expires: new Date(Date.now() + 300_000).toISOString(), tickets: [],
  });
  const cut = (): Promise<Response> => Promise.reject(new TypeError('network'));
  const confirm = 'POST /v1/orders/o1/payments/p1/confirm';
  const count = (name: string) => asked.filter((a) => a === name).length;
  const kept = () => w.walletStore()?.fact('order/1');

  beforeEach(async () => {
    asked = [];
    went = [];
    central = {
      'GET /v1/wallet/tickets': () => ({ body: { now: Date.now(), tickets: [] } }),
      'GET /v1/payments': () => ({ body: { providers: ['sandbox'] } }),
      'POST /v1/orders/o1/payments': (body) => ({ body: { id: 'p1', provider: (body as { provider: string }).provider, amount: 100, currency: 'KRW', action: { kind: 'token', fields: { tokens: 'ok declined' } } } }),
      [confirm]: () => ({ body: order('paid') }),
      'GET /v1/orders/o1': () => ({ body: order() }),
    };
    vi.stubGlobal('indexedDB', new IDBFactory());
    vi.stubGlobal('IDBKeyRange', IDBKeyRange);
    vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }));
    vi.stubGlobal('addEventListener', () => undefined);
    vi.stubGlobal('BroadcastChannel', undefined);
    vi.stubGlobal('navigator', { onLine: true, language: 'en', languages: ['en'] });
    vi.stubGlobal('location', { assign: (to: string) => went.push(to) });
    vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
      const name = `${init.method} ${url}`;
      asked.push(name);
      const a = central[name]?.(init.body ? JSON.parse(init.body as string) : undefined) ?? { status: 404, body: { code: 'not_found' } };
      return a instanceof Promise ? a : new Response(JSON.stringify(a.body), { status: a.status ?? 200 });
    });
    const store = await Store.open();
    await store.signIn({ account: 'mina', email: 'mina@x.kr', passkey: null });
    store.close();
    vi.resetModules();
    w = await modules();
    await w.start();
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  async function held() {
    const p = new w.Purchase(1);
    expect(await p.take(async () => order())).toBe(true);
    return p;
  }

  test('held, kept, paid, and no longer kept', async () => {
    const p = await held();
    expect(await kept()).toEqual({ id: 'o1', secret: 's1' });
    expect([p.outcomes, p.lapsed]).toEqual([['ok', 'declined'], false]);
    expect(await p.pay()).toBe(true);
    expect(p.paid?.state).toBe('paid');
    expect(await kept()).toBeNull();
  });

  test('a hold whose answer was lost is asked for under the same key, and another one after an answer', async () => {
    const p = new w.Purchase(1);
    const keys: string[] = [];
    const answers = [() => fault('offline'), () => fault('sold_out'), async () => order()];
    for (const answer of answers) await p.take((key) => (keys.push(key), answer()));
    expect(keys[1]).toBe(keys[0]);
    expect(keys[2]).not.toBe(keys[1]);
  });
  const fault = async (code: string): Promise<Order> => {
    const { Fault } = await import('../../core/fault');
    throw new Fault(code, code);
  };

  test('a confirmation whose answer was lost is repeated for the same payment', async () => {
    const p = await held();
    const answers = [cut, () => ({ body: order('paid') })];
    central[confirm] = () => answers.shift()!();
    expect(await p.pay()).toBe(false);
    expect(p.act.trouble?.code).toBe('offline');
    expect(await p.pay()).toBe(true);
    expect([count(confirm), count('POST /v1/orders/o1/payments'), p.paid?.state]).toEqual([2, 1, 'paid']);
  });

  test('after a refusal another payment is begun', async () => {
    const p = await held();
    central[confirm] = () => ({ status: 402, body: { code: 'payment_declined' } });
    expect(await p.pay()).toBe(false);
    expect([p.act.trouble?.code, count('POST /v1/orders/o1/payments'), p.payment?.id]).toEqual(['payment_declined', 2, 'p1']);
    expect(await kept()).toEqual({ id: 'o1', secret: 's1' }); // the hold goes on
  });

  test('a payment under way is looked at until it is over, through a network that fails', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const p = await held();
    const looks = [cut, () => ({ body: order('paying') }), () => ({ body: order('paid') })];
    central[confirm] = () => ({ status: 202, body: order('paying') });
    central['GET /v1/orders/o1'] = () => looks.shift()!();
    const paying = p.pay();
    for (let i = 0; i < 4; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      expect(p.lapsed).toBe(false);
      await vi.advanceTimersByTimeAsync(2100);
    }
    expect(await paying).toBe(true);
    expect([p.paid?.state, p.pending]).toEqual(['paid', false]);
  });

  test.each([
    ['held', 'payment_declined', true],
    ['lapsed', 'paid_too_late', false],
    ['expired', 'hold_expired', false],
    ['refunded', 'order_refunded', false],
  ] as const)('an order that turns out to be %s', async (state, code, stays) => {
    const p = await held();
    central[confirm] = () => ({ body: order(state) });
    expect(await p.pay()).toBe(false);
    expect(p.act.trouble?.code).toBe(code);
    expect((await kept()) !== null).toBe(stays);
  });

  test('a phone that was reloaded goes on with its order', async () => {
    await held();
    const p = new w.Purchase(1);
    expect(await p.resume()).toBe(true);
    expect([p.order?.id, p.payment?.id]).toEqual(['o1', 'p1']);
    expect(await p.pay()).toBe(true);
  });

  test.each(['paid', 'expired', 'refunded'] as const)('an order that is %s is not gone on with', async (state) => {
    await held();
    central['GET /v1/orders/o1'] = () => ({ body: order(state) });
    const p = new w.Purchase(1);
    expect(await p.resume()).toBe(false);
    expect([p.order, await kept()]).toEqual([null, null]);
  });

  test('an order that central did not answer about stays', async () => {
    await held();
    central['GET /v1/orders/o1'] = cut;
    expect(await new w.Purchase(1).resume()).toBe(false);
    expect(await kept()).not.toBeNull();
  });

  test.each([
    ['redirect', { url: 'https://pay.example/1' }, 'https://pay.example/1'],
    ['script', { secret: 'x' }, '/pay/sandbox#1/o1/s1'],
  ] as const)('what is allowed elsewhere (%s) is confirmed once they are back', async (kind, more, to) => {
    central['POST /v1/orders/o1/payments'] = () => ({ body: { id: 'p1', provider: 'sandbox', amount: 100, currency: 'KRW', action: { kind, ...more } } });
    const p = await held();
    expect(await p.pay()).toBe(true);
    expect([went, count(confirm)]).toEqual([[to], 0]);
    const back = new w.Purchase(1);
    await back.resume();
    await vi.waitFor(() => expect(back.paid?.state).toBe('paid'));
    expect(count(confirm)).toBe(1);
  });

  test('who has left the page is not taken to where they would allow a payment', async () => {
    central['POST /v1/orders/o1/payments'] = () => ({ body: { id: 'p1', provider: 'sandbox', amount: 100, currency: 'KRW', action: { kind: 'redirect', url: 'https://pay.example/1' } } });
    const p = await held();
    const paying = p.pay();
    p.leave();
    await paying;
    expect(went).toEqual([]);
    expect(await kept()).toEqual({ id: 'o1', secret: 's1' }); // nothing was allowed
  });
});
