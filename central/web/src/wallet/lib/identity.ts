// The DID of this phone's owner, and the credentials about it.
import { b64u, unb64u } from '../../core/bytes';
import { didMessage, didTerms, Identity } from '../../core/did';
import { Fault } from '../../core/fault';
import * as passkey from '../../core/passkey';
import type * as wire from '../../core/wire';
import { ownPasskey } from './signing';
import { fact, noteFailure, refresh, sameOwner, wallet, walletApi, walletStore, withTexts } from './wallet.svelte';

/** refreshFamily asks for what only the family pages show. */
export async function refreshFamily(): Promise<void> {
  try {
    const same = sameOwner();
    const [account, relatives, credentials, kept] = await Promise.all([walletApi().account(), walletApi().family(), walletApi().credentials(), walletStore()?.credentials().catch(() => []) ?? []]);
    if (!same()) return;
    wallet.account = account;
    await claimKey(account);
    wallet.relatives = relatives;
    wallet.credentials = withTexts(credentials, kept);
    await walletStore()?.keepFact(fact.credentials, credentials).catch(() => undefined);
    wallet.online = true;
  } catch (thrown) {
    noteFailure(thrown);
    throw thrown;
  }
}

/** identity is the key of this account's DID, which must be on this phone. */
export async function identity(): Promise<Identity> {
  const keys = wallet.owner && (await walletStore()?.key(wallet.owner.account));
  if (!keys) throw new Fault('no_identity', 'this phone has no key of a DID');
  return Identity.of(keys);
}

/** Where a key is kept of which central was asked, but may not have answered. */
const proposed = (account: string): string => `${account}/proposed`;

/**
 * makeDid makes a key on this phone and binds it to the account, with both proving
 * it. The key is kept before central hears of it: an answer may be lost, a key must not.
 */
export async function makeDid(): Promise<void> {
  const owner = wallet.owner;
  const store = walletStore();
  if (!owner || !store) throw new Fault('sign_in_required', 'this phone belongs to nobody');
  const own = ownPasskey();
  const made = await Identity.create();
  const challenge = await walletApi().challenge('did');
  const value = unb64u(challenge.challenge);
  const { signed } = await passkey.answer(challenge, own.id, await didTerms(value, made.did));
  const signature = await made.sign(await didMessage(value, made.did, unb64u(own.public_key)));
  await store.keepKey(proposed(owner.account), made.keys);
  await walletApi().enrolDid(made.did, b64u(signature), signed);
  await takeKey(owner.account, made);
  await refreshFamily();
}

async function takeKey(account: string, made: Identity): Promise<void> {
  await walletStore()?.keepKey(account, made.keys);
  await walletStore()?.dropKey(proposed(account));
  if (wallet.owner?.account === account) wallet.did = made.did;
}

/** claimKey finds the key of a DID that central took without this phone hearing so. */
async function claimKey(a: wire.Account): Promise<void> {
  if (!a.did || a.did === wallet.did) return;
  const keys = await walletStore()?.key(proposed(a.account)).catch(() => null);
  const made = keys && (await Identity.of(keys));
  if (made && made.did === a.did) await takeKey(a.account, made);
}

export async function addCredential(jwt: string): Promise<void> {
  const added = await walletApi().addCredential(jwt.trim());
  await walletStore()?.keepCredential({ id: added.id, jwt: jwt.trim() });
  await Promise.all([refreshFamily(), refresh()]);
}

export async function removeCredential(id: string): Promise<void> {
  await walletApi().removeCredential(id);
  await walletStore()?.dropCredential(id);
  await Promise.all([refreshFamily(), refresh()]);
}
