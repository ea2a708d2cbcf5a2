import { newKey } from '../../core/api';
import { codeOf, Fault } from '../../core/fault';
import type * as wire from '../../core/wire';
import { Act } from './act.svelte';
import { unanswered } from './booking';
import { rightNow } from './time.svelte';
import { noteFailure, refresh, wallet, walletApi, walletStore } from './wallet.svelte';

/** An order that is being paid, as this phone keeps it: whoever has its secret owns it. */
interface Kept {
  readonly id: string;
  readonly secret: string;
  readonly payment?: string;
}

const factOf = (event: number): string => `order/${event}`;

/** elsewhere is whether the buyer allows a payment on another page. */
const elsewhere = (p: wire.Payment): boolean => p.action.kind === 'redirect' || p.action.kind === 'script';

/**
 * formOf is the page that shows a provider's own form: not the wallet's, which loads
 * nothing from elsewhere. What is behind the # stays in the browser.
 */
const formOf = (p: wire.Payment, o: wire.Order, secret: string): string => `/pay/${p.provider}#${o.event}/${o.id}/${secret}`;

/** How often an order is looked at while its payment is under way. */
const lookMs = 2000;

/**
 * Purchase is one order from the moment that its places are held until it is paid. It
 * outlives the page: a phone that was reloaded, or comes back from a provider's page,
 * goes on where it was.
 */
export class Purchase {
  order = $state.raw<wire.Order | null>(null);
  paid = $state.raw<wire.Order | null>(null);
  payment = $state.raw<wire.Payment | null>(null);
  providers = $state.raw<readonly string[]>([]);
  provider = $state<string>();
  /** What the provider's form returned. The sandbox has its outcome chosen by it. */
  token = $state('ok');
  /** Whether it is not known yet what became of the payment. */
  pending = $state(false);
  readonly act = new Act();
  private secret = '';
  private key = newKey();
  private gone = false;
  /** The payment that the buyer has been sent away to allow. */
  private allowed = '';

  constructor(private readonly event: number) {}

  /** The milliseconds that are left of the hold. */
  readonly left = $derived.by(() => (this.order ? Math.max(0, Date.parse(this.order.expires) - rightNow()) : 0));
  readonly lapsed = $derived(this.order !== null && this.paid === null && !this.pending && this.left === 0);
  /** The outcomes that the sandbox lets one choose. */
  readonly outcomes = $derived(this.payment?.provider === 'sandbox' ? (this.payment.action.fields?.['tokens'] ?? '').split(' ').filter(Boolean) : []);

  /** Another choice is another order. */
  change(): void {
    this.key = newKey();
  }

  /** take holds places; ask gets the key under which it may be repeated. */
  take(ask: (key: string) => Promise<wire.Order>): Promise<boolean> {
    return this.act.run(async () => {
      try {
        this.order = await ask(this.key);
      } catch (thrown) {
        if (!unanswered(thrown)) this.change(); // the next try is another one
        throw thrown;
      }
      this.secret = this.order.secret ?? '';
      await this.keep({ id: this.order.id, secret: this.secret });
      await this.prepare().catch(() => undefined); // it is tried again when it is paid
    });
  }

  /** resume goes on with an order that this phone holds, and says whether there is one. */
  async resume(): Promise<boolean> {
    const kept = (await walletStore()?.fact(factOf(this.event)).catch(() => null)) as Kept | null | undefined;
    if (!kept || this.order) return this.order !== null;
    try {
      this.secret = kept.secret;
      const o = await walletApi().orderState(kept.id, kept.secret);
      if (o.state === 'held' || o.state === 'paying') {
        this.order = o;
        if (o.state === 'paying') void this.watch();
        else {
          this.allowed = kept.payment ?? '';
          await this.prepare().catch(() => undefined);
          // They come back from the provider's page.
          if (this.payment && this.payment.id === this.allowed) void this.pay();
        }
        return true;
      }
      await this.keep(null);
    } catch (thrown) {
      noteFailure(thrown);
      if (codeOf(thrown) === 'unknown_order') await this.keep(null);
    }
    return false;
  }

  /** prepare asks how the order is paid; nothing is taken yet. */
  async prepare(): Promise<void> {
    const o = this.order;
    if (!o || this.payment) return;
    if (this.providers.length === 0) this.providers = await walletApi().providers();
    this.provider ??= this.providers[0];
    if (!this.provider) throw new Fault('unknown_provider', 'nothing can be paid here');
    this.payment = await walletApi().startPayment(o.id, this.secret, this.provider);
  }

  /** choose pays with another provider. */
  choose(provider: string): void {
    this.provider = provider;
    this.payment = null;
    void this.act.run(() => this.prepare());
  }

  /** pay takes the money, or leads to where the buyer allows it. */
  pay(): Promise<boolean> {
    return this.act.run(async () => {
      await this.prepare();
      const [o, p] = [this.order, this.payment];
      if (!o || !p) return;
      if (elsewhere(p) && this.allowed !== p.id) {
        await this.keep({ id: o.id, secret: this.secret, payment: p.id });
        // Whoever opened another page meanwhile is not taken away from there.
        if (this.gone) return this.keep({ id: o.id, secret: this.secret });
        location.assign(p.action.kind === 'redirect' ? (p.action.url ?? '') : formOf(p, o, this.secret));
        return;
      }
      try {
        this.pending = true;
        await this.settle(await walletApi().confirmPayment(o.id, this.secret, p.id, p.action.kind === 'token' ? this.token : ''));
      } catch (thrown) {
        if (!unanswered(thrown)) {
          this.payment = null; // the next try is another payment, or is allowed first
          this.allowed = '';
          if (['payment_declined', 'payment_not_authorised'].includes(codeOf(thrown))) await this.prepare().catch(() => undefined);
        }
        throw thrown;
      } finally {
        this.pending = false;
      }
    });
  }

  /** watch waits for the outcome of a payment that was begun before. */
  private async watch(): Promise<void> {
    await this.act.run(async () => {
      this.pending = true;
      try {
        if (this.order) await this.settle(this.order);
      } finally {
        this.pending = false;
      }
    });
  }

  /** settle looks until the provider has said what became of the payment. */
  private async settle(first: wire.Order): Promise<void> {
    let o = first;
    while (o.state === 'paying' && !this.gone) {
      await new Promise((resolve) => setTimeout(resolve, lookMs));
      o = await walletApi().orderState(o.id, this.secret).catch((thrown: unknown) => {
        if (!unanswered(thrown)) throw thrown;
        return o;
      });
    }
    if (o.state === 'paying') return;
    this.order = o;
    if (o.state === 'paid') {
      this.paid = o;
      await this.keep(null);
      await refresh();
      return;
    }
    this.payment = null;
    if (o.state === 'held') throw new Fault('payment_declined', 'the payment came to nothing');
    await this.keep(null);
    throw new Fault(o.state === 'lapsed' ? 'paid_too_late' : o.state === 'refunded' ? 'order_refunded' : 'hold_expired', `the order is ${o.state}`);
  }

  /** forget gives the order up: its places become free when the hold ends. */
  forget(): void {
    this.order = this.paid = this.payment = null;
    this.change();
    this.act.forget();
    void this.keep(null);
  }

  /** leave stops looking; the order stays. */
  leave(): void {
    this.gone = true;
  }

  private async keep(kept: Kept | null): Promise<void> {
    if (wallet.owner) await walletStore()?.keepFact(factOf(this.event), kept).catch(() => undefined);
  }
}
