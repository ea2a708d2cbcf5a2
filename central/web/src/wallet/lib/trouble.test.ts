import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import en from '../../i18n/en.json';
import { sayable } from './codes';

// What central may refuse, out of its own catalogue.
const catalogue = readFileSync(new URL('../../../../api/catalogue.go', import.meta.url), 'utf8');
const codes = [...catalogue.matchAll(/^\t\t"(\w+)":\s+\{http\./gm)].map((m) => m[1] ?? '');

/** Codes that only a program can cause, or that only organisers see: people get the general text. */
const notForPeople = new Set([
  'malformed_body', 'body_too_large', 'unsupported_media_type', 'invalid_cursor', 'not_found', 'method_not_allowed', 'idempotency_key_invalid',
  'idempotency_key_reused', 'leases_full', 'leases_off', 'event_exists', 'invalid_plan', 'purpose_unknown', 'unknown_order', 'payment_token_invalid',
  'unknown_provider', 'not_paid', 'unknown_device', 'unknown_incident', 'unknown_account', 'role_unknown', 'issuer_invalid', 'unknown_issuer', 'too_many_issuers', 'status_list_invalid',
  'status_list_misplaced', 'status_list_older', 'internal_error',
]);

test('the catalogue is found', () => expect(codes.length).toBeGreaterThan(50));

test.each(codes.filter((c) => !notForPeople.has(c)))('people are told what %s means', (code) => {
  expect(sayable(code, Object.keys(en))).toBe(true);
});
