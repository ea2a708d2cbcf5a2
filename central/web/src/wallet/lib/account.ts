// An account without a passkey, and what somebody may ask about their own.
import * as passkey from '../../core/passkey';
import type * as wire from '../../core/wire';
import { lang } from './i18n.svelte';
import { work } from './joining';
import { dropLetter, type Topic } from './letters.svelte';
import { entered, wipe } from './session';
import { ownPasskey } from './signing';
import { noteFailure, sameOwner, wallet, walletApi } from './wallet.svelte';

/** askLetter has central send the letter of a topic, and returns when its link ends, in Unix milliseconds. */
export async function askLetter(topic: Topic, email: string): Promise<number> {
  const api = walletApi();
  if (topic === 'verify') return Date.parse((await api.askToVerify(lang())).expires);
  const proof = await work(email);
  return Date.parse((await (topic === 'join' ? api.askToJoin(email, lang(), proof) : api.askReset(email, lang(), proof))).expires);
}

/** settle makes an account, or sets its new password, with the token of a letter. */
export async function settle(topic: 'join' | 'reset', token: string, password: string): Promise<void> {
  const api = walletApi();
  const e = await (topic === 'join' ? api.confirmJoin(token, password) : api.confirmReset(token, password));
  dropLetter();
  await entered(e, 'password');
}

export async function confirmEmail(token: string): Promise<void> {
  await walletApi().confirmEmail(token);
  dropLetter();
  await refreshAccount();
}

export async function signInWithPassword(email: string, password: string): Promise<void> {
  await entered(await walletApi().signInWithPassword(email, password), 'password');
}

/** addPasskey gives an account its first one; its recovery code is then shown. */
export async function addPasskey(password: string): Promise<void> {
  const challenge = await walletApi().challenge('add_passkey');
  const credential = await passkey.register(challenge, wallet.owner?.email ?? '');
  await entered(await walletApi().addPasskey(challenge.challenge, credential, password));
}

/** prove shows that it is still the same person: with a password, or else with their passkey. */
async function prove(purpose: wire.Purpose, password: string | null): Promise<wire.Proof> {
  if (password !== null) return { password };
  const challenge = await walletApi().challenge(purpose);
  return { assertion: (await passkey.answer(challenge, ownPasskey().id)).signed };
}

/** changePassword takes the old password, or null for the passkey. Every other session ends. */
export async function changePassword(next: string, old: string | null): Promise<void> {
  await walletApi().changePassword(next, await prove('new_password', old));
  await refreshAccount();
}

/** deleteAccount takes the password, or null for the passkey. This phone is emptied as well. */
export async function deleteAccount(password: string | null): Promise<void> {
  const key = wallet.owner?.passkey;
  await walletApi().deleteAccount(await prove('delete_account', password));
  await wipe();
  if (key) await passkey.forget(location.hostname, key.id);
}

/** refreshAccount asks who is signed in; it never throws. */
export async function refreshAccount(): Promise<void> {
  const same = sameOwner();
  try {
    const account = await walletApi().account();
    if (same()) wallet.account = account;
  } catch (thrown) {
    if (same()) noteFailure(thrown);
  }
}
