import { describe, expect, test } from 'vitest';
import { Clock, type Reading, wrongMs } from './clock';

/** A device whose clocks a test sets. */
class Device {
  wallNow = 1_789_232_400_000;
  steadyNow = 5000;
  readonly source = { wall: () => this.wallNow, steady: () => this.steadyNow };

  pass(ms: number): void {
    this.wallNow += ms;
    this.steadyNow += ms;
  }

  /** ask has central answer after a round trip, and returns what the phone measured. */
  ask(clock: Clock, offset: number, roundTrip: number, after = roundTrip / 2): void {
    const sent = this.wallNow;
    this.pass(after);
    const central = this.wallNow + offset;
    this.pass(roundTrip - after);
    clock.observe(central, sent, this.wallNow);
  }
}

describe('clock', () => {
  test('without a reading it is the device’s', () => {
    const d = new Device();
    const c = new Clock(null, d.source);
    expect(c.now()).toBe(d.wallNow);
    expect(c.known).toBe(false);
    expect(c.doubtful).toBe(true);
    expect(c.wrong).toBe(false);
    expect(c.uncertainty).toBe(Number.POSITIVE_INFINITY);
  });

  test.each([-3_600_000, -11_000, 0, 400, 11_000, 86_400_000])('device wrong by %i ms', (offset) => {
    const d = new Device();
    const c = new Clock(null, d.source);
    d.ask(c, offset, 200);
    expect(Math.abs(c.now() - (d.wallNow + offset))).toBeLessThanOrEqual(c.uncertainty);
    expect(c.uncertainty).toBeLessThan(120);
    expect(c.wrong).toBe(Math.abs(offset) > wrongMs);
    expect(c.ahead).toBeCloseTo(-offset, -1);
    expect(c.doubtful).toBe(false);
  });

  test('the bound holds however unevenly the answer travels', () => {
    for (let after = 0; after <= 4000; after += 250) {
      const d = new Device();
      const c = new Clock(null, d.source);
      d.ask(c, 7000, 4000, after);
      expect(Math.abs(c.now() - (d.wallNow + 7000))).toBeLessThanOrEqual(c.uncertainty);
    }
  });

  test('a slow answer does not spoil a good reading, and a better one replaces it', () => {
    const d = new Device();
    const kept: Reading[] = [];
    const c = new Clock(null, d.source, (r) => kept.push(r));
    d.ask(c, 500, 100);
    const good = c.now() - d.wallNow;
    d.ask(c, 500, 8000, 7000);
    expect(c.now() - d.wallNow).toBe(good);
    d.ask(c, 500, 20);
    expect(c.uncertainty).toBeLessThan(12);
    expect(kept).toHaveLength(2);
  });

  test('an old reading gives way in time', () => {
    const d = new Device();
    const c = new Clock({ offset: 0, uncertainty: 10, taken: d.wallNow }, d.source);
    d.pass(24 * 3_600_000);
    expect(c.uncertainty).toBeGreaterThan(4000);
    d.ask(c, 3000, 400);
    expect(Math.abs(c.now() - d.wallNow - 3000)).toBeLessThanOrEqual(201);
  });

  test('a reading that contradicts replaces at once', () => {
    const d = new Device();
    const c = new Clock({ offset: 0, uncertainty: 10, taken: d.wallNow }, d.source);
    d.ask(c, 60_000, 2000);
    expect(c.wrong).toBe(true);
  });

  test('setting the device back changes nothing', () => {
    const d = new Device();
    const c = new Clock(null, d.source);
    d.ask(c, 0, 100);
    const before = c.now();
    d.wallNow -= 3_600_000;
    d.pass(1000);
    expect(Math.abs(c.now() - before - 1000)).toBeLessThanOrEqual(1);
    expect(c.doubtful).toBe(true);
    d.ask(c, 3_600_000, 100);
    expect(c.doubtful).toBe(false);
    expect(c.wrong).toBe(true);
  });

  test('after a sleep it asks again', () => {
    const d = new Device();
    const c = new Clock(null, d.source);
    d.ask(c, 0, 100);
    d.wallNow += 600_000; // the steady clock stood still
    expect(c.doubtful).toBe(true);
    d.ask(c, 0, 3000);
    expect(c.doubtful).toBe(false);
  });

  test('nonsense is passed over', () => {
    const d = new Device();
    const c = new Clock(null, d.source);
    c.observe(Number.NaN, d.wallNow, d.wallNow);
    c.observe(d.wallNow, d.wallNow, d.wallNow - 1);
    expect(c.known).toBe(false);
  });

  test('where the round trip is longer than what it finds, the device is believed', () => {
    const d = new Device();
    const c = new Clock(null, d.source);
    d.ask(c, 100, 8000, 7900); // the way there took nearly all of it
    expect(c.now()).toBe(d.wallNow);
    expect(c.uncertainty).toBeGreaterThanOrEqual(100);
    d.ask(c, 100, 40);
    expect(Math.abs(c.now() - d.wallNow - 100)).toBeLessThanOrEqual(21);
  });

  test('an answer during which the clock was set, or the device slept, says nothing', () => {
    const d = new Device();
    const c = new Clock(null, d.source);
    const heard = c.asked();
    d.pass(50);
    const central = d.wallNow;
    d.wallNow += 3_600_000;
    d.pass(50);
    heard(central);
    expect(c.known).toBe(false);
    const again = c.asked();
    d.pass(50);
    again(central + 100);
    expect(c.ahead).toBeCloseTo(3_600_000, -2);
  });

  test('a phone that was set back while the wallet was closed is not relied on', () => {
    const d = new Device();
    const kept: Reading = { offset: 0, uncertainty: 10, taken: d.wallNow };
    expect(new Clock(kept, d.source).doubtful).toBe(false);
    d.wallNow -= 3_600_000;
    expect(new Clock(kept, d.source).doubtful).toBe(true);
  });
});
