import { describe, expect, test } from 'vitest';
import { Api, newKey, Problem } from './api';
import { Clock } from './clock';
import { codeOf } from './fault';

interface Call {
  readonly url: string;
  readonly init: RequestInit;
}

function central(answer: (call: Call) => Response | Promise<Response>, clock?: Clock, timeoutMs = 60_000): { api: Api; calls: Call[] } {
  const calls: Call[] = [];
  const fetch = (async (url: string, init: RequestInit) => {
    calls.push({ url, init });
    return answer({ url, init });
  }) as typeof globalThis.fetch;
  return { api: new Api({ base: 'https://central.example', fetch, timeoutMs, ...(clock ? { clock } : {}) }), calls };
}

const json = (body: unknown, status = 200, headers: Record<string, string> = {}) => new Response(JSON.stringify(body), { status, headers });
const caught = (p: Promise<unknown>): Promise<unknown> =>
  p.then(
    () => null,
    (e: unknown) => e,
  );

describe('api', () => {
  test('a request carries what it must, and no more', async () => {
    const { api, calls } = central(() => json({ id: 'o' }, 201));
    await api.order(7, { zone: 1, class: 2, paper: true }, 'key-of-this-order-1');
    await api.orderState('o1', 'secret');
    const [made, asked] = calls;
    expect(made?.url).toBe('https://central.example/v1/events/7/orders');
    expect(made?.init).toMatchObject({ method: 'POST', credentials: 'same-origin', cache: 'no-store', redirect: 'error', body: '{"zone":1,"class":2,"paper":true}' });
    expect(made?.init.headers).toEqual({ Accept: 'application/json', 'Content-Type': 'application/json', 'Idempotency-Key': 'key-of-this-order-1' });
    expect(asked?.init.headers).toEqual({ Accept: 'application/json', Authorization: 'Bearer secret' });
    expect(asked?.init.body).toBeUndefined();
  });

  test('keys are random and of the right shape', () => {
    const keys = new Set(Array.from({ length: 50 }, newKey));
    expect(keys.size).toBe(50);
    for (const k of keys) expect(k).toMatch(/^[A-Za-z0-9_-]{16,128}$/);
  });

  test('a problem keeps its code, hint and wait', async () => {
    const body = { type: '/v1/problems/too_many_tries', title: 'Too many tries', status: 429, code: 'too_many_tries', hint: 'wait', request_id: 'r1' };
    const { api } = central(() => json(body, 429, { 'Retry-After': '30', 'Content-Type': 'application/problem+json' }));
    const e = await caught(api.recover('a@b.kr', 'X', 'c', { id: '', attestation_object: '', client_data_json: '', transports: [] }));
    expect(e).toBeInstanceOf(Problem);
    expect(e).toMatchObject({ code: 'too_many_tries', status: 429, hint: 'wait', requestId: 'r1', retryAfter: 30_000 });
  });

  test.each([
    ['no network', () => Promise.reject(new TypeError('fetch failed'))],
    ['a proxy’s error page', () => new Response('<html>', { status: 502 })],
    ['a venue’s login page', () => new Response('<html>sign in</html>', { status: 200 })],
    ['a redirect, which fetch refuses', () => Promise.reject(new TypeError('redirect'))],
    ['a body that breaks off', () => new Response(new ReadableStream({ start: (c) => c.error(new TypeError('reset')) }))],
  ])('%s is offline', async (_, answer) => {
    const { api } = central(answer as () => Response);
    expect(codeOf(await caught(api.account()))).toBe('offline');
  });

  const never = ({ init }: Call) =>
    new Promise<Response>((_, reject) => {
      const fail = () => reject(new DOMException('aborted', 'AbortError'));
      if (init.signal?.aborted) fail();
      init.signal?.addEventListener('abort', fail);
    });

  test('no answer is a timeout', async () => {
    const { api } = central(never, undefined, 5);
    expect(codeOf(await caught(api.account()))).toBe('timeout');
  });

  test('what the page gives up is cancelled', async () => {
    const { api } = central(never);
    const c = new AbortController();
    const waiting = caught(api.account(c.signal));
    c.abort();
    expect(codeOf(await waiting)).toBe('cancelled');
    expect(codeOf(await caught(api.account(c.signal)))).toBe('cancelled');
  });

  test('an empty answer is none', async () => {
    const { api } = central(() => new Response(null, { status: 204 }));
    await expect(api.beat('AAAAAAAAAAA')).resolves.toBeUndefined();
  });

  test('tickets tell the time', async () => {
    const clock = new Clock();
    const { api } = central(() => json({ now: Date.now() + 3_600_000, tickets: [] }), clock);
    await api.tickets();
    expect(clock.wrong).toBe(true);
    expect(Math.round((clock.now() - Date.now()) / 60_000)).toBe(60);
  });

  test('pages are followed, and a cursor that does not move ends', async () => {
    const pages: Record<string, unknown> = {
      '/v1/events/7/seats?zone=3': { seats: [{ number: 1 }], next: 'a b' },
      '/v1/events/7/seats?zone=3&cursor=a%20b': { seats: [{ number: 2 }], next: 'a b' },
    };
    const { api, calls } = central(({ url }) => json(pages[url.replace('https://central.example', '')]));
    expect((await api.seats(7, 3)).map((s) => s.number)).toEqual([1, 2]);
    expect(calls).toHaveLength(2);
  });
});
