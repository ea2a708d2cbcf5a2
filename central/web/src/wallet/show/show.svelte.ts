import { unhex } from '../../core/bytes';
import { codeOf } from '../../core/fault';
import { Lease } from '../../core/lease';
import { carriesTicket, freshMs, Session, slotMs } from '../../core/session';
import type { Held } from '../lib/model';
import { assertFor } from '../lib/signing';
import { centralNow, refreshTickets, ticketOf, wallet, walletApi } from '../lib/wallet.svelte';
import { idle, left, next, type Happening, type Screen } from './machine';

/**
 * How long opening a code may wait for a lease. The holder's act signs the lease's
 * name, so it cannot be asked for meanwhile or after; but browsers let a page ask for
 * a finger only shortly after a touch, and who stands at a gate waits.
 */
export const leaseMs = 1500;
/** The same when central was out of reach a moment ago. */
export const leaseOfflineMs = 300;
const frameMs = 100;
/** How often central is asked whether a gate has let the holder in: one request, besides a lease's beats. */
export const askMs = 10_000;
/** An admission may be a little older than the session that it ended, by the gate's clock. */
const slackMs = 10_000;

/**
 * Show runs the machine of one ticket's screen: it asks the holder, keeps the lease
 * alive, and makes the code of each moment. Dispose of it when the page closes.
 */
export class Show {
  screen = $state.raw<Screen>(idle);
  /** Central's time, as often as the screen is drawn. */
  now = $state(centralNow());
  text = $state('');
  /** How much of the present code's four seconds is left. */
  share = $state(1);
  /** Whether the code carries the ticket every other second. */
  readonly fresh: boolean;

  private session: Session | null = null;
  private lease: Lease | null = null;
  /** When central last heard of the lease; it beats from its beginning. */
  private heard = 0;
  private giveUp = new AbortController();
  private began = Infinity;
  private frame: ReturnType<typeof setInterval> | undefined;
  private readonly asking: ReturnType<typeof setInterval>;
  private disposed = false;

  constructor(private readonly ticket: Held) {
    this.fresh = centralNow() - ticket.bound < freshMs;
    document.addEventListener('visibilitychange', this.seen);
    this.asking = setInterval(() => void this.lookForAdmission(), askMs);
  }

  private happen(e: Happening): void {
    const before = this.screen.at;
    this.screen = next(this.screen, e);
    if (before === 'live' && this.screen.at !== 'live') this.end();
  }

  /** open asks the holder for one act, and shows the code for as long as it is good for. */
  async open(): Promise<void> {
    if (this.screen.at === 'proving' || this.screen.at === 'live') return;
    this.happen({ type: 'open' });
    this.giveUp = new AbortController();
    try {
      if (this.ticket.event.leases !== 'off') {
        const lease = await Lease.begin(walletApi(), this.ticket.id, this.listener, wallet.online ? leaseMs : leaseOfflineMs);
        this.lease = lease;
        this.heard = centralNow();
        if (this.disposed) return this.end(); // nobody would end it later
      }
      const session = await Session.begin({ ticket: unhex(this.ticket.id), start: centralNow(), lease: this.lease?.id ?? null });
      await session.seal(this.ticket.event.rp, await assertFor(this.ticket, session.challenge, this.giveUp.signal));
      if (this.disposed) return this.end();
      this.session = session;
      this.began = session.begins;
      this.happen({ type: 'proved', from: session.begins, until: session.ends, beaten: this.lease && this.heard });
      // It may have ended while the finger was looked for.
      if (this.lease && !this.lease.alive) return this.happen({ type: 'lapsed' });
      this.frame = setInterval(() => this.draw(), frameMs);
      this.draw();
    } catch (thrown) {
      this.end();
      if (this.disposed) return;
      if (codeOf(thrown) === 'internal') console.error(thrown);
      this.happen({ type: 'failed', code: codeOf(thrown) });
    }
  }

  private draw(): void {
    this.now = centralNow();
    this.happen({ type: 'tick', now: this.now });
    if (this.screen.at !== 'live' || !this.session) return;
    try {
      const code = this.session.code(this.now, carriesTicket(this.fresh, this.now) ? this.ticket.signed : null);
      this.text = code.text;
      this.share = Math.max(0, (code.until - this.now) / slotMs);
    } catch (thrown) {
      // The clock was set back to before the session: only a new one can help.
      if (codeOf(thrown) === 'internal') console.error(thrown);
      this.happen({ type: 'tick', now: Infinity });
    }
  }

  private readonly listener = {
    beat: () => {
      this.heard = centralNow();
      this.happen({ type: 'beat', now: this.heard });
    },
    lapsed: () => this.happen({ type: 'lapsed' }),
  };

  private async lookForAdmission(): Promise<void> {
    if (!['live', 'closed'].includes(this.screen.at) || document.visibilityState === 'hidden') return;
    await refreshTickets();
    if (this.disposed) return;
    const at = ticketOf(this.ticket.id)?.admitted?.at;
    if (at !== undefined && at >= this.began - slackMs) this.happen({ type: 'admitted' });
  }

  private readonly seen = () => {
    this.now = centralNow();
    this.happen({ type: document.visibilityState === 'hidden' ? 'hid' : 'seen', now: this.now });
  };

  get left(): { readonly seconds: number; readonly share: number } {
    return this.screen.at === 'live' ? left(this.screen, this.now) : { seconds: 0, share: 0 };
  }

  private end(): void {
    clearInterval(this.frame);
    this.session = null;
    this.text = '';
    this.lease?.end();
    this.lease = null;
  }

  dispose(): void {
    this.disposed = true;
    this.giveUp.abort(); // closes the browser's dialogue
    clearInterval(this.asking);
    document.removeEventListener('visibilitychange', this.seen);
    this.end();
  }
}
