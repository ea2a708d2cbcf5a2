// How a page looks after a ticket's token: TokenWatch.
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { TicketToken } from '../../core/wire';

const token = (t: Partial<TicketToken> = {}): TicketToken => ({ state: 'minting', mode: 'eager', claimable: false, sendable: false, fee: 0, rent: 0, history: [], ...t });

let asked: number;
let answer: () => [number, object];
let page: EventTarget & { visibilityState: string };
const modules = async () => ({ ...(await import('./token.svelte')), ...(await import('./announce.svelte')) });
let w: Awaited<ReturnType<typeof modules>>;

beforeEach(async () => {
  asked = 0;
  answer = () => [200, token()];
  page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  vi.stubGlobal('indexedDB', new IDBFactory());
  vi.stubGlobal('IDBKeyRange', IDBKeyRange);
  vi.stubGlobal('location', { hostname: 'localhost', hash: '' });
  vi.stubGlobal('document', page);
  vi.stubGlobal('addEventListener', () => undefined);
  vi.stubGlobal('navigator', { onLine: true, language: 'en', languages: ['en'] });
  vi.stubGlobal('fetch', async () => {
    asked++;
    const [status, body] = answer();
    return new Response(JSON.stringify(body), { status });
  });
  vi.resetModules();
  w = await modules();
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const watched = (state = 'ready') => {
  const watch = new w.TokenWatch(() => ({ id: '0f', state }));
  return { watch, stop: watch.follow() };
};

test('it is asked for until it is what it shall be, and no more', async () => {
  const { watch, stop } = watched();
  await pass(0);
  expect([asked, watch.token?.state, w.minting()]).toEqual([1, 'minting', true]);
  await pass(2000);
  expect(asked).toBe(2);
  answer = () => [200, token({ state: 'held' })];
  await pass(3000);
  expect(watch.token?.state).toBe('held');
  expect(w.spoken().polite).toContain('tied to this ticket');
  const then = asked;
  await pass(3_600_000);
  expect(asked).toBe(then);
  stop();
});

test('nothing is asked for a page that was left, or that nobody sees', async () => {
  const { stop } = watched();
  await pass(0);
  page.visibilityState = 'hidden';
  await pass(600_000);
  expect(asked).toBe(1);
  page.visibilityState = 'visible';
  page.dispatchEvent(new Event('visibilitychange'));
  await pass(0);
  expect(asked).toBe(2);
  stop();
  await pass(600_000);
  page.dispatchEvent(new Event('visibilitychange'));
  await pass(600_000);
  expect(asked).toBe(2);
});

test('a page that does not follow asks once', async () => {
  const watch = new w.TokenWatch(() => ({ id: '0f', state: 'ready' }));
  await watch.look();
  await pass(600_000);
  expect(asked).toBe(1);
});

test('what is looked for twice at the same time is asked for once', async () => {
  const watch = new w.TokenWatch(() => ({ id: '0f', state: 'ready' }));
  await Promise.all([watch.look(), watch.look()]);
  expect(asked).toBe(1);
});

test('where there are none they are not asked for again', async () => {
  answer = () => [404, { code: 'mint_off' }];
  const { watch, stop } = watched();
  await pass(0);
  expect([w.minting(), watch.trouble?.code]).toEqual([false, 'mint_off']);
  stop();
  watched().stop();
  await pass(0);
  expect(asked).toBe(1);
});

test('a failure is told, what was known stays, and it goes on', async () => {
  const { watch, stop } = watched();
  await pass(0);
  answer = () => [503, { code: 'unavailable' }];
  await pass(2000);
  expect([watch.trouble?.code, watch.token?.state]).toEqual(['unavailable', 'minting']);
  answer = () => [200, token({ state: 'held' })];
  await pass(30_000);
  expect([watch.trouble, watch.token?.state]).toEqual([null, 'held']);
  stop();
});

test('a used ticket’s is looked for until it is set free', async () => {
  answer = () => [200, token({ state: 'held' })];
  const { watch, stop } = watched('used');
  await pass(2000);
  expect(asked).toBe(2);
  answer = () => [200, token({ state: 'free' })];
  await pass(10_000);
  expect(watch.token?.state).toBe('free');
  stop();
});

test('what a claim answered is followed', async () => {
  answer = () => [200, token({ state: 'unclaimed' })];
  const { watch, stop } = watched();
  await pass(60_000);
  expect(asked).toBe(1);
  watch.show(token({ state: 'minting' }));
  await pass(2000);
  expect(asked).toBe(2);
  stop();
});

test('an answer that was asked for before a newer one came is left out', async () => {
  const { watch, stop } = watched();
  await pass(0);
  answer = () => [200, token({ state: 'unclaimed' })];
  const late = watch.look();
  watch.show(token({ state: 'moving' }));
  await late;
  expect(watch.token?.state).toBe('moving');
  stop();
});
