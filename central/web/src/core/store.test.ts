import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { utf8 } from './bytes';
import { Identity } from './did';
import { codeOf } from './fault';
import { Store } from './store';
import type { WalletTicket } from './wire';

const ticket = (id: string): WalletTicket => ({
  id,
  event: { id: 1, name: 'E', venue: 'V', timezone: 'Asia/Seoul', doors: '', starts: '', ends: '', relying_party: { id: 'localhost', origin: 'http://localhost:1' } },
  zone: { id: 1, name: 'A' },
  class: { id: 1, name: 'R' },
  version: 1,
  status: 'valid',
  state: 'ready',
  form: 'passkey',
});
const me = { account: 'a1', email: 'k@x.kr', passkey: { id: 'AA', public_key: 'Ag' } };

describe('store', () => {
  let n = 0;
  let name = '';
  let store: Store;
  beforeEach(async () => {
    name = `test-${n++}`;
    store = await Store.open(name);
  });

  test('is empty at first', async () => {
    expect(await store.signed()).toBeNull();
    expect(await store.tickets()).toBeNull();
    expect(await store.clock()).toBeNull();
    expect(await store.key('a1')).toBeNull();
    expect(await store.receipt('t')).toBeNull();
    expect(await store.credentials()).toEqual([]);
    expect(await store.fact('x')).toBeUndefined();
  });

  test('tickets are replaced as a whole, also by none', async () => {
    await store.keepTickets([ticket('a'), ticket('b')], 1000);
    await store.keepTickets([ticket('b'), ticket('c')], 2000);
    expect((await store.tickets())?.items.map((t) => t.id)).toEqual(['b', 'c']);
    await store.keepTickets([], 3000);
    expect(await store.tickets()).toEqual({ items: [], at: 3000 });
  });

  test('survives a restart of the page', async () => {
    await store.signIn(me);
    await store.keepTickets([ticket('a')], 1000);
    await store.keepClock({ offset: 5, uncertainty: 1, taken: 2 });
    await store.keepFact('language', 'ko');
    store.close();
    const again = await Store.open(name);
    expect(await again.signed()).toEqual(me);
    expect((await again.tickets())?.items).toHaveLength(1);
    expect(await again.clock()).toEqual({ offset: 5, uncertainty: 1, taken: 2 });
    expect(await again.fact('language')).toBe('ko');
  });

  test('the key of a DID is kept, signs again, and cannot be read out', async () => {
    const made = await Identity.create();
    await store.keepKey('a1', made.keys);
    const keys = await store.key('a1');
    const again = await Identity.of(keys!);
    expect(again.did).toBe(made.did);
    expect(keys!.privateKey.extractable).toBe(false);
    const signature = await again.sign(utf8('x'));
    expect(await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, made.keys.publicKey, signature, utf8('x'))).toBe(true);
  });

  async function fill(): Promise<void> {
    await store.signIn(me);
    await store.keepTickets([ticket('a')], 1);
    await store.keepReceipt('a', { receipt: '', certificate: '', gate: 'g', lane: 'l', at: '' });
    await store.keepCredential({ id: 'c', jwt: 'j' });
    await store.keepKey('a1', (await Identity.create()).keys);
    await store.keepClock({ offset: 5, uncertainty: 1, taken: 2 });
  }

  test('signing out leaves the key and nothing of the person', async () => {
    await fill();
    await store.forget();
    expect([await store.signed(), await store.tickets(), await store.receipt('a')]).toEqual([null, null, null]);
    expect(await store.credentials()).toEqual([]);
    expect(await store.key('a1')).not.toBeNull();
    expect(await store.clock()).not.toBeNull();
  });

  test('another account finds nothing of the one before', async () => {
    await fill();
    await store.signIn({ ...me, account: 'a2', email: 'other@x.kr' });
    expect(await store.tickets()).toBeNull();
    expect(await store.receipt('a')).toBeNull();
    expect(await store.credentials()).toEqual([]);
    await store.keepTickets([ticket('z')], 1);
    await store.signIn({ ...me, account: 'a2', email: 'other@x.kr' });
    expect((await store.tickets())?.items).toHaveLength(1);
  });

  test('wipe removes everything', async () => {
    await fill();
    await store.wipe();
    expect(await store.key('a1')).toBeNull();
    expect(await store.clock()).toBeNull();
    expect(await store.signed()).toBeNull();
  });

  test('what cannot be stored is a storage fault, and changes nothing', async () => {
    await store.keepTickets([ticket('a')], 1);
    const bad = { ...ticket('b'), seat: (() => 0) as unknown as string };
    expect(codeOf(await store.keepTickets([bad], 2).catch((e: unknown) => e))).toBe('storage');
    expect((await store.tickets())?.items.map((t) => t.id)).toEqual(['a']);
    store.close();
    expect(codeOf(await store.tickets().catch((e: unknown) => e))).toBe('storage');
  });

  test('a database that the browser closed is opened again', async () => {
    await store.signIn(me);
    (store as unknown as { db: IDBDatabase }).db.close();
    expect(await store.signed()).toEqual(me);
    (store as unknown as { db: IDBDatabase }).db.close();
    await store.keepTickets([ticket('b')], 8);
    expect((await store.tickets())?.at).toBe(8);
  });

  test('a browser that never answers is no store', async () => {
    vi.useFakeTimers();
    vi.spyOn(indexedDB, 'open').mockReturnValue({} as IDBOpenDBRequest);
    const opened = Store.open('never').catch((e: unknown) => e);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(codeOf(await opened)).toBe('storage');
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  test('what pages keep goes with the account', async () => {
    await store.signIn(me);
    await store.keepFact('credentials', [1]);
    await store.signIn({ ...me, account: 'a2' });
    expect(await store.fact('credentials')).toBeUndefined();
  });
});
