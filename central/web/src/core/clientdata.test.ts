import { describe, expect, test } from 'vitest';
import { b64u, concat, hex, sha256, unhex, utf8 } from './bytes';
import { proofOf } from './assertion';
import { checkTail, shapeOf } from './clientdata';
import { codeOf } from './fault';

const origin = 'https://tickets.example';
const challenge = new Uint8Array(32).fill(7);
const head = (o = origin) => `{"type":"webauthn.get","challenge":"${b64u(challenge)}","origin":"${o}"`;
const escaped = 'https:\\/\\/tickets.example';
const grease =
  ',"crossOrigin":false,"other_keys_can_be_added_here":"do not compare clientDataJSON against a template. See https://goo.gl/yabPex"}';

const thrown = (f: () => unknown): string => {
  try {
    f();
  } catch (e) {
    return codeOf(e);
  }
  return 'ok';
};

describe('shapes', () => {
  test.each<[string, string, string, number, string]>([
    ['standard', origin, ',"crossOrigin":false}', 0, ''],
    ['webkit', origin, '}', 1, ''],
    ['grease', origin, grease, 2, ''],
    ['play', escaped, ',"androidPackageName":"com.android.chrome"}', 3, ''],
    ['unknown member', origin, ',"crossOrigin":false,"extraData":"x"}', 4, ',"crossOrigin":false,"extraData":"x"}'],
    ['standard end, escaped origin', escaped, ',"crossOrigin":false}', 5, ',"crossOrigin":false}'],
    ['play’s end, plain origin', origin, ',"androidPackageName":"com.android.chrome"}', 4, ',"androidPackageName":"com.android.chrome"}'],
    ['another browser on Android', escaped, ',"androidPackageName":"org.example.browser"}', 5, ',"androidPackageName":"org.example.browser"}'],
  ])('%s', (_, o, tail, shape, carried) => {
    expect(shapeOf(challenge, origin, utf8(head(o) + tail))).toEqual({ shape, tail: utf8(carried) });
  });

  test.each([
    ['another origin', head('https://evil.example') + '}'],
    ['a longer origin', `${head().slice(0, -1)}.evil.example"}`],
    ['another type', head().replace('.get', '.create') + '}'],
    ['another challenge', head().replace(b64u(challenge), b64u(challenge.slice(1))) + '}'],
    ['another order', `{"challenge":"${b64u(challenge)}","type":"webauthn.get","origin":"${origin}"}`],
    ['nothing', ''],
  ])('%s is refused', (_, data) => expect(thrown(() => shapeOf(challenge, origin, utf8(data)))).toBe('client_data'));
});

// The tables of sync/pass, clientdata_test.go.
describe('tails', () => {
  test.each([
    ',"crossOrigin":false,"extraData":"clientDataJSON may be extended"}',
    ',"crossOrigin":false,"tokenBinding":{"status":"supported"}}',
    ',"a":[1,{"b":null,"c":[true,-1.5e3,"\\ud83d\\ude00"]}]}',
    ',"crossOrigin": false , "a" : 1 }',
    ',"a":{},"b":[],"c":""}',
    ',"a":1,"\ufeffa":2}',
    '}',
  ])('%s', (tail) => expect(thrown(() => checkTail(utf8(tail)))).toBe('ok'));

  test.each([
    ',"crossOrigin":true}',
    ',"crossOrigin":"false"}',
    ',"crossOrigin":null}',
    ',"crossOrigin":0}',
    ',"cross\\u004frigin":true}',
    ',"crossOrigin":false,"topOrigin":"https://evil.example"}',
    ',"topOrigin":"https://tickets.example"}',
    ',"topOrigin":null}',
    ',"\\u0074opOrigin":"x"}',
    ',"crossOrigin":false,"crossOrigin":false}',
    ',"crossOrigin":false,"cross\\u004Frigin":false}',
    ',"type":"webauthn.get"}',
    ',"challenge":"AAAA"}',
    ',"origin":"https://tickets.example"}',
    ',"\\u006frigin":"https://tickets.example"}',
    ',"a":1,"a":1}',
    ',"\\ud800":1,"\\udfff":1}',
    ',"a":{"b":1,"b":2}}',
    ',"a":[{"b":1,"b":2}]}',
    ',"crossOrigin":false',
    ',"crossOrigin":false}}',
    ',"crossOrigin":false} ',
    ',"crossOrigin":false}{}',
    ',}',
    ',"crossOrigin":false,}',
    '"crossOrigin":false}',
    ',"crossOrigin"}',
    ',false}',
    '.evil.example"}',
    ',"a":"\n"}',
    `,"a":${'['.repeat(20)}${']'.repeat(20)}}`,
    `,"a":${'{"a":'.repeat(20)}1${'}'.repeat(21)}`,
    `,"a":"${'x'.repeat(300)}"}`,
    ',"a":01}',
    ',"a":NaN}',
    ',"a":1/**/}',
    ",'a':1}",
    ',"a":"\\x"}',
    ',"a":[1 2]}',
    ',"a":[1,]}',
    '',
  ])('%j is refused', (tail) => expect(thrown(() => checkTail(utf8(tail)))).toBe('client_data'));

  test('bytes that are not UTF-8 are refused', () => {
    expect(thrown(() => checkTail(concat(utf8(',"a":"'), unhex('ff'), utf8('"}'))))).toBe('client_data');
  });
});

describe('proofs', async () => {
  const rp = { id: 'tickets.example', origin };
  const hash = await sha256(utf8(rp.id));
  const data = (flags: number) => concat(hash, Uint8Array.of(flags, 0, 0, 1, 2));
  const base = {
    authenticatorData: data(0x1d),
    clientDataJSON: utf8(`${head()}}`),
    signature: unhex('3006020105020106'),
  };
  test('taken apart', async () => {
    const p = await proofOf(rp, challenge, base);
    expect(p).toMatchObject({ flags: 0x1d, counter: 258, shape: 1 });
    expect(hex(p.signature)).toBe('05'.padStart(64, '0') + '06'.padStart(64, '0'));
  });
  test.each([
    ['user not verified', { ...base, authenticatorData: data(0x01) }, 'user_not_verified'],
    ['user not present', { ...base, authenticatorData: data(0x04) }, 'user_not_verified'],
    ['extensions', { ...base, authenticatorData: data(0x85) }, 'client_data'],
    ['backed up, not eligible', { ...base, authenticatorData: data(0x15) }, 'client_data'],
    ['more data', { ...base, authenticatorData: concat(data(5), Uint8Array.of(0)) }, 'client_data'],
    ['another site', { ...base, authenticatorData: concat(new Uint8Array(32), data(5).slice(32)) }, 'wrong_site'],
    ['another origin', { ...base, clientDataJSON: utf8(`${head('https://evil.example')}}`) }, 'client_data'],
    ['a damaged signature', { ...base, signature: unhex('30') }, 'malformed'],
  ])('%s', async (_, a, code) => {
    await expect(proofOf(rp, challenge, a).catch(codeOf)).resolves.toBe(code);
  });
});
