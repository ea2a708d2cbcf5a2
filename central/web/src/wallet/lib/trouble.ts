import { codeOf } from '../../core/fault';
import { say, sayMaybe, type Key } from './i18n.svelte';

/** Trouble is what a person is told when something did not work: what, and what to do. */
export interface Trouble {
  readonly code: string;
  readonly title: string;
  readonly text: string | undefined;
}

/** Codes that mean the same to a person. */
const same: Readonly<Record<string, string>> = {
  user_not_verified: 'cancelled',
  sign_in_required: 'unauthorized',
  passkey_known: 'passkey_exists',
  request_in_progress: 'timeout',
};

const passkeys: Readonly<Record<string, readonly [title: Key, text: Key | null]>> = {
  cancelled: ['passkey.refused', 'passkey.refused.what'],
  no_passkey: ['passkey.missing', 'passkey.missing.what'],
  passkey_exists: ['passkey.exists', null],
  unsupported: ['welcome.unsupported', null],
  wrong_site: ['passkey.blocked', 'passkey.blocked.what'],
};

export function troubleOf(thrown: unknown): Trouble {
  const raw = codeOf(thrown);
  const code = same[raw] ?? raw;
  const passkey = passkeys[code];
  if (passkey) return { code: raw, title: say(passkey[0]), text: passkey[1] ? say(passkey[1], { origin: location.origin }) : undefined };
  const title = sayMaybe(`problem.${code}`);
  if (title) return { code: raw, title, text: sayMaybe(`problem.${code}.what`) };
  if (raw === 'internal') console.error(thrown);
  return { code: raw, title: say('problem.generic'), text: say('problem.generic.what', { code: raw }) };
}
