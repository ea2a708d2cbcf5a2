import type { Api } from './api';
import { type Bytes, unb64u } from './bytes';
import { codeOf, Fault } from './fault';

/** What a lease tells the page that shows a code. */
export interface Listener {
  /** Central has heard that the code is still shown. */
  beat(): void;
  /** The lease is gone: gates will refuse this session's codes. */
  lapsed(): void;
}

/**
 * Lease keeps a session alive at central while its code is shown. It beats until it
 * is ended, lapses, or is refused; what it cannot send it tries again at the next
 * beat, and central decides how long that may go on.
 */
export class Lease {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private over = false;

  private constructor(
    private readonly api: Pick<Api, 'beat' | 'endLease'>,
    private readonly name: string,
    private readonly everyMs: number,
    /** 8 bytes, for Session.begin. */
    readonly id: Bytes,
    private readonly listener: Listener,
  ) {}

  /**
   * begin asks central for a lease, and returns null when central is out of reach or
   * gives none: a session without a lease is for the gate to judge.
   */
  static async begin(api: Pick<Api, 'beginLease' | 'beat' | 'endLease'>, ticket: string, listener: Listener, waitMs = 3000): Promise<Lease | null> {
    try {
      const given = await api.beginLease(ticket, AbortSignal.timeout(waitMs));
      const id = unb64u(given.lease);
      if (id.length !== 8 || !(given.every_ms >= 500)) throw new Fault('malformed', 'no lease of ours');
      const lease = new Lease(api, given.lease, given.every_ms, id, listener);
      lease.next();
      return lease;
    } catch (e) {
      if (e instanceof Fault) return null;
      throw e;
    }
  }

  /** alive is false once central has said that it is gone, or it was ended. */
  get alive(): boolean {
    return !this.over;
  }

  /** end gives the lease back. Its session's codes are dead within seconds. */
  end(): void {
    if (this.over) return;
    this.stop();
    this.api.endLease(this.name).catch(() => undefined); // it lapses by itself
  }

  private stop(): void {
    this.over = true;
    clearTimeout(this.timer);
  }

  private next(): void {
    this.timer = setTimeout(() => void this.beat(), this.everyMs);
  }

  private async beat(): Promise<void> {
    try {
      await this.api.beat(this.name, AbortSignal.timeout(this.everyMs));
      if (!this.over) this.listener.beat();
    } catch (e) {
      if (this.over) return;
      if (['lease_lapsed', 'unknown_lease', 'not_found', 'sign_in_required'].includes(codeOf(e))) {
        this.stop();
        this.listener.lapsed();
        return;
      }
    }
    if (!this.over) this.next();
  }
}
