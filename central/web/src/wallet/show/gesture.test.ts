import { expect, test } from 'vitest';
import { unasked } from './gesture';

test.each([
  ['refused at once, after the camera', 'cancelled', false, 30, true],
  ['refused by the person', 'cancelled', false, 2500, false],
  ['refused after a touch', 'cancelled', true, 30, false],
  ['another trouble', 'no_passkey', false, 30, false],
  ['no trouble', undefined, false, 30, false],
])('%s', (_, code, touched, ms, want) => expect(unasked(code, touched, ms)).toBe(want));
