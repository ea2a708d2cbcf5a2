import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

/** A browser's address, as far as the router uses it. */
class Address {
  hash = '';
  entries: string[] = [];
  readonly events = new EventTarget();
  replace(hash: string): void {
    this.entries.pop();
    this.open(hash);
  }
  open(hash: string): void {
    this.hash = hash;
    this.entries.push(hash);
    this.events.dispatchEvent(new Event('hashchange'));
  }
}

describe('router', () => {
  let address: Address;
  let router: typeof import('./router.svelte');
  async function start(hash: string): Promise<void> {
    address = new Address();
    address.hash = hash;
    address.entries = [hash];
    vi.stubGlobal('location', address);
    vi.stubGlobal('history', {
      state: null,
      replaceState: (_: unknown, __: string, to: string) => {
        address.hash = to;
        address.entries[address.entries.length - 1] = to;
      },
    });
    vi.stubGlobal('addEventListener', address.events.addEventListener.bind(address.events));
    vi.stubGlobal('removeEventListener', address.events.removeEventListener.bind(address.events));
    vi.resetModules();
    router = await import('./router.svelte');
    router.follow();
  }
  beforeEach(() => start('#/'));
  afterEach(() => vi.unstubAllGlobals());

  test('a page and its query', async () => {
    await start('#/tickets/0f%20/show?open&x=1');
    expect(router.place().path).toEqual(['tickets', '0f ', 'show']);
    expect(router.place().query.has('open')).toBe(true);
  });

  test.each([
    ['when the wallet opens', true],
    ['in an open wallet', false],
  ])('a credential that a link brings does not stay in the address: %s', async (_, first) => {
    const link = '#/credentials?jwt=a.b.c&x=1';
    if (first) await start(link);
    else address.open(link);
    expect(router.place().path).toEqual(['credentials']);
    expect(router.place().query.get('jwt')).toBeNull();
    expect(router.place().query.get('x')).toBe('1');
    expect(address.entries.join()).not.toContain('a.b.c');
    expect(router.takeBrought()).toBe('a.b.c');
    expect(router.takeBrought()).toBeNull();
  });

  test('nor one that is too long, which is not taken', async () => {
    await start(`#/credentials?jwt=${'a'.repeat(20_000)}`);
    expect(address.hash).toBe('#/credentials');
    expect(router.takeBrought()).toBeNull();
  });

  test.each([
    ['when the wallet opens', true],
    ['in an open wallet', false],
  ])('the token of a letter does not stay in the address: %s', async (_, first) => {
    const token = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
    const letters = await import('./letters.svelte');
    const link = `#/confirm/join/${token}`;
    if (first) await start(link);
    else address.open(link);
    const { letter } = first ? await import('./letters.svelte') : letters;
    expect(router.place().path).toEqual(['confirm', 'join']);
    expect(address.entries.join()).not.toContain(token);
    expect(letter('join')?.token).toBe(token);
    expect(letter('reset')).toBeNull();
  });

  test('nor does one that is none, which opens nothing', async () => {
    await start('#/confirm/reset/short');
    expect(address.hash).toBe('#/confirm/reset');
    expect((await import('./letters.svelte')).letter('reset')).toBeNull();
  });

  describe('onwards', () => {
    beforeEach(() => start('#/settings/delete'));

    test('leads on from the page that it was asked for on', () => {
      const onward = router.onwards();
      onward('events', 7);
      expect(address.entries).toEqual(['#/events/7']);
      onward('tickets'); // it is elsewhere now
      expect(address.entries).toEqual(['#/events/7']);
    });

    test('does not take somebody away from where they went meanwhile', () => {
      const onward = router.onwards();
      address.open('#/sign-in');
      onward();
      expect(address.hash).toBe('#/sign-in');
      address.open('#/settings/delete'); // what ended late is of an earlier visit
      onward();
      expect(address.hash).toBe('#/settings/delete');
    });

    test('nor when the browser has not told yet that they went', () => {
      const onward = router.onwards();
      address.hash = '#/sign-in';
      onward();
      expect(address.hash).toBe('#/sign-in');
    });

    test('another address of the same page is the same visit', async () => {
      await start('#/confirm/verify');
      const onward = router.onwards();
      address.open('#/confirm/verify/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8');
      onward('settings');
      expect(address.hash).toBe('#/settings');
    });
  });

  test('an address that cannot be decoded is a page that is missing, not an error', async () => {
    await start('#/%E0%A4%A/%');
    expect(router.place().path).toEqual(['%E0%A4%A', '%']);
  });
});
