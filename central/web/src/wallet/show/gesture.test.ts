import { afterEach, expect, test, vi } from 'vitest';
import { touched, unasked } from './gesture';

afterEach(() => vi.unstubAllGlobals());

test.each([
  ['has just touched', { userActivation: { isActive: true } }, true, true],
  ['came by a link', { userActivation: { isActive: false } }, false, false],
  ['has a browser that does not tell', {}, true, false],
])('a person who %s', (_, navigator, open, answer) => {
  vi.stubGlobal('navigator', navigator);
  expect([touched(true), touched(false)]).toEqual([open, answer]);
});

test.each([
  ['refused at once, after the camera', 'cancelled', false, 30, true],
  ['refused by the person', 'cancelled', false, 2500, false],
  ['refused after a touch', 'cancelled', true, 30, false],
  ['another trouble', 'no_passkey', false, 30, false],
  ['no trouble', undefined, false, 30, false],
])('%s', (_, code, touched, ms, want) => expect(unasked(code, touched, ms)).toBe(want));
