// What somebody ordered, as it is said.
import type { EventDetail, OrderState, PastOrder } from '../../core/wire';
import { say } from './i18n.svelte';

export type Standing = { readonly kind: 'plain' | 'good' | 'warn' | 'bad'; readonly text: string };

/** standingOf says in a word or two what became of an order. */
export function standingOf(o: PastOrder): Standing {
  const say1: Readonly<Record<OrderState, () => Standing>> = {
    held: () => ({ kind: 'warn', text: say('orders.held') }),
    expired: () => ({ kind: 'plain', text: say('orders.expired') }),
    paying: () => ({ kind: 'warn', text: say('orders.paying') }),
    paid: () => ({ kind: 'good', text: say('orders.paid') }),
    lapsed: () => ({ kind: o.money_returned ? 'plain' : 'warn', text: o.money_returned ? say('orders.returned') : say('orders.returning') }),
    refunded: () => ({ kind: o.money_returned ? 'plain' : 'warn', text: o.money_returned ? say('orders.returned') : say('orders.returning') }),
  };
  return (say1[o.state] ?? say1.expired)();
}

/** refundable is whether whoever ordered may give it back now, as far as this phone knows. */
export function refundable(o: PastOrder, event: EventDetail | null, now: number): boolean {
  return o.state === 'paid' && !event?.cancelled && event?.sale.refund_until !== undefined && now < Date.parse(event.sale.refund_until);
}

/** seatsOf lists the seats of an order. */
export const seatsOf = (o: PastOrder): string => o.items.flatMap((i) => i.seat ?? []).join(', ');
