import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Problem } from './api';
import { Fault } from './fault';
import { Lease } from './lease';

const problem = (code: string) => new Problem(code, 410, '', '', '', '', 0);
const given = { lease: 'AQIDBAUGBwg', every_ms: 5000, expires_ms: 15000 };

describe('lease', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function world(beats: (Error | null)[]) {
    const told: string[] = [];
    const api = {
      beginLease: vi.fn(async () => given),
      beat: vi.fn(async () => {
        const e = beats.shift();
        if (e) throw e;
      }),
      endLease: vi.fn(async () => undefined),
    };
    const listener = { beat: () => void told.push('beat'), lapsed: () => void told.push('lapsed') };
    return { told, api, listener };
  }

  test('beats until it is ended, and gives the lease back', async () => {
    const { told, api, listener } = world([]);
    const lease = await Lease.begin(api, 't1', listener);
    expect(Array.from(lease!.id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    await vi.advanceTimersByTimeAsync(4999);
    expect(told).toEqual([]);
    await vi.advanceTimersByTimeAsync(10_001);
    expect(told).toEqual(['beat', 'beat', 'beat']);
    lease!.end();
    lease!.end();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told).toHaveLength(3);
    expect(api.endLease).toHaveBeenCalledExactlyOnceWith(given.lease);
  });

  test('goes on through a hole in the network', async () => {
    const { told, api, listener } = world([new Fault('offline', ''), new Fault('timeout', ''), null]);
    await Lease.begin(api, 't1', listener);
    await vi.advanceTimersByTimeAsync(15_000);
    expect(told).toEqual(['beat']);
    expect(api.beat).toHaveBeenCalledTimes(3);
  });

  test.each(['lease_lapsed', 'sign_in_required', 'not_found'])('ends at %s', async (code) => {
    const { told, api, listener } = world([null, problem(code)]);
    await Lease.begin(api, 't1', listener);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told).toEqual(['beat', 'lapsed']);
    expect(api.beat).toHaveBeenCalledTimes(2);
  });

  test.each([
    ['central is away', new Fault('offline', '')],
    ['central refuses', problem('too_many_leases')],
  ])('there is none when %s', async (_, e) => {
    const { api, listener } = world([]);
    api.beginLease.mockRejectedValueOnce(e);
    expect(await Lease.begin(api, 't1', listener)).toBeNull();
  });

  test('one that is none of ours is not used', async () => {
    const { api, listener } = world([]);
    api.beginLease.mockResolvedValueOnce({ ...given, lease: 'AQID' });
    expect(await Lease.begin(api, 't1', listener)).toBeNull();
    api.beginLease.mockResolvedValueOnce({ ...given, every_ms: 0 });
    expect(await Lease.begin(api, 't1', listener)).toBeNull();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(api.beat).not.toHaveBeenCalled();
  });
});
