// What central asks of those who come in without a passkey, and what it is asked for.
import { codeOf } from '../../core/fault';
import type * as wire from '../../core/wire';
import { solve } from '../../core/work';
import { centralNow, walletApi } from './wallet.svelte';

/** What is taken for granted until central has said what it takes. */
export const unknown: wire.Joining = { password: true, min_password: 10, work_bits: 0, work_purpose: 'account' };

let asked: Promise<wire.Joining> | null = null;

/** joining is what signing up takes; it never throws. */
export async function joining(): Promise<wire.Joining> {
  asked ??= walletApi().joining();
  try {
    return await asked;
  } catch (thrown) {
    asked = null; // the next page asks again
    if (codeOf(thrown) === 'internal') console.error(thrown);
    return unknown;
  }
}

/** work is the proof of work that is due for an address, or ''. */
export async function work(email: string, signal?: AbortSignal): Promise<string> {
  const terms = await joining();
  return solve(terms.work_purpose, email.toLowerCase(), terms.work_bits, centralNow(), signal);
}
