// Coming in, and going: what begins and ends somebody's use of this phone.
import { codeOf } from '../../core/fault';
import * as passkey from '../../core/passkey';
import { Store } from '../../core/store';
import type * as wire from '../../core/wire';
import { work } from './joining';
import { lang } from './i18n.svelte';
import { ownPasskey } from './signing';
import { drop, fact, openIdentity, others, recoveryCode, refresh, start, wallet, walletApi, walletStore } from './wallet.svelte';

/** begin opens the wallet, and ends a session that was left behind. */
export async function begin(): Promise<void> {
  await start();
  void leave();
}

/** entered makes this phone that of somebody who came in, with the passkey or with the password alone. */
export async function entered(e: wire.Entry, by: 'passkey' | 'password' = 'passkey'): Promise<void> {
  drop();
  wallet.owner = {
    account: e.account,
    email: e.email,
    passkey: e.passkey ? { id: e.passkey.id, public_key: e.passkey.public_key } : null,
    ...(by === 'password' && e.passkey ? { elsewhere: true } : {}),
  };
  if (e.recovery_code) recoveryCode.shown = e.recovery_code;
  try {
    await walletStore()?.signIn(wallet.owner);
    await walletStore()?.keepFact(fact.leaving, false);
    await openIdentity(e.account);
  } catch (thrown) {
    if (codeOf(thrown) === 'internal') console.error(thrown);
    wallet.unkept = true; // they are in, for as long as the page is open
  }
  others?.postMessage('entered');
  void Store.persist();
  await refresh();
}

export async function signUp(email: string): Promise<void> {
  const challenge = await walletApi().challenge('register');
  const credential = await passkey.register(challenge, email);
  await entered(await walletApi().register(email, challenge.challenge, credential, lang(), await work(email)));
}

export async function signIn(): Promise<void> {
  const challenge = await walletApi().challenge('sign_in');
  const { credentialId, signed } = await passkey.answer(challenge);
  await entered(await walletApi().signIn(credentialId, signed));
}

/** recover makes a new passkey and moves the account's tickets to it. */
export async function recover(email: string, code: string): Promise<void> {
  const challenge = await walletApi().challenge('recover');
  const credential = await passkey.register(challenge, email);
  await entered(await walletApi().recover(email, code, challenge.challenge, credential));
}

/** renewCode replaces the recovery code, which is shown until it is put away. */
export async function renewCode(): Promise<void> {
  const challenge = await walletApi().challenge('recovery_code');
  const { signed } = await passkey.answer(challenge, ownPasskey().id);
  recoveryCode.shown = (await walletApi().newRecoveryCode(signed)).recovery_code;
}

/** signOut ends the session at central. What the phone holds stays. */
export async function signOut(): Promise<void> {
  await walletApi().signOut();
  wallet.account = null;
  wallet.sessionOver = true;
}

/** How long emptying a phone waits for central: what is on the phone is gone before. */
const leaveMs = 3000;

/**
 * wipe removes everything of the wallet from this phone, and ends the session. Where
 * central cannot be reached the session is ended at the next start.
 */
export async function wipe(): Promise<void> {
  const told = walletApi().signOut().then(
    () => true,
    (thrown: unknown) => codeOf(thrown) === 'sign_in_required',
  );
  drop();
  await walletStore()?.wipe();
  others?.postMessage('wiped');
  const soon = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), leaveMs));
  if (!(await Promise.race([told, soon]))) await walletStore()?.keepFact(fact.leaving, true).catch(() => undefined);
}

/** leave ends a session that an emptied phone could not end. */
async function leave(): Promise<void> {
  try {
    if (wallet.owner || (await walletStore()?.fact(fact.leaving)) !== true) return;
    await walletApi().signOut();
    await walletStore()?.keepFact(fact.leaving, false);
  } catch {
    // at the next start
  }
}
