// Accounts that may have no passkey, and what is theirs.
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb';
import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Store } from '../../core/store';

type Answer = { status?: number; body?: unknown } | Promise<Response>;

const sora = { account: 'sora', email: 'sora@x.kr', email_confirmed: true, role: 'attendee' };
const key = { id: 'AA', public_key: 'Ag' };
const token = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
const cut = (): Promise<Response> => Promise.reject(new TypeError('network'));

describe('account', () => {
  let asked: string[];
  let bodies: Record<string, Record<string, unknown>>;
  let central: Record<string, () => Answer>;
  let sent: unknown[];
  const modules = async () => ({
    ...(await import('./wallet.svelte')), ...(await import('./account')), ...(await import('./joining')), ...(await import('./letters.svelte')),
    ...(await import('./booking')), ...(await import('./identity')), ...(await import('./passwords')),
  });
  let w: Awaited<ReturnType<typeof modules>>;

  beforeEach(async () => {
    asked = [];
    bodies = {};
    sent = [];
    central = {
      'GET /v1/wallet/tickets': () => ({ body: { now: Date.now(), tickets: [] } }),
      'GET /v1/wallet/transfers': () => ({ body: { transfers: [] } }),
      'GET /v1/wallet/asks': () => ({ body: { asks: [] } }),
      'GET /v1/account': () => ({ body: { ...sora, password: true, passkeys: [] } }),
      'GET /v1/account/joining': () => ({ body: { password: true, min_password: 12, work_bits: 9, work_purpose: 'account' } }),
      'POST /v1/account/challenges': () => ({ body: { challenge: 'AAAA', user_id: 'AAAA', expires: '', rp: { id: 'localhost', name: 'x' } } }),
      'POST /v1/account/password/sign-in': () => ({ body: sora }),
      'POST /v1/account/password/register': () => ({ status: 202, body: { sent: 'if_it_may', expires: '2026-01-01T00:30:00Z' } }),
      'POST /v1/account/password/register/confirm': () => ({ status: 201, body: sora }),
      'POST /v1/account/passkeys': () => ({ status: 201, body: { ...sora, passkey: key, recovery_code: 'CODE' } }),
      'POST /v1/account/sign-out': () => ({ body: { signed_in: false } }),
      'DELETE /v1/account': () => ({ body: { deleted: true } }),
    };
    vi.stubGlobal('indexedDB', new IDBFactory());
    vi.stubGlobal('IDBKeyRange', IDBKeyRange);
    vi.stubGlobal('location', { hostname: 'localhost', hash: '' });
    vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }));
    vi.stubGlobal('addEventListener', () => undefined);
    vi.stubGlobal('BroadcastChannel', class {
      addEventListener() {}
      postMessage(m: unknown) {
        sent.push(m);
      }
    });
    const made = { type: 'public-key', rawId: new ArrayBuffer(1), response: { attestationObject: new ArrayBuffer(2), clientDataJSON: new ArrayBuffer(2), authenticatorData: new ArrayBuffer(37), signature: new ArrayBuffer(2) } };
    vi.stubGlobal('navigator', { onLine: true, language: 'en', languages: ['en'], credentials: { get: async () => made, create: async () => made } });
    vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
      const name = `${init.method} ${url.split('?')[0]}`;
      asked.push(name);
      if (init.body) bodies[name] = JSON.parse(init.body as string) as Record<string, unknown>;
      const a = central[name]?.() ?? { status: 404, body: { code: 'not_found' } };
      if (a instanceof Promise) return a;
      return new Response(a.body === undefined ? null : JSON.stringify(a.body), { status: a.status ?? 200 });
    });
    vi.resetModules();
    w = await modules();
    await w.start();
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
  });

  const refuses = (status: number, code: string, more = {}) => () => ({ status, body: { code, status, ...more } });

  test('a phone without a passkey asks central for no challenge that nothing can sign', async () => {
    await w.signInWithPassword('sora@x.kr', 'a long password');
    expect(w.wallet.owner).toEqual({ account: 'sora', email: 'sora@x.kr', passkey: null });
    expect((await (await Store.open()).signed())?.passkey).toBeNull();
    asked.length = 0;
    const event = { id: 1, relying_party: { id: 'localhost', origin: '' } } as Parameters<typeof w.hold>[0];
    await expect(w.hold(event, { zone: 1, class: 1 }, 'k1')).rejects.toMatchObject({ code: 'passkey_required' });
    await expect(w.makeDid()).rejects.toMatchObject({ code: 'passkey_required' });
    expect(asked).toEqual([]);
  });

  test('a passkey that was not used may be elsewhere', async () => {
    central['POST /v1/account/password/sign-in'] = () => ({ body: { ...sora, passkey: key } });
    await w.signInWithPassword('sora@x.kr', 'a long password');
    expect(w.wallet.owner).toMatchObject({ passkey: key, elsewhere: true });
    await w.addPasskey('a long password');
    expect(w.wallet.owner?.elsewhere).toBeUndefined();
  });

  test('the first passkey comes with its recovery code', async () => {
    await w.signInWithPassword('sora@x.kr', 'a long password');
    await w.addPasskey('a long password');
    expect(bodies['POST /v1/account/challenges']).toEqual({ purpose: 'add_passkey' });
    expect(bodies['POST /v1/account/passkeys']?.['password']).toBe('a long password');
    expect(w.wallet.owner?.passkey).toEqual(key);
    expect(w.recoveryCode.shown).toBe('CODE');
  });

  test('a letter is asked for with the work that is due', async () => {
    expect(await w.askLetter('join', 'Sora@X.kr')).toBe(Date.parse('2026-01-01T00:30:00Z'));
    const { email, language, work } = bodies['POST /v1/account/password/register']!;
    expect([email, language]).toEqual(['Sora@X.kr', 'en']);
    const sum = createHash('sha256').update(`conting work v1\naccount\nsora@x.kr\n${String(work)}`).digest();
    expect(sum.readUInt16BE(0)).toBeLessThan(2 ** 7);
  });

  test('what central takes is asked once, and again if it did not answer', async () => {
    central['GET /v1/account/joining'] = cut;
    expect(await w.joining()).toEqual(w.unknown);
    central['GET /v1/account/joining'] = () => ({ body: { ...w.unknown, min_password: 12 } });
    expect((await w.joining()).min_password).toBe(12);
    await w.joining();
    expect(asked.filter((a) => a === 'GET /v1/account/joining')).toHaveLength(2);
  });

  test('a letter is used up by what it is for, and by nothing else', async () => {
    w.openLetter({ topic: 'join', token });
    central['POST /v1/account/password/register/confirm'] = refuses(422, 'password_weak', { detail: 'common' });
    const thrown = await w.settle('join', token, 'password1234').catch((e: unknown) => e);
    expect(w.weakness(thrown, 10)).toBe('Many people use this password');
    expect(w.letter('join')?.token).toBe(token);
    central['POST /v1/account/password/register/confirm'] = () => ({ status: 201, body: sora });
    await w.settle('join', token, 'a long password');
    expect(w.letter('join')).toBeNull();
    expect(w.wallet.owner?.account).toBe('sora');
  });

  test('what central refuses to forget stays on the phone', async () => {
    await w.signInWithPassword('sora@x.kr', 'a long password');
    central['DELETE /v1/account'] = refuses(409, 'tickets_left');
    await expect(w.deleteAccount('a long password')).rejects.toMatchObject({ code: 'tickets_left' });
    expect(w.wallet.owner?.account).toBe('sora');
    expect(await (await Store.open()).signed()).not.toBeNull();
    expect(sent).not.toContain('wiped');
  });

  test('an account that is gone leaves nothing on the phone', async () => {
    const told: unknown[] = [];
    vi.stubGlobal('PublicKeyCredential', { signalUnknownCredential: async (o: unknown) => void told.push(o) });
    central['POST /v1/account/password/sign-in'] = () => ({ body: { ...sora, passkey: key } });
    await w.signInWithPassword('sora@x.kr', 'a long password');
    await w.deleteAccount(null);
    expect(bodies['POST /v1/account/challenges']).toEqual({ purpose: 'delete_account' });
    expect(Object.keys(bodies['DELETE /v1/account']!)).toEqual(['assertion']);
    expect(w.wallet.owner).toBeNull();
    expect(await (await Store.open()).signed()).toBeNull();
    expect(sent).toContain('wiped');
    expect(told).toEqual([{ rpId: 'localhost', credentialId: 'AA' }]);
  });

  test.each([
    ['short', 'It must have 12 characters or more'],
    ['address', 'It is too much like your e-mail address'],
    ['something new', 'This password is too easy to guess'],
  ])('a password that is %s', async (detail, want) => {
    central['POST /v1/account/password/change'] = refuses(422, 'password_weak', { detail });
    const thrown = await w.changePassword('x', 'y').catch((e: unknown) => e);
    expect(w.weakness(thrown, 12)).toBe(want);
    expect(w.notTheirs(thrown)).toBeUndefined();
  });

  test('length is counted as central counts it', () => {
    expect(w.tooShort('열 글자가 되는 말', 10)).toBeUndefined();
    expect(w.tooShort('🎫🎫🎫🎫🎫', 6)).toBeDefined(); // five characters, ten code units
    expect(w.tooShort('가'.normalize('NFD'), 2)).toBeDefined();
  });
});
