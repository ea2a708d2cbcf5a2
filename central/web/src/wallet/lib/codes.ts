/** Codes that mean the same to a person as another. */
export const same: Readonly<Record<string, string>> = {
  user_not_verified: 'cancelled',
  sign_in_required: 'unauthorized',
  passkey_known: 'passkey_exists',
  request_in_progress: 'timeout',
};

/** Codes of passkeys have a text that says what to do. */
export const passkeys: Readonly<Record<string, readonly [title: string, text: string | null]>> = {
  cancelled: ['passkey.refused', 'passkey.refused.what'],
  no_passkey: ['passkey.missing', 'passkey.missing.what'],
  passkey_exists: ['passkey.exists', null],
  unsupported: ['welcome.unsupported', null],
  wrong_site: ['passkey.blocked', 'passkey.blocked.what'],
};

/** sayable is whether there is a text of its own for a code. */
export function sayable(code: string, keys: readonly string[]): boolean {
  const meant = same[code] ?? code;
  return keys.includes(passkeys[meant]?.[0] ?? `problem.${meant}`);
}
