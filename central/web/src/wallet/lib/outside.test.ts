import { describe, expect, test } from 'vitest';
import { codeOf } from '../../core/fault';
import { findWallets, type OutsideWallet } from './outside';

const address = '9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin';
const message = new TextEncoder().encode('link this wallet');
const signed = new Uint8Array(64).fill(7);

/** A wallet as extensions announce it; it may be there before the page or come after it. */
function extension(change: { account?: object; connect?: () => Promise<unknown>; sign?: (m: Uint8Array) => Promise<unknown>; name?: unknown } = {}) {
  const accounts = [{ address: '0x52908400098527886E0F7030069857D2E4169EE7', chains: ['eip155:1'] }, { address, chains: ['solana:mainnet'], ...change.account }];
  return {
    name: 'name' in change ? change.name : 'Backpack',
    features: {
      'standard:connect': { connect: change.connect ?? (async () => ({ accounts })) },
      'solana:signMessage': { signMessage: async (i: { account: object; message: Uint8Array }) => (expect(i.account).toBe(accounts[1]), change.sign?.(i.message) ?? [{ signedMessage: i.message.slice(), signature: signed }]) },
    },
  };
}
type Api = { register: (...w: unknown[]) => void };
const page = (solana?: unknown) => Object.assign(new EventTarget(), solana ? { solana } : {});
const arrive = (p: EventTarget, ...w: unknown[]) => p.dispatchEvent(new CustomEvent('wallet-standard:register-wallet', { detail: (api: Api) => api.register(...w) }));
const wait = (p: EventTarget, w: unknown) => p.addEventListener('wallet-standard:app-ready', (e) => (e as CustomEvent<Api>).detail.register(w));

function find(p: EventTarget) {
  const seen = { all: [] as readonly OutsideWallet[], stop: () => {} };
  seen.stop = findWallets((all) => (seen.all = all), p);
  return seen;
}
const code = (p: Promise<unknown>) => p.then(() => 'none', codeOf);

describe('wallets of the standard', () => {
  test('one that was there before the page, one that comes later, and none after the page is left', () => {
    const p = page();
    wait(p, extension({ name: 'First' }));
    const seen = find(p);
    const second = extension({ name: 'Second' });
    arrive(p, second);
    arrive(p, second);
    seen.stop();
    arrive(p, extension({ name: 'Third' }));
    expect(seen.all.map((w) => w.name)).toEqual(['First', 'Second']);
  });

  test.each([['nothing', undefined], ['no features', {}], ['no messages', { name: 'x', features: { 'standard:connect': { connect() {} } } }], ['another chain', { name: 'x', features: { 'standard:connect': { connect() {} }, 'sui:signMessage': { signMessage() {} } } }]])('%s is none', (_, w) => {
    const p = page();
    const seen = find(p);
    arrive(p, w);
    expect(seen.all).toEqual([]);
  });

  test('what is announced and is no wallet at all', () => {
    const p = page();
    const seen = find(p);
    p.dispatchEvent(new CustomEvent('wallet-standard:register-wallet', { detail: 'boo' }));
    p.dispatchEvent(new Event('wallet-standard:register-wallet'));
    expect(seen.all).toEqual([]);
  });

  test('it connects its account of the right chain, and signs with it', async () => {
    const p = page();
    const seen = find(p);
    arrive(p, extension());
    const [w] = seen.all;
    expect(await w!.connect()).toBe(address);
    expect(await w!.sign(message)).toEqual(signed);
  });

  const one = (change: Parameters<typeof extension>[0]) => {
    const p = page();
    const seen = find(p);
    arrive(p, extension(change));
    return seen.all[0]!;
  };
  test.each<[string, Parameters<typeof extension>[0], string]>([
    ['somebody says no', { connect: () => Promise.reject(new Error('User rejected the request.')) }, 'wallet_refused'],
    ['somebody says no, in numbers', { connect: () => Promise.reject({ code: 4001 }) }, 'wallet_refused'],
    ['it breaks', { connect: () => Promise.reject(new TypeError('x is undefined')) }, 'wallet_failed'],
    ['it throws nothing', { connect: () => Promise.reject(undefined) }, 'wallet_failed'],
    ['it has no accounts', { connect: async () => ({ accounts: [] }) }, 'wallet_failed'],
    ['it says nothing', { connect: async () => ({}) }, 'wallet_failed'],
    ['its address is none', { account: { address: 'minji.sol' } }, 'wallet_failed'],
    ['its address is not even a text', { account: { address: 7 } }, 'wallet_failed'],
  ])('%s', async (_, change, want) => expect(await code(one(change).connect())).toBe(want));

  test.each<[string, (m: Uint8Array) => Promise<unknown>, string]>([
    ['declined', () => Promise.reject({ message: 'Approval Denied' }), 'wallet_refused'],
    ['another message', async (m) => [{ signedMessage: m.slice(1), signature: signed }], 'wallet_failed'],
    ['no message', async () => [{ signature: signed }], 'wallet_failed'],
    ['a short signature', async (m) => [{ signedMessage: m, signature: signed.slice(1) }], 'wallet_failed'],
    ['a text for a signature', async (m) => [{ signedMessage: m, signature: 'AA' }], 'wallet_failed'],
    ['nothing', async () => [], 'wallet_failed'],
  ])('signing: %s', async (_, sign, want) => {
    const w = one({ sign });
    await w.connect();
    expect(await code(w.sign(message))).toBe(want);
  });

  test('it does not sign before it is connected', async () => expect(await code(one({}).sign(message))).toBe('wallet_failed'));
  test.each([['  My \n Wallet ', 'My Wallet'], ['x'.repeat(99), 'x'.repeat(32)], [undefined, ''], [7, '']])('its name %s is %s', (name, want) => expect(one({ name }).name).toBe(want));
});

describe('wallets from before the standard', () => {
  const old = (change: object = {}) => ({ isPhantom: true, connect: async () => ({ publicKey: { toString: () => address } }), signMessage: async () => ({ signature: signed }), ...change });

  test('one is found', async () => {
    const [w] = find(page(old())).all;
    expect(w!.name).toBe('Phantom');
    expect(await w!.connect()).toBe(address);
    expect(await w!.sign(message)).toEqual(signed);
  });
  test('one that has its key besides, and returns a bare signature', async () => {
    const [w] = find(page(old({ isPhantom: false, publicKey: address, connect: async () => undefined, signMessage: async () => signed }))).all;
    expect(w!.name).toBe('');
    expect(await w!.connect()).toBe(address);
    expect(await w!.sign(message)).toEqual(signed);
  });
  test('one that is of the standard too is shown once', () => {
    const p = page(old());
    wait(p, extension({ name: 'Phantom' }));
    expect(find(p).all.length).toBe(1);
  });
  test.each([['nothing', undefined], ['a text', 'solana'], ['no signing', { connect() {} }]])('%s is none', (_, s) => expect(find(page(s)).all).toEqual([]));
  test('without a key it fails', async () => expect(await code(find(page(old({ connect: async () => ({}) }))).all[0]!.connect())).toBe('wallet_failed'));
});
