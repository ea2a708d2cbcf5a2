import type { Build } from './build';

/** What all caches of the wallet are named by. */
const family = 'conting-wallet-';

/** The parts of the browser that the worker uses. */
export interface Browser {
  readonly caches: Pick<CacheStorage, 'open' | 'keys' | 'delete'>;
  readonly fetch: (request: Request) => Promise<Response>;
  readonly origin: string;
}

/**
 * Shell keeps one build of the wallet on the phone, whole or not at all, so that it
 * opens with no network and no server. It touches nothing but the wallet's own
 * files: what pages ask central for is neither kept nor answered here.
 */
export class Shell {
  private readonly known: ReadonlySet<string>;

  constructor(
    private readonly build: Build,
    private readonly browser: Browser,
  ) {
    this.known = new Set([...build.files, ...build.later]);
  }

  private get name(): string {
    return family + this.build.version;
  }

  /** install fetches what the wallet needs. It fails if a single file does. */
  async install(): Promise<void> {
    const cache = await this.browser.caches.open(this.name);
    await Promise.all([this.build.shell, ...this.build.files].map((path) => this.fill(cache, path)));
  }

  /** activate forgets older builds. */
  async activate(): Promise<void> {
    const names = await this.browser.caches.keys();
    await Promise.all(names.filter((n) => n.startsWith(family) && n !== this.name).map((n) => this.browser.caches.delete(n)));
  }

  /**
   * complete fetches the rest, and what the browser has thrown away, one at a time;
   * what fails is fetched at its first use.
   */
  async complete(): Promise<void> {
    const cache = await this.browser.caches.open(this.name);
    // The page itself may be of a newer build by now; files named by their hash are not.
    const ours = [...this.build.files, ...this.build.later].filter((path) => this.hashed(path));
    for (const path of ours) await this.fill(cache, path).catch(() => undefined);
  }

  /** answers says whether a request is one that this worker answers. */
  answers(request: Request): boolean {
    return this.pathOf(request) !== null;
  }

  /** answer serves the build's own copy, and asks the server only without one. */
  async answer(request: Request): Promise<Response> {
    const path = this.pathOf(request) ?? new URL(request.url).pathname;
    // A browser that has no room, or lost its caches, still has the network.
    const cache = await this.browser.caches.open(this.name).catch(() => null);
    const kept = await cache?.match(this.at(path)).catch(() => undefined);
    if (kept) return kept;
    const answer = await this.browser.fetch(request);
    if (this.known.has(path) && this.whole(path, answer)) await cache?.put(this.at(path), answer.clone()).catch(() => undefined);
    return answer;
  }

  /** pathOf is the file that a request is for; null for requests of others. */
  private pathOf(request: Request): string | null {
    const url = new URL(request.url);
    if (request.method !== 'GET' || url.origin !== this.browser.origin || !url.pathname.startsWith(this.build.shell)) return null;
    if (this.known.has(url.pathname)) return url.pathname;
    return request.mode === 'navigate' ? this.build.shell : null;
  }

  private at(path: string): string {
    return this.browser.origin + path;
  }

  private async fill(cache: Cache, path: string): Promise<void> {
    if (await cache.match(this.at(path))) return;
    const older = path === this.build.shell ? undefined : await this.fromOlder(path);
    // Only files named by their hash may come out of the browser's own cache.
    const mode: RequestCache = this.hashed(path) ? 'default' : 'reload';
    const answer = older ?? (await this.browser.fetch(new Request(this.at(path), { cache: mode, credentials: 'same-origin', redirect: 'error' })));
    if (!this.whole(path, answer)) throw new Error(`${path}: ${answer.status}`);
    await cache.put(this.at(path), answer);
  }

  /** fromOlder finds a file in an older build: one named by its hash is the same. */
  private async fromOlder(path: string): Promise<Response | undefined> {
    if (!this.hashed(path)) return undefined;
    for (const name of await this.browser.caches.keys()) {
      if (!name.startsWith(family) || name === this.name) continue;
      const found = await (await this.browser.caches.open(name)).match(this.at(path));
      if (found) return found;
    }
    return undefined;
  }

  private hashed(path: string): boolean {
    return path.startsWith(`${this.build.shell}assets/`);
  }

  /** whole tells a file of ours from an error and from a login page of the venue's network. */
  private whole(path: string, answer: Response): boolean {
    const page = answer.headers.get('Content-Type')?.startsWith('text/html') ?? false;
    return answer.status === 200 && !answer.redirected && answer.type !== 'opaque' && (path === this.build.shell || !page);
  }
}
