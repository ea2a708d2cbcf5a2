import { type Assertion, proofOf, type Proof, type RelyingParty } from './assertion';
import { type Bytes, concat, copy, random, sha256, u64, u8, utf8 } from './bytes';
import { Fault } from './fault';
import { seal } from './pass';
import { ticketField } from './ticket';

/** A slot is as long as one code is shown. A session has at most two minutes of them. */
export const slotMs = 4000;
export const maxSlots = 30;

const elementSize = 16;
const leaseSize = 8;

const labelChain = utf8('conting/chain/v1\0');
const labelRotating = utf8('conting/rotating/v1\0');

/** ascend is one step of the chain: from an element to that of the slot before. */
async function ascend(id: Uint8Array, x: Uint8Array): Promise<Bytes> {
  return (await sha256(labelChain, id, x)).slice(0, elementSize);
}

export interface SessionOptions {
  /** The ticket's id, 16 bytes. */
  readonly ticket: Uint8Array;
  /** When it begins, in Unix milliseconds of central's clock; rounded down to the second. */
  readonly start: number;
  /** 1 to 30; 30 if left out. */
  readonly slots?: number;
  /** The lease that central gave, 8 bytes, or none. */
  readonly lease?: Uint8Array | null;
  /** For tests only: the secret of the chain. */
  readonly seed?: Uint8Array;
}

/** Code is what the phone shows at a moment. */
export interface Code {
  readonly text: string;
  readonly slot: number;
  /** When the next code is due, in Unix milliseconds of central's clock. */
  readonly until: number;
}

/**
 * Session is one act of the holder and the codes that it is good for. It holds the
 * secret of its chain in memory and is never stored: after a restart the holder
 * proves themselves again.
 */
export class Session {
  private proof: Proof | null = null;

  private constructor(
    private readonly id: Bytes,
    private readonly start: number, // Unix seconds
    private readonly slots: number,
    private readonly lease: Bytes | null,
    private readonly elements: readonly Bytes[], // of every slot; the first is the anchor
    /** What the holder's authenticator must sign. */
    readonly challenge: Bytes,
  ) {}

  static async begin(o: SessionOptions): Promise<Session> {
    const slots = o.slots ?? maxSlots;
    const start = Math.floor(o.start / 1000);
    if (!Number.isInteger(slots) || slots < 1 || slots > maxSlots) throw new Fault('malformed', `session of ${slots} slots`);
    if (!Number.isSafeInteger(start) || start < 0 || start > 2 ** 40) throw new Fault('malformed', `session starts at ${start}`);
    if (o.lease && o.lease.length !== leaseSize) throw new Fault('malformed', `lease of ${o.lease.length} bytes`);
    if (o.seed && o.seed.length !== elementSize) throw new Fault('malformed', `seed of ${o.seed.length} bytes`);
    const id = ticketField(o.ticket);
    const elements = [o.seed ? copy(o.seed) : random(elementSize)];
    while (elements.length < slots) elements.unshift(await ascend(id, elements[0]!));
    const lease = o.lease ? copy(o.lease) : null;
    const terms = [labelRotating, id, elements[0]!, u64(start), u8(slots), lease ? concat(u8(1), lease) : u8(0)];
    return new Session(id, start, slots, lease, elements, await sha256(...terms));
  }

  /** begins and ends are in Unix milliseconds of central's clock. */
  get begins(): number {
    return this.start * 1000;
  }

  get ends(): number {
    return this.begins + this.slots * slotMs;
  }

  /** seal takes the authenticator's answer to the challenge. */
  async seal(rp: RelyingParty, a: Assertion): Promise<void> {
    this.proof = await proofOf(rp, this.challenge, a);
  }

  get sealed(): boolean {
    return this.proof !== null;
  }

  /**
   * code is what to show at a time of central's clock. With the signed ticket
   * carried it is a full form, for a gate that may not have the ticket yet.
   */
  code(now: number, carried?: Uint8Array | null): Code {
    const p = this.proof;
    if (!p) throw new Fault('user_not_verified', 'session is not sealed');
    const slot = Math.floor((now - this.begins) / slotMs);
    if (slot < 0) throw new Fault('too_early', 'session has not begun');
    if (slot >= this.slots) throw new Fault('session_over', 'session is over');
    const text = seal('rotating', [
      ticketField(this.id, carried),
      this.elements[0]!,
      this.start,
      this.slots,
      slot,
      this.elements[slot]!,
      this.lease ?? new Uint8Array(),
      p.flags,
      p.counter,
      p.shape,
      p.tail,
      p.signature,
    ]);
    return { text, slot, until: this.begins + (slot + 1) * slotMs };
  }
}

/** How long after its sale or its last binding a ticket may be unknown to a gate. */
export const freshMs = 24 * 60 * 60 * 1000;

/** How long the full and the short form of a fresh ticket's code are shown in turn. */
export const alternateMs = 1000;

/**
 * carriesTicket says whether the code of this moment carries the ticket: every
 * other second while the ticket is fresh, so that a gate that knows the ticket
 * reads the small code and one that does not reads the large one.
 */
export function carriesTicket(fresh: boolean, now: number): boolean {
  return fresh && Math.floor(now / alternateMs) % 2 === 1;
}
