// Tickets given to relatives, and places asked of them.
import { unb64u, unhex } from '../../core/bytes';
import { acceptTerms, askTerms, transferTerms } from '../../core/terms';
import type * as wire from '../../core/wire';
import type { Held } from './model';
import { ownPasskey, signTerms } from './signing';
import { refresh, walletApi } from './wallet.svelte';

export async function give(t: Held, to: wire.Relative): Promise<void> {
  const terms = { ticket: unhex(t.id), version: t.version, from: unb64u(ownPasskey().public_key), to: unb64u(to.public_key) };
  await walletApi().transfer(t.id, to.did, await signTerms('transfer', (challenge) => transferTerms({ challenge, ...terms })));
  await refresh();
}

export async function accept(t: wire.Transfer): Promise<void> {
  const terms = { ticket: unhex(t.ticket), version: t.version, from: unb64u(t.from_key), to: unb64u(t.to_key) };
  await walletApi().acceptTransfer(t.id, await signTerms('transfer_accept', (challenge) => acceptTerms({ challenge, ...terms })));
  await refresh();
}

export async function declineTransfer(id: string): Promise<void> {
  await walletApi().declineTransfer(id);
  await refresh();
}

export async function cancelTransfer(id: string): Promise<void> {
  await walletApi().cancelTransfer(id);
  await refresh();
}

export interface Wish {
  readonly event: number;
  readonly zone: number;
  readonly class: number;
  readonly seat?: string;
  readonly to: string;
  readonly max_amount: number;
}

export async function askToBook(w: Wish): Promise<void> {
  await walletApi().ask(w, await signTerms('ask', (challenge) => askTerms(challenge, w.event, w.zone, w.class, w.to)));
  await refresh();
}

export async function declineAsk(id: string): Promise<void> {
  await walletApi().declineAsk(id);
  await refresh();
}

export async function cancelAsk(id: string): Promise<void> {
  await walletApi().cancelAsk(id);
  await refresh();
}
