/**
 * Codes are the stable words for what went wrong inside the wallet. What central
 * refuses comes with central's own code (see api.ts). The texts for people are in
 * i18n, keyed by the code.
 */
export type Code =
  | 'malformed' // bytes or a text that are not what they should be
  | 'foreign' // a code that is not one of ours
  | 'part_missing' // more credentials than a presentation may have, or none
  | 'too_large'
  | 'client_data' // the browser's client data is of a kind that gates refuse
  | 'user_not_verified' // neither biometrics nor PIN
  | 'cancelled' // the person closed the dialogue, or it timed out
  | 'no_passkey' // this phone does not have the passkey
  | 'passkey_exists'
  | 'unsupported' // the browser cannot do this
  | 'wrong_site'
  | 'too_early'
  | 'session_over'
  | 'camera_denied'
  | 'camera_missing'
  | 'wallet_refused' // the person or their outside wallet said no
  | 'wallet_failed' // an outside wallet did something else than it was asked
  | 'offline' // central was not reached
  | 'timeout'
  | 'storage'
  | 'internal';

/** Fault is every error that this library throws. The message is for developers. */
export class Fault extends Error {
  override readonly name = 'Fault';

  constructor(
    readonly code: Code | (string & {}),
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** codeOf returns the code of anything that was thrown. */
export function codeOf(thrown: unknown): string {
  return thrown instanceof Fault ? thrown.code : 'internal';
}
