import { verifyReceipt } from '../../core/receipt';
import type { KeptReceipt } from './held';
import type { Held } from './model';

/** proves is whether a receipt says, signed with its certificate's key, what the page says of the ticket's entry. */
export async function proves(r: KeptReceipt, t: Pick<Held, 'id'> & { readonly event: { readonly id: number } }): Promise<boolean> {
  try {
    const e = await verifyReceipt(r);
    return e.ticket === t.id && e.event === t.event.id && e.gate === r.gate && e.lane === r.lane && e.at === r.at;
  } catch {
    return false;
  }
}
