import { Fault, type Code } from './fault';

/** What the module gives; doc.go specifies it. */
export interface Interface {
  open(budgetMS: number, still: boolean): Answer<{ readonly handle: number }>;
  read(handle: number, data: Uint8Array | Uint8ClampedArray, width: number, height: number): Answer<{ readonly codes: readonly Found[] }>;
  close(handle: number): unknown;
}

export interface Found {
  readonly bytes: Uint8Array;
  readonly corners: readonly number[];
  readonly version: number;
}

interface Failure {
  readonly error: Code;
  readonly message: string;
}

export type Answer<T> = T | Failure;

/** The class that wasm_exec.js leaves in the global scope. */
export interface Go {
  readonly importObject: WebAssembly.Imports;
  run(instance: WebAssembly.Instance): Promise<unknown>;
}

/** The function that the module calls as it starts; main_js.go names it too. */
const start = 'contingReaderStart';

/** engine runs a compiled module and returns its interface. Throws unavailable. */
export async function engine(glue: new () => Go, module: WebAssembly.Module): Promise<Interface> {
  const scope = globalThis as unknown as Record<string, unknown>;
  try {
    const go = new glue();
    const instance = await WebAssembly.instantiate(module, go.importObject);
    // Go runs until it waits for calls, and calls start before that: nobody else
    // can take the name in between.
    let given: Interface | undefined;
    scope[start] = (i: Interface) => (given = i);
    const running = go.run(instance);
    delete scope[start];
    running.catch(() => undefined); // it ends by what ends a call, which says so itself
    if (given) return given;
  } catch (cause) {
    throw new Fault('unavailable', 'the module does not run', { cause });
  }
  throw new Fault('unavailable', 'the module gave no interface');
}

/** checked returns an answer, or throws what it says. */
export function checked<T extends object>(answer: Answer<T>): T {
  if ('error' in answer) throw new Fault(answer.error, answer.message);
  return answer;
}
