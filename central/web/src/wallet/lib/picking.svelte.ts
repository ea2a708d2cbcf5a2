import type * as wire from '../../core/wire';
import { most, type Choice } from './booking';

/** The most that one may wait for at once. */
const mostWaited = 4;
/** So many may come along on kept seats with each who needs one. */
const companionsEach = 2;

/** Picking is what somebody is about to ask for: zone, class, how many, and which seats. */
export class Picking {
  zone = $state<number>();
  klass = $state<number>();
  form = $state<'passkey' | 'paper'>('passkey');
  /** The labels of seats, in the order in which they were picked. */
  picked = $state.raw<readonly string[]>([]);
  seats = $state.raw<readonly wire.Seat[]>([]);
  together = $state(false);
  /** Whether somebody needs step-free entry; then so many seats, with so many who come along. */
  needs = $state(false);
  /** Zones that turned out to be full, or that others wait for. */
  full = $state.raw<readonly number[]>([]);
  private many = $state(1);
  private wheels = $state(1);
  private along = $state(0);

  constructor(
    readonly event: wire.EventDetail,
    readonly ask?: wire.Ask,
  ) {
    if (ask) {
      this.zone = ask.zone.id;
      this.klass = ask.class.id;
    } else if (event.zones.length === 1) this.take(event.zones[0]?.id);
  }

  readonly zoneView = $derived.by(() => this.event.zones.find((z) => z.id === this.zone));
  readonly classes = $derived.by(() => this.event.classes.filter((c) => !c.staff && this.event.prices.some((p) => p.zone === this.zone && p.class === c.id)));
  readonly classView = $derived.by(() => this.event.classes.find((c) => c.id === this.klass));
  readonly price = $derived.by(() => this.event.prices.find((p) => p.zone === this.zone && p.class === this.klass));
  /** Whether one can only wait for the zone. */
  readonly isFull = $derived.by(() => this.zoneView !== undefined && !this.ask && this.fullZone(this.zoneView));
  readonly most = $derived.by(() => (this.isFull ? Math.min(mostWaited, most(this.event)) : this.ask ? 1 : Math.max(1, Math.min(most(this.event), this.zoneView?.free ?? 1))));
  readonly count = $derived.by(() => Math.min(this.many, this.most));
  readonly paper = $derived.by(() => this.form === 'paper' && this.classView?.paper === true);
  readonly seated = $derived.by(() => this.seats.some((s) => s.seat));
  readonly keepsSeats = $derived.by(() => this.seats.some((s) => s.accessible));
  readonly wheelchairs = $derived.by(() => (this.needs ? Math.min(Math.max(1, this.wheels), this.count) : 0));
  readonly mostCompanions = $derived.by(() => Math.min(this.wheelchairs * companionsEach, this.count - this.wheelchairs));
  readonly companions = $derived.by(() => Math.min(this.along, this.mostCompanions));
  readonly chosen = $derived.by(() => this.picked.slice(-this.count).flatMap((label) => this.seats.find((s) => s.seat === label) ?? []));
  /** How many seats are still to be picked; none of them is fine too. */
  readonly open = $derived.by(() => (this.chosen.length === 0 ? 0 : this.count - this.chosen.length));
  readonly total = $derived.by(() => (this.price?.amount ?? 0) * this.count);

  /** What is asked for, once it is whole. */
  readonly choice = $derived.by((): Choice | null => {
    if (!this.price || this.zone === undefined || this.klass === undefined || this.isFull || this.open > 0) return null;
    const place = { zone: this.zone, class: this.klass };
    if (this.ask) return { ...place, ask: this.ask.id, ...(this.ask.seat ? { seats: [{ number: 0, seat: this.ask.seat, state: 'free' }] } : { seats: this.chosen }) };
    return { ...place, count: this.count, seats: this.chosen, together: this.together, accessible: this.wheelchairs, companions: this.companions, paper: this.paper };
  });

  fullZone(z: wire.EventDetail['zones'][number]): boolean {
    return z.free === 0 || this.full.includes(z.id);
  }

  /** take chooses a zone, and its class where there is only one. */
  take(zone: number | undefined): void {
    this.zone = zone;
    this.picked = [];
    this.seats = [];
    this.needs = false;
    if (!this.classes.some((c) => c.id === this.klass)) this.klass = this.classes.length === 1 ? this.classes[0]?.id : undefined;
  }

  /** fill notes that a zone has nothing left. */
  fill(zone: number): void {
    this.full = [...this.full, zone];
    this.picked = [];
  }

  /** set takes a number within its bounds. */
  set(what: 'count' | 'wheelchairs' | 'companions', n: number): void {
    if (what === 'count') this.many = Math.min(Math.max(1, n), this.most);
    else if (what === 'wheelchairs') this.wheels = Math.min(Math.max(1, n), this.count);
    else this.along = Math.min(Math.max(0, n), this.mostCompanions);
  }

  /** pick takes a seat, or gives it up; the one that was picked first goes where there are too many. */
  pick(label: string): void {
    this.picked = this.picked.includes(label) ? this.picked.filter((l) => l !== label) : [...this.picked, label].slice(-this.count);
  }

  /** Whether a seat can be picked: kept ones by who needs them, and by who comes along. */
  free(s: wire.Seat): boolean {
    return s.state === 'free' && (this.needs || !(s.accessible || s.companion));
  }

  /** show puts the seats of the zone as they are now. */
  show(seats: readonly wire.Seat[]): void {
    this.seats = seats;
    this.picked = this.picked.filter((l) => seats.some((s) => s.seat === l && s.state === 'free'));
  }
}
