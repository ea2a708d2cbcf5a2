// A place in line, with networks and centrals that misbehave.
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Store } from '../../core/store';
import type { QueuePlace } from '../../core/wire';

const minute = 60_000;

describe('queue', () => {
  let central: Record<string, (body: unknown, headers: Record<string, string>) => { status?: number; body?: unknown; headers?: Record<string, string> } | Promise<Response>>;
  let asked: { name: string; headers: Record<string, string>; body: unknown }[];
  const modules = async () => ({ ...(await import('./wallet.svelte')), ...(await import('./queue.svelte')), ...(await import('./queue')) });
  let w: Awaited<ReturnType<typeof modules>>;

  const place = (o: Partial<QueuePlace> = {}): QueuePlace => ({ state: 'waiting', token: 't1', number: 7, position: 5, ahead: 4, people: 9, retry_ms: 3000, eta: null, ...o });
  const count = (name: string) => asked.filter((a) => a.name === name).length;
  const [enter, poll] = ['POST /v1/events/1/queue', 'GET /v1/events/1/queue'];

  beforeEach(async () => {
    asked = [];
    central = {
      'GET /v1/wallet/tickets': () => ({ body: { now: Date.now(), tickets: [] } }),
      'GET /v1/events/1/queue/info': () => ({ body: { event: 1, opens: '', open: true, sealed: true, paused: false, closed: false, people: 9, commitment: '', key: '', beacon_source: '', beacon: '', work: null } }),
      'POST /v1/account/access': () => ({ body: { token: 'AAECAwQFBgcICQoLDA0ODw', expires: '' } }),
      [enter]: () => ({ body: place({ receipt: 'r1' }) }),
      [poll]: () => ({ body: place() }),
    };
    vi.stubGlobal('indexedDB', new IDBFactory());
    vi.stubGlobal('IDBKeyRange', IDBKeyRange);
    vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }));
    const page = new EventTarget();
    vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
    vi.stubGlobal('removeEventListener', page.removeEventListener.bind(page));
    vi.stubGlobal('BroadcastChannel', undefined);
    vi.stubGlobal('navigator', { onLine: true, language: 'en', languages: ['en'] });
    vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
      const name = `${init.method} ${url.split('?')[0]}`;
      const body: unknown = init.body ? JSON.parse(init.body as string) : undefined;
      const headers = init.headers as Record<string, string>;
      asked.push({ name, headers, body });
      const a = central[name]?.(body, headers) ?? { status: 404, body: { code: 'not_found' } };
      if (a instanceof Promise) return a;
      return new Response(a.body === undefined ? null : JSON.stringify(a.body), { status: a.status ?? 200, headers: a.headers ?? {} });
    });
    const store = await Store.open();
    await store.signIn({ account: 'mina', email: 'mina@x.kr', passkey: null });
    store.close();
    vi.resetModules();
    w = await modules();
    await w.start();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  });
  afterEach(() => {
    for (const l of w.lines()) l.stop();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  /** settle lets answers arrive, without time going by. */
  const settle = async () => {
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  const pass = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms);
    await settle();
  };
  const kept = () => w.walletStore()?.fact('queue');

  async function standing() {
    const line = w.lineOf(1);
    const entering = line.enter();
    await settle();
    expect(await entering).toBe(true);
    return line;
  }

  test('it is asked about when central wants it, and no sooner', async () => {
    const line = await standing();
    expect([line.place?.number, line.receipt, line.standing]).toEqual([7, 'r1', true]);
    await pass(2990);
    expect(count(poll)).toBe(0);
    central[poll] = () => ({ body: place({ retry_ms: 60_000, token: 't2' }) });
    await pass(20);
    expect(count(poll)).toBe(1);
    await pass(50_000);
    expect(count(poll)).toBe(1);
    await pass(11_000);
    expect(asked.filter((a) => a.name === poll).map((a) => a.headers['Queue-Token'])).toEqual(['t1', 't2']); // the newest one
  });

  test('a network that fails takes no place away', async () => {
    const line = await standing();
    central[poll] = () => Promise.reject(new TypeError('network'));
    await pass(3000);
    expect([line.away, line.place?.position]).toEqual([true, 5]);
    await pass(60_000);
    expect(count(poll)).toBeGreaterThan(3);
    expect(count(poll)).toBeLessThan(9); // less and less often
    central[poll] = () => ({ body: place({ position: 2, ahead: 1 }) });
    line.hurry();
    await settle();
    expect([line.away, line.place?.position]).toEqual([false, 2]);
  });

  test('a central that is busy is asked when it says', async () => {
    const line = await standing();
    central[poll] = () => ({ status: 503, body: { code: 'queue_unavailable' }, headers: { 'Retry-After': '30' } });
    await pass(3000);
    expect(line.away).toBe(true);
    await pass(29_000);
    expect(count(poll)).toBe(1);
    await pass(1500);
    expect(count(poll)).toBe(2);
  });

  test('a token that central does not take is replaced by entering', async () => {
    const line = await standing();
    central[poll] = () => ({ status: 403, body: { code: 'queue_token_invalid' } });
    central[enter] = () => ({ body: place({ token: 't9' }) });
    await pass(3000);
    expect([count(enter), line.place?.token, line.receipt]).toEqual([2, 't9', 'r1']);
    expect(asked.filter((a) => a.name === enter).at(-1)?.body).toEqual({});
  });

  test('work is done where it is due, bound to the account', async () => {
    central['GET /v1/events/1/queue/info'] = () => ({ body: { work: { bits: 4, purpose: 'queue/1', bucket: 1 }, open: true } });
    central[enter] = (body) => ((body as { work?: string }).work ? { body: place() } : { status: 403, body: { code: 'work_required' } });
    vi.useRealTimers();
    const line = w.lineOf(1);
    expect(await line.enter()).toBe(true);
    expect((asked.filter((a) => a.name === enter).at(-1)?.body as { work: string }).work).toMatch(/^\d+-\d+$/);
    expect(line.working).toBe(false);
  });

  test('the place is there again when the wallet is opened again', async () => {
    await standing();
    await settle();
    expect(await kept()).toEqual({ 1: { token: 't1', receipt: 'r1' } });
    w.lineOf(1).stop();
    vi.resetModules();
    w = await modules();
    await w.start();
    central[poll] = () => ({ body: place({ position: 3, ahead: 2 }) });
    const stop = w.standInLines();
    await settle();
    expect([w.lineOf(1).place?.position, w.lineOf(1).receipt]).toEqual([3, 'r1']);
    stop();
  });

  test('whoever is let in may buy until the time is over', async () => {
    const line = await standing();
    const expires = new Date(Date.now() + 5 * minute).toISOString();
    central[poll] = () => ({ body: place({ state: 'admitted', position: 0, ahead: 0, admission: { token: 'a1', expires } }) });
    await line.look();
    expect(line.required).toBe(true);
    await pass(3000);
    expect([line.admission?.token, line.required]).toEqual(['a1', false]);
    central[poll] = () => ({ body: place({ state: 'left', reason: 'expired', position: 0, ahead: 0 }) });
    await pass(3000);
    expect([line.standing, line.admission, line.required]).toEqual([false, null, true]);
    const polls = count(poll);
    await pass(5 * minute);
    expect(count(poll)).toBe(polls); // there is nothing to wait for
    expect(await kept()).toEqual({});
  });

  test('somebody else on this phone has another place', async () => {
    const line = await standing();
    w.drop();
    await pass(3000);
    expect(count(poll)).toBe(0);
    expect(w.lines()).toEqual([]);
    expect(w.lineOf(1)).not.toBe(line);
  });

  test('an event without a waiting room', async () => {
    central['GET /v1/events/1/queue/info'] = () => ({ status: 404, body: { code: 'unknown_queue' } });
    const line = w.lineOf(1);
    await line.look();
    expect([line.known, line.info, line.required]).toEqual([true, null, false]);
  });

  test.each([
    [0, 30_000, 'less than a minute'],
    [61_000, 110_000, '1 to 2 min'],
    [3 * minute, 3 * minute, 'about 3 min'],
    [3 * minute, 5 * minute - 1, '3 to 5 min'],
    [80 * minute, 170 * minute, '1 to 3 h'],
    [180 * minute, 180 * minute, 'about 3 h'],
  ])('a wait of %i to %i ms', (from, to, want) => expect(w.waiting(from, to)).toBe(want));

  test.each([
    [0, '0:00'],
    [-5, '0:00'],
    [65_000, '1:05'],
    [3_600_000, '01:00:00'],
    [26 * 3_600_000 + 61_000, '1 days 02:01:01'],
  ])('%i ms to go', (ms, want) => expect(w.countdown(ms)).toBe(want));
});
