import { describe, expect, test } from 'vitest';
import { Fault } from '../src/fault';
import type { Order, Reply } from '../src/message';
import { Reader } from '../src/reader';
import { RemoteReader } from '../src/remote';
import { serve } from '../src/serve';

const from = { wasm: '/reader.wasm', glue: '/wasm_exec.js' };
const codeOf = (p: Promise<unknown>) => p.then(() => 'nothing', (e: unknown) => (e instanceof Fault ? e.code : `${e}`));
const picture = (n = 64 * 64) => ({ data: new Uint8Array(n), width: 64, height: 64 });

/** A worker as far as a RemoteReader uses one; say answers what it was told last. */
function worker() {
  const target = new EventTarget();
  const told: Order[] = [];
  let ended = false;
  const w = Object.assign(target, {
    postMessage(order: Order, transfer: Transferable[]) {
      told.push(structuredClone(order, { transfer: transfer as never[] }));
    },
    terminate: () => (ended = true),
  });
  return {
    worker: w as unknown as Worker, told,
    ended: () => ended,
    say: (reply: Reply) => target.dispatchEvent(new MessageEvent('message', { data: reply })),
    fail: () => target.dispatchEvent(Object.assign(new Event('error'), { message: 'no such file' })),
  };
}

async function opened() {
  const w = worker();
  const opening = RemoteReader.open(w.worker, from, { still: true });
  w.say({ opened: true });
  return { ...w, reader: await opening };
}

describe('RemoteReader', () => {
  test('opens, reads and gives the pixels away', async () => {
    const { reader, told, say } = await opened();
    expect(told).toEqual([{ open: { from, settings: { still: true } } }]);
    const p = picture();
    const reading = reader.read(p);
    expect(reader.busy).toBe(true);
    expect(p.data.byteLength).toBe(0);
    say({ codes: [], tookMS: 3 });
    expect(await reading).toEqual({ codes: [], tookMS: 3 });
    expect(reader.busy).toBe(false);
  });

  test('sends no more than the picture out of a larger memory', async () => {
    const { reader, told, say } = await opened();
    const memory = new Uint8Array(1 << 20).fill(7);
    const reading = reader.read({ data: memory.subarray(4096, 8192), width: 64, height: 64 });
    say({ codes: [], tookMS: 0 });
    await reading;
    const sent = (told[1] as { read: { data: Uint8Array } }).read.data;
    expect(sent.buffer.byteLength).toBe(4096);
    expect(memory[4096]).toBe(7);
  });

  test('takes one picture at a time', async () => {
    const { reader, told, say } = await opened();
    const first = reader.read(picture());
    expect(await codeOf(reader.read(picture()))).toBe('busy');
    expect(told.length).toBe(2);
    say({ codes: [], tookMS: 0 });
    await first;
    expect(reader.busy).toBe(false);
  });

  test('goes on after a picture that was refused', async () => {
    const { reader, say } = await opened();
    const bad = reader.read(picture(1));
    say({ error: 'bad_frame', message: 'no' });
    expect(await codeOf(bad)).toBe('bad_frame');
    const good = reader.read(picture());
    say({ codes: [], tookMS: 1 });
    expect((await good).tookMS).toBe(1);
  });

  test('ends a worker that does not open', async () => {
    for (const [answer, want] of [
      [(w: ReturnType<typeof worker>) => w.say({ error: 'bad_settings', message: '-1' }), 'bad_settings'],
      [(w: ReturnType<typeof worker>) => w.fail(), 'unavailable'],
    ] as const) {
      const w = worker();
      const opening = RemoteReader.open(w.worker, from);
      answer(w);
      expect(await codeOf(opening)).toBe(want);
      expect(w.ended()).toBe(true);
    }
  });

  test('lets go of who waits when it is closed', async () => {
    const { reader, ended } = await opened();
    const reading = reader.read(picture());
    reader.close();
    expect(await codeOf(reading)).toBe('reader_closed');
    expect(await codeOf(reader.read(picture()))).toBe('reader_closed');
    expect(ended()).toBe(true);
  });
});

describe('serve', () => {
  const reader = (read: () => Promise<[]>) => ({ read }) as unknown as Reader;

  test('reads only what is open', async () => {
    const answer = serve(async () => reader(async () => []));
    expect(await answer({ read: picture() })).toMatchObject({ error: 'reader_closed' });
    expect(await answer({ open: { from, settings: {} } })).toEqual({ opened: true });
    expect(await answer({ read: picture() })).toMatchObject({ codes: [] });
  });

  test('answers whatever happens', async () => {
    const refusing = serve(async () => {
      throw new Fault('unavailable', 'no');
    });
    expect(await refusing({ open: { from, settings: {} } })).toEqual({ error: 'unavailable', message: 'no' });
    const breaking = serve(async () =>
      reader(async () => {
        throw new RangeError('what');
      }),
    );
    await breaking({ open: { from, settings: {} } });
    expect(await breaking({ read: picture() })).toMatchObject({ error: 'reader_failed' });
  });
});
