// The screen with the entry code, with central and the authenticator played by the test.
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { hex } from '../../core/bytes';
import { Fault } from '../../core/fault';
import { Session } from '../../core/session';
import type { Held } from '../lib/model';
import { Show, leaseMs, leaseOfflineMs } from './show.svelte';

const world = vi.hoisted(() => ({
  now: 1_789_232_400_000,
  online: true,
  calls: [] as string[],
  beginLease: (_: string, __: AbortSignal): Promise<unknown> => Promise.reject(new Error('not set')),
  beat: (): Promise<void> => Promise.resolve(),
  assert: (_: AbortSignal): Promise<unknown> => Promise.resolve({}),
  tickets: [] as unknown[],
}));
vi.mock('../lib/wallet.svelte', () => ({
  centralNow: () => world.now,
  wallet: {
    get online() {
      return world.online;
    },
  },
  ticketOf: () => world.tickets[0],
  refreshTickets: async () => {
    world.calls.push('tickets');
    return true;
  },
  walletApi: () => ({
    beginLease: (id: string, signal: AbortSignal) => world.beginLease(id, signal),
    beat: async () => {
      world.calls.push('beat');
      await world.beat();
    },
    endLease: async () => void world.calls.push('end'),
  }),
}));

vi.mock('../lib/signing', () => ({
  assertFor: (_: unknown, __: unknown, signal: AbortSignal) => {
    world.calls.push('assert');
    return world.assert(signal);
  },
}));

const ticket = {
  id: hex(Uint8Array.from({ length: 16 }, (_, i) => i + 1)),
  event: { rp: { id: 'localhost', origin: 'http://localhost' }, leases: 'advisory' },
  signed: null,
  bound: 0,
} as unknown as Held;

const given = { lease: 'AQIDBAUGBwg', every_ms: 5000, expires_ms: 15_000 };
const hangs = (_: string, signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Fault('timeout', ''))));

/** pass moves all clocks, in steps that the screen notices. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 100) {
    world.now += Math.min(100, left);
    await vi.advanceTimersByTimeAsync(Math.min(100, left));
  }
}

describe('show', () => {
  let show: Show;
  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }));
    // AbortSignal.timeout does not know the test's clock.
    vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => {
      const c = new AbortController();
      setTimeout(() => c.abort(), ms);
      return c.signal;
    });
    // The real one answers from a thread, at a time that is not the test's.
    vi.spyOn(crypto.subtle, 'digest').mockImplementation(async (_, data) => Uint8Array.from(createHash('sha256').update(data as Uint8Array).digest()).buffer);
    vi.spyOn(Session.prototype, 'seal').mockImplementation(async function (this: Session) {
      (this as unknown as { proof: unknown }).proof = { flags: 5, counter: 0, shape: 0, tail: new Uint8Array(), signature: new Uint8Array(64) };
    });
    Object.assign(world, { now: 1_789_232_400_000, online: true, calls: [], tickets: [], beginLease: async () => given, beat: async () => undefined, assert: async () => ({}) });
    show = new Show(ticket);
  });
  afterEach(() => {
    show.dispose();
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });

  test('one act, and the code is shown', async () => {
    await show.open();
    expect(show.screen.at).toBe('live');
    expect(show.text).toMatch(/^CTR1/);
  });

  test.each([
    ['hangs', true, leaseMs],
    ['was out of reach a moment ago', false, leaseOfflineMs],
  ])('where the network %s the holder is asked soon, and there is no lease', async (_, online, most) => {
    world.online = online;
    world.beginLease = hangs;
    void show.open();
    await pass(most - 100);
    expect(world.calls).not.toContain('assert');
    await pass(200);
    expect(world.calls).toContain('assert');
    expect(show.screen).toMatchObject({ at: 'live', beaten: null });
    await pass(60_000);
    expect(show.screen.at).toBe('live');
    expect(world.calls).not.toContain('beat');
  });

  test('a lease that ends while the finger is looked for opens no dead code', async () => {
    world.beat = () => Promise.reject(new Fault('lease_lapsed', ''));
    world.assert = () => new Promise((resolve) => setTimeout(resolve, 20_000));
    void show.open();
    await pass(20_200);
    expect(show.screen).toEqual({ at: 'closed', why: 'lapsed' });
  });

  test('and neither does one that central has not heard of since', async () => {
    world.beat = () => Promise.reject(new Fault('offline', ''));
    world.assert = () => new Promise((resolve) => setTimeout(resolve, 20_000));
    void show.open();
    await pass(20_200);
    expect(show.screen).toEqual({ at: 'closed', why: 'lapsed' });
  });

  test('whoever leaves before the lease is there leaves none behind, and is asked for nothing', async () => {
    world.beginLease = () => new Promise((resolve) => setTimeout(() => resolve(given), 1000));
    void show.open();
    show.dispose();
    await pass(30_000);
    expect(world.calls).toEqual(['end']);
  });

  test('leaving closes the browser’s dialogue', async () => {
    let closed = false;
    world.assert = (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Fault('cancelled', String((closed = true))))));
    void show.open();
    await pass(100);
    show.dispose();
    await pass(30_000);
    expect(closed).toBe(true);
    expect(world.calls).toEqual(['assert', 'end']);
  });

  test('a minute with a code costs twelve beats and a look at the tickets now and then', async () => {
    await show.open();
    world.calls.length = 0;
    await pass(60_000);
    expect(show.screen.at).toBe('live');
    expect(world.calls.filter((c) => c === 'beat')).toHaveLength(12);
    expect(world.calls.filter((c) => c === 'tickets').length).toBeLessThanOrEqual(6);
    expect(new Set(world.calls)).toEqual(new Set(['beat', 'tickets']));
  });

  test('an admission that central knows of ends the show', async () => {
    await show.open();
    world.tickets = [{ admitted: { at: world.now + 2000, gate: 'north', lane: '1' } }];
    await pass(12_000);
    expect(show.screen.at).toBe('admitted');
  });
});
