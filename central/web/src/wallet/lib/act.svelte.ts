import { announce } from './announce.svelte';
import { troubleOf, type Trouble } from './trouble';

/** Act is one thing that a page does on a person's word: at most once at a time. */
export class Act {
  busy = $state(false);
  trouble = $state.raw<Trouble | null>(null);

  async run(work: () => Promise<void>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.trouble = null;
    try {
      await work();
      return true;
    } catch (thrown) {
      this.trouble = troubleOf(thrown);
      announce(this.trouble.title, true);
      return false;
    } finally {
      this.busy = false;
    }
  }

  forget(): void {
    this.trouble = null;
  }
}
