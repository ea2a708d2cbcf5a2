import { checked, engine, type Found, type Go, type Interface } from './engine';
import { Fault } from './fault';
import type { Code, Module, Picture, Settings } from './picture';

/** What a picture may cost if nobody says: at this rate a hand is still followed. */
const defaultBudgetMS = 80;

/**
 * Reader reads the codes in the pictures of one stream. It runs on the thread that
 * it is made on, for as long as the budget says: in a page, make it in a worker
 * (remote.ts). What breaks the module costs the picture; the next gets a new one.
 */
export class Reader {
  #running: { readonly on: Interface; readonly handle: number } | null = null;
  #closed = false;

  private constructor(
    private readonly glue: new () => Go,
    private readonly module: WebAssembly.Module,
    private readonly settings: Settings,
  ) {}

  /** open loads and starts the module. Throws bad_settings or unavailable. */
  static async open(from: Module, settings: Settings = {}): Promise<Reader> {
    const [glue, module] = await Promise.all([glueOf(from.glue), compiled(from.wasm)]);
    return Reader.of(glue, module, settings);
  }

  /** of starts a module that was compiled already. */
  static async of(glue: new () => Go, module: WebAssembly.Module, settings: Settings = {}): Promise<Reader> {
    const reader = new Reader(glue, module, settings);
    await reader.#start();
    return reader;
  }

  /**
   * read returns the codes in a picture, in no order. Throws bad_frame for what is
   * no picture, reader_failed if this one broke the module, reader_closed.
   */
  async read(picture: Picture): Promise<Code[]> {
    if (this.#closed) throw new Fault('reader_closed', 'the reader is closed');
    const { on, handle } = this.#running ?? (await this.#start());
    let answer;
    try {
      answer = on.read(handle, picture.data, picture.width, picture.height);
    } catch (cause) {
      this.#running = null; // it stopped in the middle of something
      throw new Fault('reader_failed', 'the module stopped', { cause });
    }
    return checked(answer).codes.map(codeOf);
  }

  /** close gives the reader's memory back to the module. */
  close(): void {
    this.#closed = true;
    this.#running?.on.close(this.#running.handle);
    this.#running = null;
  }

  async #start() {
    const on = await engine(this.glue, this.module);
    const { handle } = checked(on.open(this.settings.budgetMS ?? defaultBudgetMS, this.settings.still ?? false));
    return (this.#running = { on, handle });
  }
}

function codeOf(found: Found): Code {
  const [x0 = 0, y0 = 0, x1 = 0, y1 = 0, x2 = 0, y2 = 0, x3 = 0, y3 = 0] = found.corners;
  return {
    bytes: found.bytes,
    corners: [{ x: x0, y: y0 }, { x: x1, y: y1 }, { x: x2, y: y2 }, { x: x3, y: y3 }],
    version: found.version,
  };
}

/** glueOf runs wasm_exec.js and takes the class that it leaves. */
async function glueOf(address: string): Promise<new () => Go> {
  const scope = globalThis as { Go?: new () => Go };
  try {
    await import(/* @vite-ignore */ address);
  } catch (cause) {
    throw new Fault('unavailable', 'wasm_exec.js does not load', { cause });
  }
  if (!scope.Go) throw new Fault('unavailable', 'wasm_exec.js left nothing');
  return scope.Go;
}

async function compiled(address: string): Promise<WebAssembly.Module> {
  try {
    const answer = await fetch(address);
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    // A server that does not know the type must not cost the reader.
    if (/^application\/wasm\b/.test(answer.headers.get('content-type') ?? '')) return await WebAssembly.compileStreaming(answer);
    return await WebAssembly.compile(await answer.arrayBuffer());
  } catch (cause) {
    throw new Fault('unavailable', 'the module does not load', { cause });
  }
}
