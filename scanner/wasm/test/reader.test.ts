import { describe, expect, test } from 'vitest';
import type { Go, Interface } from '../src/engine';
import { Fault } from '../src/fault';
import { Reader } from '../src/reader';
import type { Picture } from '../src/picture';

/** The smallest module there is. */
const empty = new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
const picture: Picture = { data: new Uint8Array(64 * 64), width: 64, height: 64 };
const found = { bytes: new Uint8Array([67, 0, 255]), corners: [1, 2, 3, 4, 5, 6, 7, 8], version: 5 };

/** A module's side, as wasm_exec.js would join it. */
function module(given: Partial<Interface>, starts: () => void = () => undefined) {
  const calls: unknown[][] = [];
  const all: Interface = {
    open: (...a) => (calls.push(['open', ...a]), { handle: 3 }),
    read: (...a) => (calls.push(['read', ...a]), { codes: [found] }),
    close: (...a) => calls.push(['close', ...a]),
    ...given,
  };
  const glue = class implements Go {
    readonly importObject = {};
    async run() {
      starts();
      (globalThis as unknown as { contingReaderStart(i: Interface): void }).contingReaderStart(all);
      return new Promise(() => undefined);
    }
  };
  return { glue, calls };
}

const codeOf = (p: Promise<unknown>) => p.then(() => 'nothing', (e: unknown) => (e instanceof Fault ? e.code : `${e}`));

describe('Reader', () => {
  test('hands pictures to the module and codes back', async () => {
    const { glue, calls } = module({});
    const reader = await Reader.of(glue, empty, { budgetMS: 25, still: true });
    expect(await reader.read(picture)).toEqual([
      { bytes: found.bytes, corners: [{ x: 1, y: 2 }, { x: 3, y: 4 }, { x: 5, y: 6 }, { x: 7, y: 8 }], version: 5 },
    ]);
    expect(calls).toEqual([['open', 25, true], ['read', 3, picture.data, 64, 64]]);
    expect('contingReaderStart' in globalThis).toBe(false);
  });

  test('says what the module says', async () => {
    const { glue } = module({ read: () => ({ error: 'bad_frame', message: '1×1' }) });
    const reader = await Reader.of(glue, empty);
    expect(await codeOf(reader.read(picture))).toBe('bad_frame');
    const refusing = module({ open: () => ({ error: 'bad_settings', message: '-1' }) });
    expect(await codeOf(Reader.of(refusing.glue, empty, { budgetMS: -1 }))).toBe('bad_settings');
  });

  test('loses one picture to a module that stops, and starts another', async () => {
    let starts = 0;
    const { glue } = module(
      {
        read: () => {
          if (starts === 1) throw new WebAssembly.RuntimeError('unreachable');
          return { codes: [] };
        },
      },
      () => starts++,
    );
    const reader = await Reader.of(glue, empty);
    expect(await codeOf(reader.read(picture))).toBe('reader_failed');
    expect(await reader.read(picture)).toEqual([]);
    expect(starts).toBe(2);
  });

  test('does not outlive its close', async () => {
    const { glue, calls } = module({});
    const reader = await Reader.of(glue, empty);
    reader.close();
    reader.close();
    expect(calls.filter(([what]) => what === 'close')).toEqual([['close', 3]]);
    expect(await codeOf(reader.read(picture))).toBe('reader_closed');
  });

  test('is unavailable where the module does not run', async () => {
    const silent = class implements Go {
      readonly importObject = {};
      run = async () => 2;
    };
    expect(await codeOf(Reader.of(silent, empty))).toBe('unavailable');
    const broken = module({}, () => {
      throw new WebAssembly.RuntimeError('unreachable');
    });
    expect(await codeOf(Reader.of(broken.glue, empty))).toBe('unavailable');
    expect('contingReaderStart' in globalThis).toBe(false);
    expect(await codeOf(Reader.open({ wasm: 'data:application/wasm,x', glue: 'data:text/javascript,' }))).toBe('unavailable');
  });
});
