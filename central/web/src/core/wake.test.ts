import { afterEach, expect, test, vi } from 'vitest';
import { keepAwake } from './wake';

afterEach(() => {
  vi.unstubAllGlobals();
});

function phone(o: { refuse?: boolean; without?: boolean } = {}) {
  const locks: { released: boolean; release: () => Promise<void> }[] = [];
  const page = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  vi.stubGlobal('document', page);
  const request = async () => {
    if (o.refuse) throw new DOMException('battery', 'NotAllowedError');
    const lock = { released: false, release: async () => void (lock.released = true) };
    locks.push(lock);
    return lock;
  };
  vi.stubGlobal('navigator', o.without ? {} : { wakeLock: { request } });
  const see = async (visible: boolean) => {
    page.visibilityState = visible ? 'visible' : 'hidden';
    if (!visible) for (const l of locks) l.released = true; // browsers do this by themselves
    page.dispatchEvent(new Event('visibilitychange'));
    await Promise.resolve();
    await Promise.resolve();
  };
  return { locks, see };
}

test('keeps the screen on, again after the page was away, until it is let go', async () => {
  const { locks, see } = phone();
  const release = keepAwake();
  await see(true);
  expect(locks).toHaveLength(1);
  await see(false);
  await see(true);
  expect(locks).toHaveLength(2);
  release();
  await see(true);
  expect(locks).toHaveLength(2);
  expect(locks.every((l) => l.released)).toBe(true);
});

test('a lock that comes after the page let go is released', async () => {
  const { locks, see } = phone();
  keepAwake()();
  await see(true);
  expect(locks.every((l) => l.released)).toBe(true);
});

test.each([{ refuse: true }, { without: true }])('does nothing where it cannot: %o', async (o) => {
  const { locks, see } = phone(o);
  const release = keepAwake();
  await see(true);
  release();
  expect(locks).toEqual([]);
});
