// Buying: a place is held, then paid.
import { unb64u } from '../../core/bytes';
import { codeOf } from '../../core/fault';
import * as passkey from '../../core/passkey';
import type * as wire from '../../core/wire';
import { ownPasskey } from './signing';
import { refresh, walletApi } from './wallet.svelte';

export interface Choice {
  readonly zone: number;
  readonly class: number;
  readonly seat?: string;
  readonly paper?: boolean;
  readonly ask?: string;
}

/** unanswered is whether nobody knows what central made of a request: it is sent again as it was. */
export const unanswered = (thrown: unknown): boolean => ['offline', 'timeout', 'request_in_progress'].includes(codeOf(thrown));

/** What was asked of central under a key, until it has answered. */
let attempt: { readonly key: string; readonly request: wire.OrderRequest } | null = null;

/**
 * hold keeps a place for this account, or for who asked for it. With the same key it
 * repeats what central did not answer, to the byte; after an answer take another key.
 */
export async function hold(event: wire.EventDetail, c: Choice, key: string): Promise<wire.Order> {
  if (attempt?.key !== key) {
    const request: wire.OrderRequest = {
      zone: c.zone,
      class: c.class,
      ...(c.seat ? { seat: c.seat } : {}),
      ...(c.ask ? { ask: c.ask } : c.paper ? { paper: true } : { holder: await possession(event) }),
    };
    attempt = { key, request };
  }
  const own = attempt;
  try {
    const order = await walletApi().order(event.id, own.request, key);
    attempt = null;
    return order;
  } catch (thrown) {
    if (!unanswered(thrown)) attempt = null;
    throw thrown;
  }
}

async function possession(event: wire.EventDetail): Promise<wire.Holder> {
  const own = ownPasskey();
  const { challenge } = await walletApi().saleChallenge();
  const { assertion } = await passkey.assert(event.relying_party.id, unb64u(challenge), own.id);
  return { public_key: own.public_key, ...passkey.toWire(challenge, assertion) };
}

/** pay pays a held order; with the sandbox no money moves. It waits while the provider has not answered. */
export async function pay(o: wire.Order, secret: string, key: string): Promise<wire.Order> {
  let paid = await walletApi().pay(o.id, secret, 'sandbox', 'ok', key);
  for (let tries = 0; paid.state !== 'paid' && tries < 15; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 2000));
    paid = await walletApi().orderState(o.id, secret);
  }
  await refresh();
  return paid;
}
