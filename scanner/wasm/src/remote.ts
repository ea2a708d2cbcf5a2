import { Fault } from './fault';
import type { Order, Reply } from './message';
import type { Code, Module, Picture, Settings } from './picture';

/** Reading is what a picture gave. */
export interface Reading {
  readonly codes: readonly Code[];
  /** How long the worker looked, in milliseconds. */
  readonly tookMS: number;
}

/**
 * RemoteReader is a Reader in a worker. It takes one picture at a time: who has a
 * newer one while it is busy drops it and comes with a still newer one, so that what
 * is read is never old.
 */
export class RemoteReader {
  #waiting: { readonly done: (r: Reply) => void; readonly failed: (f: Fault) => void } | null = null;
  #closed = false;

  private constructor(private readonly worker: Worker) {
    worker.addEventListener('message', (e: MessageEvent<Reply>) => this.#settle((w) => w.done(e.data)));
    worker.addEventListener('error', (e) => this.#settle((w) => w.failed(new Fault('unavailable', `the worker failed: ${e.message}`))));
    worker.addEventListener('messageerror', () => this.#settle((w) => w.failed(new Fault('reader_failed', 'an answer was lost'))));
  }

  /**
   * open starts a reader in the worker, which runs worker.ts and is the reader's from
   * now on. Throws bad_settings or unavailable, and ends the worker.
   */
  static async open(worker: Worker, from: Module, settings: Settings = {}): Promise<RemoteReader> {
    const reader = new RemoteReader(worker);
    try {
      await reader.#order({ open: { from, settings } }, []);
    } catch (e) {
      reader.close();
      throw e;
    }
    return reader;
  }

  /** Whether a picture is being read. */
  get busy(): boolean {
    return this.#waiting !== null;
  }

  /**
   * read returns the codes in a picture. Its pixels go to the worker and are gone
   * here, unless they are part of a larger memory. Throws busy, bad_frame, reader_failed, reader_closed or unavailable.
   */
  async read(picture: Picture): Promise<Reading> {
    const { width, height } = picture;
    // A part of a larger memory is copied first: the whole would go with it.
    const own = picture.data.byteLength === picture.data.buffer.byteLength && picture.data.buffer instanceof ArrayBuffer;
    const data = own ? picture.data : picture.data.slice();
    const reply = await this.#order({ read: { data, width, height } }, [data.buffer as ArrayBuffer]);
    if (!('codes' in reply)) throw new Fault('reader_failed', 'the worker answered something else');
    return reply;
  }

  /** close ends the worker, and what it is reading with it. */
  close(): void {
    this.#closed = true;
    this.worker.terminate();
    this.#settle((w) => w.failed(new Fault('reader_closed', 'the reader was closed')));
  }

  async #order(order: Order, give: Transferable[]): Promise<Reply> {
    if (this.#closed) throw new Fault('reader_closed', 'the reader is closed');
    if (this.#waiting) throw new Fault('busy', 'the picture before is still being read');
    const reply = await new Promise<Reply>((done, failed) => {
      this.#waiting = { done, failed };
      try {
        this.worker.postMessage(order, give);
      } catch (cause) {
        this.#waiting = null;
        failed(new Fault('bad_frame', 'the picture cannot be sent', { cause }));
      }
    });
    if ('error' in reply) throw new Fault(reply.error, reply.message);
    return reply;
  }

  #settle(how: (w: { done: (r: Reply) => void; failed: (f: Fault) => void }) => void): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting) how(waiting);
  }
}
