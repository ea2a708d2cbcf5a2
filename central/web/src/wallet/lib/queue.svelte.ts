import { Problem } from '../../core/api';
import { codeOf } from '../../core/fault';
import type * as wire from '../../core/wire';
import { solve } from '../../core/work';
import { Act } from './act.svelte';
import { announce } from './announce.svelte';
import { say } from './i18n.svelte';
import { rightNow } from './time.svelte';
import { centralNow, noteFailure, sameOwner, wallet, walletApi, walletStore } from './wallet.svelte';

/** What this phone keeps of its places, by event. */
type Kept = Readonly<Record<string, { readonly token: string; readonly receipt: string }>>;
const fact = 'queue';

/** Without an answer it is asked again after this long, and then less and less often. */
const firstRetryMs = 2_000;
const lastRetryMs = 20_000;
/** What a room says of itself is asked for again this often, while there is reason to. */
const infoMs = 20_000;
/** How often the token is kept, while nothing but the position changes. */
const keepMs = 30_000;

const over = new Set<wire.QueueState>(['left', 'closed']);

/** The account that an access token is of: its first 16 bytes. */
function accountOf(token: string): string {
  const raw = atob(token.replaceAll('-', '+').replaceAll('_', '/'));
  return Array.from(raw.slice(0, 16), (c) => c.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

/**
 * Line is this person's place in the waiting room of an event. Once it is taken it is
 * asked about when central wants to be asked, whatever page is open: the place is the
 * account's, and a network that fails takes nothing away.
 */
export class Line {
  info = $state.raw<wire.QueueInfo | null>(null);
  place = $state.raw<wire.QueuePlace | null>(null);
  receipt = $state('');
  /** Whether central could not be asked just now. */
  away = $state(false);
  /** Whether a proof of work is being found. */
  working = $state(false);
  /** Whether it was asked whether the event has a waiting room. */
  known = $state(false);
  readonly act = new Act();

  private token = '';
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;
  private due = 0;
  private asking = false;
  private informed = Number.NEGATIVE_INFINITY;
  private kept = Number.NEGATIVE_INFINITY;
  /** Whether it is still of who uses this phone. */
  readonly same = sameOwner();

  constructor(readonly event: number) {}

  // Getters: what is derived would end with the page that first asked for the line.

  /** Whether there is a place that may still come to something. */
  get standing(): boolean {
    return this.place !== null && !over.has(this.place.state);
  }

  /** What lets them buy, for as long as it does. */
  get admission(): NonNullable<wire.QueuePlace['admission']> | null {
    const a = this.place?.admission;
    return a && Date.parse(a.expires) > rightNow() ? a : null;
  }

  /** Whether they must stand in line before they can buy. */
  get required(): boolean {
    return this.info !== null && this.admission === null;
  }

  /** look asks whether there is a waiting room; it throws when that is not known. */
  async look(): Promise<void> {
    try {
      this.info = await walletApi().queueInfo(this.event);
      this.informed = performance.now();
    } catch (thrown) {
      if (codeOf(thrown) !== 'unknown_queue' && codeOf(thrown) !== 'not_found') throw thrown;
      this.info = null;
    }
    this.known = true;
  }

  /** enter takes a place, or the one that the account has already. */
  enter(): Promise<boolean> {
    return this.act.run(async () => {
      const has = await this.join();
      if (this.same()) await this.heard(has, true);
    });
  }

  private async join(): Promise<wire.QueuePlace> {
    const { token: access } = await walletApi().access();
    const old = this.token ? { token: this.token } : {};
    try {
      return await walletApi().enterQueue(this.event, access, old);
    } catch (thrown) {
      if (codeOf(thrown) === 'queue_token_invalid' && this.token) {
        this.token = '';
        return walletApi().enterQueue(this.event, access, {});
      }
      if (codeOf(thrown) !== 'work_required') throw thrown;
    }
    await this.look();
    const due = this.info?.work;
    this.working = true;
    try {
      const work = due ? await solve(due.purpose, accountOf(access), due.bits, centralNow()) : '';
      return await walletApi().enterQueue(this.event, access, { ...old, ...(work ? { work } : {}) });
    } finally {
      this.working = false;
    }
  }

  /** resume goes on with a place that this phone had. */
  resume(token: string, receipt: string): void {
    this.token = token;
    this.receipt = receipt;
    void this.look().catch(() => undefined);
    void this.poll();
  }

  /** leave gives the place up. */
  leave(): Promise<boolean> {
    return this.act.run(async () => {
      await walletApi().leaveQueue(this.event, this.token);
      this.stop();
      this.place = null;
      this.token = '';
      await this.keep();
    });
  }

  /** hurry asks at once if it is time, or if central could not be asked. */
  hurry(): void {
    if (this.token && this.standing && (this.away || performance.now() >= this.due)) void this.poll();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private async poll(): Promise<void> {
    if (this.asking || !this.token) return;
    this.stop();
    if (!this.same()) return forgetLine(this);
    this.asking = true;
    try {
      const place = await walletApi().queuePlace(this.event, this.token);
      if (this.same()) await this.heard(place, false);
    } catch (thrown) {
      if (this.same()) await this.missed(thrown);
    } finally {
      this.asking = false;
    }
  }

  private async heard(p: wire.QueuePlace, entered: boolean): Promise<void> {
    const before = this.place?.state;
    this.token = p.token;
    this.place = p;
    if (p.receipt) this.receipt = p.receipt;
    this.away = false;
    this.failures = 0;
    wallet.online = true;
    if (before !== undefined && before !== p.state) announce(said[p.state](), p.state === 'admitted');
    if (!over.has(p.state)) this.later(p.retry_ms);
    if (entered || before !== p.state || performance.now() - this.kept > keepMs) await this.keep();
    const idle = p.state === 'waiting' && p.eta !== null;
    if (entered || (before !== undefined && before !== p.state) || (!idle && performance.now() - this.informed > infoMs)) void this.look().catch(() => undefined);
  }

  private async missed(thrown: unknown): Promise<void> {
    const code = codeOf(thrown);
    if (code === 'queue_token_invalid') {
      // The account's place is found by entering.
      this.token = '';
      await this.enter();
      return;
    }
    if (code === 'unknown_queue') {
      this.info = this.place = null;
      this.token = '';
      await this.keep();
      return;
    }
    noteFailure(thrown);
    this.away = true;
    const asked = thrown instanceof Problem ? thrown.retryAfter : 0;
    this.later(Math.max(asked, Math.min(lastRetryMs, firstRetryMs * 2 ** this.failures++)));
  }

  private later(ms: number): void {
    this.stop();
    this.due = performance.now() + ms;
    this.timer = setTimeout(() => void this.poll(), ms);
  }

  private async keep(): Promise<void> {
    this.kept = performance.now();
    const store = walletStore();
    if (!store || !wallet.owner) return;
    try {
      const all = { ...((await store.fact(fact)) as Kept | undefined) };
      delete all[this.event];
      if (this.token && this.standing) all[this.event] = { token: this.token, receipt: this.receipt };
      await store.keepFact(fact, all);
    } catch {
      // the account has its place all the same
    }
  }
}

/** What is read out when a place changes. */
const said: Readonly<Record<wire.QueueState, () => string>> = {
  lobby: () => say('queue.lobby'),
  waiting: () => say('queue.waiting'),
  admitted: () => say('queue.admitted'),
  skipped: () => say('queue.skipped'),
  left: () => say('queue.left'),
  closed: () => say('queue.closed'),
};

let open = $state.raw<readonly Line[]>([]);

/** lines are this person's places in waiting rooms, and the rooms that they looked at. */
export const lines = (): readonly Line[] => open;

/** lineOf is the place in the waiting room of an event. */
export function lineOf(event: number): Line {
  const found = open.find((l) => l.event === event);
  if (found?.same()) return found;
  found?.stop();
  const line = new Line(event);
  open = [...open.filter((l) => l !== found), line];
  return line;
}

function forgetLine(line: Line): void {
  line.stop();
  open = open.filter((l) => l !== line);
}

/** standInLines goes on with every place that this phone had, until the returned function is called. */
export function standInLines(): () => void {
  const hurry = () => {
    if (document.visibilityState === 'visible') for (const l of open) l.hurry();
  };
  addEventListener('online', hurry);
  document.addEventListener('visibilitychange', hurry);
  void resumeLines();
  return () => {
    removeEventListener('online', hurry);
    document.removeEventListener('visibilitychange', hurry);
    for (const l of open) l.stop();
  };
}

async function resumeLines(): Promise<void> {
  const kept = (await walletStore()?.fact(fact).catch(() => null)) as Kept | null | undefined;
  for (const [event, had] of Object.entries(kept ?? {})) {
    const line = lineOf(Number(event));
    if (!line.place) line.resume(had.token, had.receipt);
  }
}
