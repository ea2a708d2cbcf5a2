import { beforeEach, describe, expect, test } from 'vitest';
import type { Build } from './build';
import { Shell } from './shell';

const origin = 'https://tickets.example';
const build: Build = { version: 'b2', shell: '/wallet/', files: ['/wallet/assets/app-2.js', '/wallet/icon.svg'], later: ['/wallet/assets/read-1.wasm'] };

/** Caches in memory, as far as the worker uses them. */
class Caches {
  readonly all = new Map<string, Map<string, Response>>();

  async open(name: string): Promise<Cache> {
    const kept = this.all.get(name) ?? new Map<string, Response>();
    this.all.set(name, kept);
    return {
      match: async (url: string) => kept.get(url)?.clone(),
      put: async (url: string, r: Response) => void kept.set(url, r),
    } as unknown as Cache;
  }

  async keys(): Promise<string[]> {
    return [...this.all.keys()];
  }

  async delete(name: string): Promise<boolean> {
    return this.all.delete(name);
  }
}

/** A request, with the mode that only browsers may set. */
function request(path: string, o: { mode?: string; method?: string } = {}): Request {
  const r = new Request(path.startsWith('http') ? path : origin + path, { method: o.method ?? 'GET' });
  Object.defineProperty(r, 'mode', { value: o.mode ?? 'cors' });
  return r;
}

describe('worker', () => {
  let caches: Caches;
  let asked: { path: string; cache: string }[];
  let server: (path: string) => Response | Promise<Response>;
  let shell: Shell;

  beforeEach(() => {
    caches = new Caches();
    asked = [];
    server = (path) => new Response(`server ${path}`);
    shell = worker(build);
  });

  function worker(b: Build): Shell {
    return new Shell(b, {
      caches: caches as unknown as CacheStorage,
      fetch: async (r) => {
        const path = new URL(r.url).pathname;
        asked.push({ path, cache: r.cache });
        return server(path);
      },
      origin,
    });
  }

  const dead = () => Promise.reject(new TypeError('central is dead'));
  const read = async (path: string, mode = 'cors') => (await shell.answer(request(path, { mode }))).text();

  test('after the first visit the wallet opens with central dead', async () => {
    await shell.install();
    await shell.activate();
    await shell.complete();
    server = dead;
    expect(await read('/wallet/', 'navigate')).toBe('server /wallet/');
    expect(await read('/wallet/tickets/01ab', 'navigate')).toBe('server /wallet/');
    expect(await read('/wallet/index.html', 'navigate')).toBe('server /wallet/');
    expect(await read('/wallet/assets/app-2.js')).toBe('server /wallet/assets/app-2.js');
    expect(await read('/wallet/assets/read-1.wasm')).toBe('server /wallet/assets/read-1.wasm');
  });

  test.each([
    ['the API', '/v1/wallet/tickets', {}],
    ['a page of the API', '/v1/openapi.json', { mode: 'navigate' }],
    ['central’s start page', '/', { mode: 'navigate' }],
    ['another origin', 'https://elsewhere.example/wallet/assets/app-2.js', {}],
    ['a request that changes something', '/wallet/assets/app-2.js', { method: 'POST' }],
    ['a file of another build', '/wallet/assets/app-1.js', {}],
    ['its own script', '/wallet/sw.js', {}],
    ['an address that only begins alike', '/walletx/', { mode: 'navigate' }],
  ])('it does not answer %s', (_, path, o) => expect(shell.answers(request(path, o))).toBe(false));

  test('a build is kept whole or not at all', async () => {
    server = (path) => (path.endsWith('.svg') ? new Response('', { status: 503 }) : new Response('x'));
    await expect(shell.install()).rejects.toThrow('icon.svg');
  });

  test('a login page in a file’s place is not kept', async () => {
    server = (path) => {
      const r = new Response('<html>');
      if (path.endsWith('.js')) Object.defineProperty(r, 'redirected', { value: true });
      return r;
    };
    await expect(shell.install()).rejects.toThrow('app-2.js');
  });

  test('nor is one that comes with status 200', async () => {
    server = (path) => new Response('<html>', { headers: path.endsWith('.js') ? { 'Content-Type': 'text/html; charset=utf-8' } : {} });
    await expect(shell.install()).rejects.toThrow('app-2.js');
  });

  test('without a cache the network answers', async () => {
    const broken = { open: () => Promise.reject(new DOMException('full', 'QuotaExceededError')), keys: async () => [], delete: async () => true };
    const bare = new Shell(build, { caches: broken as unknown as CacheStorage, fetch: async () => new Response('fresh'), origin });
    expect(await (await bare.answer(request('/wallet/', { mode: 'navigate' }))).text()).toBe('fresh');
  });

  test('what the browser threw away is fetched again, but for the page, which may be newer', async () => {
    await shell.install();
    const kept = caches.all.get('conting-wallet-b2')!;
    kept.clear();
    await shell.complete();
    expect([...kept.keys()]).toEqual([`${origin}/wallet/assets/app-2.js`, `${origin}/wallet/assets/read-1.wasm`]);
  });

  test('what comes later may fail, and is fetched at its first use', async () => {
    await shell.install();
    server = dead;
    await shell.complete();
    await expect(read('/wallet/assets/read-1.wasm')).rejects.toThrow();
    server = () => new Response('wasm');
    expect(await read('/wallet/assets/read-1.wasm')).toBe('wasm');
    server = dead;
    expect(await read('/wallet/assets/read-1.wasm')).toBe('wasm');
  });

  test('an error is passed on and not kept', async () => {
    await shell.install();
    server = () => new Response('busy', { status: 503 });
    expect((await shell.answer(request('/wallet/assets/read-1.wasm'))).status).toBe(503);
    server = () => new Response('wasm');
    expect(await read('/wallet/assets/read-1.wasm')).toBe('wasm');
  });

  test('a new build takes hashed files from the old one, and asks for the rest anew', async () => {
    await worker({ ...build, version: 'b1' }).install();
    await worker({ ...build, version: 'b1' }).complete();
    asked = [];
    await shell.install();
    await shell.complete();
    expect(asked).toEqual([
      { path: '/wallet/', cache: 'reload' },
      { path: '/wallet/icon.svg', cache: 'reload' },
    ]);
  });

  test('it serves its own build while another waits, and forgets the older when it is its turn', async () => {
    server = () => new Response('old');
    const old = worker({ ...build, version: 'b1' });
    await old.install();
    server = () => new Response('new');
    await shell.install();
    expect(await (await old.answer(request('/wallet/', { mode: 'navigate' }))).text()).toBe('old');
    expect(await read('/wallet/', 'navigate')).toBe('new');
    await caches.open('somebody-else');
    await shell.activate();
    expect(await caches.keys()).toEqual(['conting-wallet-b2', 'somebody-else']);
  });

  test('installing again fetches nothing that is there', async () => {
    await shell.install();
    asked = [];
    await shell.install();
    expect(asked).toEqual([]);
  });
});
