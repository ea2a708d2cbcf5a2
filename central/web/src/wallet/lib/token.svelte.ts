import type * as wire from '../../core/wire';
import { announce } from './announce.svelte';
import { download } from './files';
import { say } from './i18n.svelte';
import { nextLook, sayingOf, underWay } from './token';
import { troubleOf, type Trouble } from './trouble';
import { centralNow, noteFailure, sameOwner, walletApi } from './wallet.svelte';

/** Whether central makes tokens; null until it was asked. It is not asked again before the page is loaded anew. */
let made = $state<boolean | null>(null);

/** minting is whether central makes tokens, as far as this page knows. */
export const minting = (): boolean | null => made;

/** ifMinting asks central something about tokens, and notes whether there are any. */
export async function ifMinting<T>(ask: () => Promise<T>): Promise<T> {
  try {
    const answer = await ask();
    made = true;
    return answer;
  } catch (thrown) {
    if (troubleOf(thrown).code === 'mint_off') made = false;
    throw thrown;
  }
}

/** What a page needs to know of a ticket whose token it shows. */
interface Of {
  readonly id: string;
  readonly state: string;
}

/** TokenWatch is one ticket's token, for the page that shows it. */
export class TokenWatch {
  token = $state.raw<wire.TicketToken | null>(null);
  trouble = $state.raw<Trouble | null>(null);
  private looks = 0;
  private shown = 0;
  private asking = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private following = false;

  constructor(private readonly of: () => Of) {}

  /** look asks for it once; it never throws. */
  async look(): Promise<void> {
    if (this.asking || made === false) return;
    this.asking = true;
    const [{ id }, same, shown] = [this.of(), sameOwner(), this.shown];
    try {
      const token = await ifMinting(() => walletApi().token(id));
      if (same() && shown === this.shown) this.show(token); // else a newer answer is known
    } catch (thrown) {
      if (!same()) return;
      noteFailure(thrown);
      this.looks++;
      this.trouble = troubleOf(thrown);
    } finally {
      this.asking = false;
      this.plan();
    }
  }

  /** show takes what central says of it now. */
  show(token: wire.TicketToken): void {
    this.trouble = null;
    this.shown++;
    const before = this.token;
    this.token = token;
    this.looks = before?.state === token.state ? this.looks + 1 : 1;
    if (before && before.state !== token.state) announce(say(sayingOf(token, this.of().state === 'refunded', centralNow()).title));
    this.plan();
  }

  /** follow looks at once, and on and on while something is under way, until the returned function is called. */
  follow(): () => void {
    this.following = true;
    void this.look();
    const seen = () => {
      if (document.visibilityState === 'visible' && (!this.token || underWay(this.token))) void this.look();
    };
    document.addEventListener('visibilitychange', seen);
    return () => {
      this.following = false;
      clearTimeout(this.timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }

  private plan(): void {
    clearTimeout(this.timer);
    const { token } = this;
    if (!this.following || !token) return;
    const wait = nextLook(token, this.looks, this.of().state === 'used', centralNow());
    if (wait !== null) this.timer = setTimeout(() => document.visibilityState === 'visible' && void this.look(), wait);
  }
}

/** saveProof hands the person the file that proves their ticket to be on chain. */
export async function saveProof(ticket: string): Promise<void> {
  const proof = await walletApi().tokenProof(ticket);
  download(`conting-proof-${ticket.slice(0, 8)}.json`, `${JSON.stringify(proof, null, 2)}\n`, 'application/json');
}
