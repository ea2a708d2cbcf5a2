// Every request of the client is one that central/api/openapi describes.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Api } from './api';
import type { NewCredential, Signed } from './wire';

interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}
interface Operation {
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Schema> };
}
const folder = new URL('../../../api/openapi/', import.meta.url);
const parts = readdirSync(folder).map((f) => JSON.parse(readFileSync(new URL(f, folder), 'utf8')) as Partial<Document>);
const described: Document = {
  paths: Object.assign({}, ...parts.map((p) => p.paths)) as Document['paths'],
  components: { schemas: Object.assign({}, ...parts.map((p) => p.components?.schemas)) as Record<string, Schema> },
};

/** members is all that a schema allows, and all that it wants. */
function members(s: Schema): { allowed: Map<string, Schema>; required: Set<string> } {
  const of = s.$ref ? described.components.schemas[s.$ref.split('/').at(-1)!] : s;
  if (!of) throw new Error(`${s.$ref} is not described`);
  const all = { allowed: new Map(Object.entries(of.properties ?? {})), required: new Set(of.required ?? []) };
  for (const part of of.allOf ?? []) {
    const more = members(part);
    for (const [k, v] of more.allowed) all.allowed.set(k, v);
    for (const k of more.required) all.required.add(k);
  }
  return all;
}

function compare(body: unknown, schema: Schema, where: string): void {
  const { allowed, required } = members(schema);
  const sent = Object.keys(body as object);
  for (const k of sent) expect([...allowed.keys()], `${where} takes no ${k}`).toContain(k);
  for (const k of required) expect(sent, `${where} wants ${k}`).toContain(k);
  for (const [k, v] of Object.entries(body as object)) {
    const inner = allowed.get(k)!;
    if (typeof v === 'object' && v !== null && !Array.isArray(v) && (inner.$ref || inner.properties)) compare(v, inner, `${where}.${k}`);
  }
}

const credential: NewCredential = { id: 'AA', attestation_object: 'AA', client_data_json: 'AA', transports: ['internal'] };
const signed: Signed = { challenge: 'AA', authenticator_data: 'AA', client_data_json: 'AA', signature: 'AA' };
const ticket = 'deadbeef0405060708090a0b0c0d0e0f';

const calls: Record<string, (a: Api) => Promise<unknown>> = {
  challenge: (a) => a.challenge('register'),
  joining: (a) => a.joining(),
  register: (a) => a.register('k@x.kr', 'AA', credential, 'ko', ''),
  signIn: (a) => a.signIn('AA', signed),
  recover: (a) => a.recover('k@x.kr', 'CODE', 'AA', credential),
  newRecoveryCode: (a) => a.newRecoveryCode(signed),
  signOut: (a) => a.signOut(),
  account: (a) => a.account(),
  askToJoin: (a) => a.askToJoin('k@x.kr', 'ko', ''),
  confirmJoin: (a) => a.confirmJoin('AA', 'a long password'),
  signInWithPassword: (a) => a.signInWithPassword('k@x.kr', 'a long password'),
  changePassword: (a) => a.changePassword('a long password', { password: 'another password' }),
  'changePassword, with the passkey': (a) => a.changePassword('a long password', { assertion: signed }),
  askReset: (a) => a.askReset('k@x.kr', 'en', ''),
  confirmReset: (a) => a.confirmReset('AA', 'a long password'),
  askToVerify: (a) => a.askToVerify('ko'),
  confirmEmail: (a) => a.confirmEmail('AA'),
  addPasskey: (a) => a.addPasskey('AA', credential, 'a long password'),
  sessions: (a) => a.sessions(),
  endSession: (a) => a.endSession('0a'),
  endOtherSessions: (a) => a.endOtherSessions(),
  dossier: (a) => a.dossier(),
  deleteAccount: (a) => a.deleteAccount({ password: 'a long password' }),
  'deleteAccount, with the passkey': (a) => a.deleteAccount({ assertion: signed }),
  tickets: (a) => a.tickets(),
  receipt: (a) => a.receipt(ticket),
  beginLease: (a) => a.beginLease(ticket),
  beat: (a) => a.beat('AAAAAAAAAAA'),
  endLease: (a) => a.endLease('AAAAAAAAAAA'),
  token: (a) => a.token(ticket),
  tokenProof: (a) => a.tokenProof(ticket),
  claimToken: (a) => a.claimToken(ticket),
  sendToken: (a) => a.sendToken(ticket, 'Fg6P'),
  chainWallet: (a) => a.chainWallet(),
  chainChallenge: (a) => a.chainChallenge('Fg6P', 'ko'),
  linkWallet: (a) => a.linkWallet('AA'),
  unlinkWallet: (a) => a.unlinkWallet(),
  enrolDid: (a) => a.enrolDid('did:key:z', 'AA', signed),
  credentials: (a) => a.credentials(),
  addCredential: (a) => a.addCredential('a.b.c'),
  removeCredential: (a) => a.removeCredential('1'),
  family: (a) => a.family(),
  transfers: (a) => a.transfers(),
  transfer: (a) => a.transfer(ticket, 'did:key:z', signed),
  acceptTransfer: (a) => a.acceptTransfer('t1', signed),
  declineTransfer: (a) => a.declineTransfer('t1'),
  cancelTransfer: (a) => a.cancelTransfer('t1'),
  asks: (a) => a.asks(),
  ask: (a) => a.ask({ event: 1, zone: 1, class: 1, seat: 'A1', to: 'did:key:z', max_amount: 1 }, signed),
  declineAsk: (a) => a.declineAsk('a1'),
  cancelAsk: (a) => a.cancelAsk('a1'),
  events: (a) => a.events(),
  event: (a) => a.event(1),
  seats: (a) => a.seats(1, 1),
  saleChallenge: (a) => a.saleChallenge(),
  order: (a) => a.order(1, { zone: 1, class: 1, seat: 'A1', holder: { public_key: 'AA', ...signed } }),
  'order, paper': (a) => a.order(1, { zone: 1, class: 1, paper: true }),
  'order, asked for': (a) => a.order(1, { zone: 1, class: 1, ask: 'a1' }),
  orderState: (a) => a.orderState('o1', 's'),
  'order, several': (a) => a.order(1, { zone: 1, class: 1, count: 3, adjacent: true, accessible: 1, companions: 1, paper: true }, undefined, 'AA'),
  'order, these seats': (a) => a.order(1, { zone: 1, class: 1, seats: ['A-1', 'A-2'], paper: true }),
  'order, several that differ': (a) => a.order(1, { items: [{ zone: 1, class: 1, seat: 'A-1', accessible: true }, { zone: 1, class: 1, companion: true }] }),
  providers: (a) => a.providers(),
  startPayment: (a) => a.startPayment('o1', 's', 'sandbox'),
  confirmPayment: (a) => a.confirmPayment('o1', 's', 'p1', 'ok'),
  'confirmPayment, without a token': (a) => a.confirmPayment('o1', 's', 'p1'),
  cancelPayment: (a) => a.cancelPayment('o1', 's', 'p1'),
  orders: (a) => a.orders(),
  refundOrder: (a) => a.refundOrder('o1'),
  waits: (a) => a.waits(1),
  wait: (a) => a.wait(1, 1, 1, 2),
  stopWaiting: (a) => a.stopWaiting(1, 1),
  offers: (a) => a.offers(),
  acceptOffer: (a) => a.acceptOffer('f1', { holder: { public_key: 'AA', ...signed } }),
  'acceptOffer, on paper': (a) => a.acceptOffer('f1', { paper: true }),
  declineOffer: (a) => a.declineOffer('f1'),
  access: (a) => a.access(),
  queueInfo: (a) => a.queueInfo(1),
  enterQueue: (a) => a.enterQueue(1, 'AA', {}),
  'enterQueue, with work': (a) => a.enterQueue(1, 'AA', { work: '1-2', token: 'AA' }),
  queuePlace: (a) => a.queuePlace(1, 'AA'),
  leaveQueue: (a) => a.leaveQueue(1, 'AA'),
};

describe('the client asks only what central describes', () => {
  test('and every method of it is looked at', () => {
    const own = Object.getOwnPropertyNames(Api.prototype).filter((n) => !['constructor', 'get', 'post', 'pages', 'send'].includes(n));
    expect(Object.keys(calls).map((n) => n.split(',')[0])).toEqual(expect.arrayContaining(own));
  });

  // The identity's part of the API is described as a whole, or not yet.
  const identity = /^(?:enrolDid|tickets|family)$|redential|ransfer|[aA]sk/;
  const names = Object.keys(calls).filter((n) => '/v1/wallet/did' in described.paths || !identity.test(n));
  test.each(names)('%s', async (name) => {
    let sent: { path: string; method: string; body: unknown } | undefined;
    const api = new Api({
      fetch: (async (url: string, init: RequestInit) => {
        sent = { path: url.split('?')[0]!, method: init.method!.toLowerCase(), body: init.body ? JSON.parse(init.body as string) : undefined };
        return new Response('{}');
      }) as typeof fetch,
    });
    await calls[name]!(api).catch(() => undefined);
    const found = Object.keys(described.paths).find((template) => new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`).test(sent!.path));
    const operation = found ? described.paths[found]?.[sent!.method] : undefined;
    expect(operation, `${sent!.method} ${sent!.path} is not described`).toBeDefined();
    const schema = operation!.requestBody?.content['application/json']?.schema;
    if (!schema) expect(sent!.body).toBeUndefined();
    else compare(sent!.body, schema, name);
  });
});
