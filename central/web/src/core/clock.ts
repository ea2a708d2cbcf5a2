/** Reading is what is known of central's clock; it can be stored. */
export interface Reading {
  /** Central's time less this device's, in milliseconds. */
  readonly offset: number;
  /** At most how wrong the offset is: half a round trip, and the drift since. */
  readonly uncertainty: number;
  /** When it was taken, in Unix milliseconds of this device. */
  readonly taken: number;
}

interface Source {
  /** Unix milliseconds of the device, which its user can set. */
  readonly wall: () => number;
  /** Milliseconds that only go forward, and may stand still while the device sleeps. */
  readonly steady: () => number;
}

/** How far a cheap quartz may stray: a little over four seconds a day. */
const drift = 50e-6;

/** What the device's two clocks may differ in a moment without either having been set. */
const jumpMs = 1000;

/** A clock that is so far off is worth telling its owner. */
export const wrongMs = 10_000;

/**
 * Clock tells central's time, which the codes are made for. It is right when the
 * device's clock is wrong, as long as it could ask central once; the gates allow for
 * a few seconds. Without a reading it is the device's own.
 */
export class Clock {
  private last: { wall: number; steady: number };
  private jumped = false;

  constructor(
    private reading: Reading | null = null,
    private readonly source: Source = { wall: () => Date.now(), steady: () => performance.now() },
    /** Called with each better reading, to be stored. */
    private readonly changed: (r: Reading) => void = () => undefined,
  ) {
    this.last = { wall: source.wall(), steady: source.steady() };
    // Set back since the reading: nobody knows how far.
    if (reading && this.last.wall < reading.taken) this.jumped = true;
  }

  /** now is central's time in Unix milliseconds. */
  now(): number {
    this.watch();
    return this.source.wall() + (this.reading?.offset ?? 0);
  }

  /** known is whether central was ever asked. */
  get known(): boolean {
    return this.reading !== null;
  }

  /**
   * doubtful is whether the device's clock was set, or it slept, since the last
   * reading: central should be asked again before the time is relied on.
   */
  get doubtful(): boolean {
    this.watch();
    return this.jumped || this.reading === null;
  }

  /** ahead is how far the device is ahead of central, in milliseconds. */
  get ahead(): number {
    return -(this.reading?.offset ?? 0);
  }

  /** wrong is whether the owner should be told that the device's clock is off. */
  get wrong(): boolean {
    const r = this.reading;
    return r !== null && Math.abs(r.offset) - this.uncertainty > wrongMs;
  }

  /** uncertainty is at most how far now() is from central, in milliseconds. */
  get uncertainty(): number {
    const r = this.reading;
    return r ? r.uncertainty + Math.max(0, this.source.wall() - r.taken) * drift : Number.POSITIVE_INFINITY;
  }

  /**
   * asked is called when central is asked, and returns what takes central's time out
   * of the answer. An answer during which the device slept or was set says nothing.
   */
  asked(): (central: number) => void {
    const [sent, from] = [this.source.wall(), this.source.steady()];
    return (central) => {
      const [received, until] = [this.source.wall(), this.source.steady()];
      if (Math.abs(received - sent - (until - from)) < jumpMs) this.observe(central, sent, received);
    };
  }

  /**
   * observe takes central's time from an answer, and the device's before the request
   * and after the answer. A slower answer does not replace a better reading that it
   * agrees with.
   *
   * How the round trip divides into its two ways is not known, and in a crowd one of
   * them takes seconds. A device that may be right is taken to be right then: phones
   * set their clocks by the network.
   */
  observe(central: number, sent: number, received: number): void {
    this.watch();
    if (!Number.isFinite(central) || received < sent) return;
    const half = (received - sent) / 2 + 1;
    const middle = central - (sent + received) / 2;
    const offset = Math.abs(middle) <= half ? 0 : Math.round(middle);
    const fresh: Reading = { offset, uncertainty: half + Math.abs(middle - offset), taken: received };
    const held = this.reading;
    const agrees = held !== null && Math.abs(held.offset - fresh.offset) <= this.uncertainty + fresh.uncertainty;
    if (held && agrees && !this.jumped && this.uncertainty < fresh.uncertainty) return;
    this.reading = fresh;
    this.jumped = false;
    this.changed(fresh);
  }

  /**
   * watch compares the two clocks of the device. One that was set back is corrected
   * at once; of one that went forward by itself nobody can tell whether it was set
   * or the device slept.
   */
  private watch(): void {
    const [wall, steady] = [this.source.wall(), this.source.steady()];
    const jump = wall - this.last.wall - (steady - this.last.steady);
    this.last = { wall, steady };
    if (Math.abs(jump) < jumpMs) return;
    this.jumped = true;
    if (jump < 0 && this.reading) this.reading = { ...this.reading, offset: this.reading.offset - jump };
  }
}
