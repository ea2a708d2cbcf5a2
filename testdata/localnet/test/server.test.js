import assert from 'node:assert/strict';
import { test } from 'node:test';

let stringify;
try {
  await import('node:module').then(({ createRequire }) => createRequire(import.meta.url)('litesvm-linux-x64-gnu'));
  ({ stringify } = await import('../lib/server.js'));
} catch {
  // told by the test that is skipped
}

test('integers above 2^53 leave whole', { skip: stringify ? false : 'litesvm is not installed (make node_modules)' }, () => {
  assert.equal(stringify({ a: 18446744073709551615n, b: [1, 'x'] }), '{"a":18446744073709551615,"b":[1,"x"]}');
  assert.equal(stringify({ a: 'a "\\u0001" 1' }), JSON.stringify({ a: 'a "\\u0001" 1' }));
});
