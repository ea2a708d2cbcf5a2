// What the holder's passkey signs.
import type { Assertion } from '../../core/assertion';
import { unb64u } from '../../core/bytes';
import { Fault } from '../../core/fault';
import * as passkey from '../../core/passkey';
import type { Signed } from '../../core/store';
import type * as wire from '../../core/wire';
import type { Held } from './model';
import { holdsKey, wallet, walletApi } from './wallet.svelte';

/** ownPasskey is the passkey of who this phone belongs to; an account with a password alone has none. */
export function ownPasskey(): NonNullable<Signed['passkey']> {
  if (!wallet.owner) throw new Fault('sign_in_required', 'this phone belongs to nobody');
  if (!wallet.owner.passkey) throw new Fault('passkey_required', 'the account has no passkey');
  return wallet.owner.passkey;
}

/** assertFor has the passkey that a ticket is bound to sign a challenge. */
export async function assertFor(t: Held, challenge: Uint8Array, signal?: AbortSignal): Promise<Assertion> {
  if (!holdsKey(t)) throw new Fault('no_passkey', 'the ticket is bound to another key');
  return (await passkey.assert(t.event.rp.id, challenge, ownPasskey().id, signal)).assertion;
}

/** signTerms has the owner's passkey sign the terms of an act. */
export async function signTerms(purpose: wire.Purpose, terms: (challenge: Uint8Array) => Promise<Uint8Array>): Promise<wire.Signed> {
  const challenge = await walletApi().challenge(purpose);
  return (await passkey.answer(challenge, ownPasskey().id, await terms(unb64u(challenge.challenge)))).signed;
}
