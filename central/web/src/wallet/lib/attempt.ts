import { newKey, Problem } from '../../core/api';

/**
 * Attempt is one thing that a person wants done once. After an answer was lost it is
 * tried again with the same Idempotency-Key, and so is not done twice; after a refusal,
 * which would only be repeated, with another.
 */
export class Attempt {
  private what: string | null = null;
  private key = '';

  /** run does the work; what says what is wanted, such as an address: something else has a key of its own. */
  async run<T>(what: string, work: (key: string) => Promise<T>): Promise<T> {
    if (this.what !== what) [this.what, this.key] = [what, newKey()];
    try {
      return await work(this.key);
    } catch (thrown) {
      if (thrown instanceof Problem && thrown.status < 500 && thrown.code !== 'request_in_progress') this.what = null;
      throw thrown;
    }
  }
}
