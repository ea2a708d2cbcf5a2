// Buying: what is asked for, and who shows that it is them.
import { unb64u } from '../../core/bytes';
import { codeOf } from '../../core/fault';
import * as passkey from '../../core/passkey';
import type * as wire from '../../core/wire';
import { ownPasskey } from './signing';
import { walletApi } from './wallet.svelte';

export interface Choice {
  readonly zone: number;
  readonly class: number;
  /** How many; one if left out. */
  readonly count?: number;
  /** As many as there are places, or none: then central chooses. */
  readonly seats?: readonly wire.Seat[];
  /** Side by side, or not at all. */
  readonly together?: boolean;
  /** How many of them need step-free entry, and how many of the others come with those. */
  readonly accessible?: number;
  readonly companions?: number;
  readonly paper?: boolean;
  readonly ask?: string;
}

/** most is how many places an order may have. */
export const most = (event: wire.EventDetail): number => Math.max(1, Math.min(event.sale.max_per_order, event.sale.max_per_person ?? event.sale.max_per_order));

/** unanswered is whether nobody knows what central made of a request: it is sent again as it was. */
export const unanswered = (thrown: unknown): boolean => ['offline', 'timeout', 'request_in_progress'].includes(codeOf(thrown));

/** wanted is what a choice asks of central, but for who asks. */
export function wanted(c: Choice): wire.OrderRequest {
  const place = { zone: c.zone, class: c.class };
  const count = c.count ?? 1;
  const seats = c.seats ?? [];
  const form = c.ask ? { ask: c.ask } : c.paper ? { paper: true } : {};
  // Kept seats say of each what it is for.
  if (seats.some((s) => s.accessible || s.companion)) {
    const own = c.paper ? { paper: true } : {};
    return { items: seats.map((s) => ({ ...place, seat: s.seat ?? '', ...own, ...(s.accessible ? { accessible: true } : s.companion ? { companion: true } : {}) })) };
  }
  if (seats.length === 1) return { ...place, seat: seats[0]?.seat ?? '', ...form };
  if (seats.length > 1) return { ...place, seats: seats.map((s) => s.seat ?? ''), ...form };
  return {
    ...place,
    ...(count > 1 ? { count } : {}),
    ...(count > 1 && c.together ? { adjacent: true } : {}),
    ...(c.accessible ? { accessible: c.accessible } : {}),
    ...(c.accessible && c.companions ? { companions: c.companions } : {}),
    ...form,
  };
}

/** What was asked of central under a key, until it has answered. */
let attempt: { readonly key: string; readonly request: wire.OrderRequest } | null = null;

/**
 * hold keeps places for this account, or for who asked for one. With the same key it
 * repeats what central did not answer, to the byte; after an answer take another key.
 */
export async function hold(event: wire.EventDetail, c: Choice, key: string, admission = ''): Promise<wire.Order> {
  if (attempt?.key !== key) {
    const request = wanted(c);
    attempt = { key, request: c.ask || c.paper ? request : { ...request, holder: await possession(event.relying_party) } };
  }
  const own = attempt;
  return answered(() => walletApi().order(event.id, own.request, key, admission));
}

/** accept takes the places of an offer, as hold takes others. */
export async function accept(o: wire.Offer, paper: boolean, key: string): Promise<wire.Order> {
  if (attempt?.key !== key) attempt = { key, request: paper ? { paper: true } : { holder: await possession(o.event.relying_party) } };
  const own = attempt;
  return answered(() => walletApi().acceptOffer(o.id, own.request, key));
}

async function answered(ask: () => Promise<wire.Order>): Promise<wire.Order> {
  try {
    const order = await ask();
    attempt = null;
    return order;
  } catch (thrown) {
    if (!unanswered(thrown)) attempt = null;
    throw thrown;
  }
}

async function possession(rp: wire.RelyingPartyView): Promise<wire.Holder> {
  const own = ownPasskey();
  const { challenge } = await walletApi().saleChallenge();
  const { assertion } = await passkey.assert(rp.id, unb64u(challenge), own.id);
  return { public_key: own.public_key, ...passkey.toWire(challenge, assertion) };
}
