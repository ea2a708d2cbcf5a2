// What runs in Chromium's page: it unpacks a frame once and gives the same pixels to
// one reader after the other, each in a worker of its own.
import { RemoteReader, type Settings } from '../src/index';

/** Contestant is a reader and how to open it. */
export interface Contestant {
  readonly name: string;
  /** The folder of a build of ours, or where zxing-wasm lies and how many codes it looks for. */
  readonly ours?: { readonly folder: string; readonly settings: Settings };
  readonly zxing?: { readonly wasm: string; readonly most: number };
}

interface Seen {
  /** What the codes say, a character for each byte. */
  readonly texts: string[];
  readonly ms: number;
  readonly error?: string;
}

interface Eye {
  read(picture: ImageData): Promise<Seen>;
  close(): void;
}

const text = (bytes: Uint8Array) => Array.from(bytes, (b) => String.fromCharCode(b)).join('');
const copyOf = (p: ImageData) => new Uint8ClampedArray(p.data);

async function ours(folder: string, settings: Settings, fresh: string): Promise<Eye> {
  const worker = new Worker(`/ours.js${fresh}`, { type: 'module' });
  const reader = await RemoteReader.open(worker, { wasm: `${folder}/reader.wasm${fresh}`, glue: `${folder}/wasm_exec.js${fresh}` }, settings);
  return {
    async read(p) {
      try {
        const { codes, tookMS } = await reader.read({ data: copyOf(p), width: p.width, height: p.height });
        return { texts: codes.map((c) => text(c.bytes)), ms: tookMS };
      } catch (e) {
        return { texts: [], ms: 0, error: String(e) };
      }
    },
    close: () => reader.close(),
  };
}

async function zxing(wasm: string, most: number, fresh: string): Promise<Eye> {
  const worker = new Worker(`/zxing.js${fresh}`, { type: 'module' });
  const ask = (order: unknown) =>
    new Promise<{ codes?: { bytes: Uint8Array }[]; tookMS?: number; error?: string; message?: string }>((done, failed) => {
      worker.onmessage = (e) => done(e.data);
      worker.onerror = (e) => failed(new Error(e.message));
      worker.postMessage(order);
    });
  const opened = await ask({ open: { wasm: wasm + fresh, most } });
  if (opened.error) throw new Error(opened.message);
  return {
    async read(p) {
      const { codes = [], tookMS = 0, error, message } = await ask({ read: { data: copyOf(p), width: p.width, height: p.height } });
      const seen = { texts: codes.map((c) => text(c.bytes)), ms: tookMS };
      return error ? { ...seen, error: `${error}: ${message}` } : seen;
    },
    close: () => worker.terminate(),
  };
}

function open(c: Contestant, fresh = ''): Promise<Eye> {
  if (c.ours) return ours(c.ours.folder, c.ours.settings, fresh);
  if (c.zxing) return zxing(c.zxing.wasm, c.zxing.most, fresh);
  throw new Error(`${c.name} is no reader`);
}

/** start measures how long a reader takes from nothing to its first answer. */
async function start(c: Contestant, n: number): Promise<number> {
  const blank = new ImageData(64, 64);
  const began = performance.now();
  const eye = await open(c, `?fresh=${n}`);
  const { error } = await eye.read(blank);
  const took = performance.now() - began;
  eye.close();
  if (error) throw new Error(`${c.name}: ${error}`);
  return took;
}

const eyes = new Map<string, Eye>();

async function openAll(contestants: readonly Contestant[]): Promise<void> {
  for (const c of contestants) eyes.set(c.name, await open(c));
}

/** look shows a frame to the readers in this order. */
async function look(address: string, order: readonly string[]): Promise<Record<string, Seen>> {
  const answer = await fetch(address);
  const bitmap = await createImageBitmap(await answer.blob(), { colorSpaceConversion: 'none', premultiplyAlpha: 'none' });
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('no canvas');
  context.drawImage(bitmap, 0, 0);
  const picture = context.getImageData(0, 0, bitmap.width, bitmap.height);
  const seen: Record<string, Seen> = {};
  for (const name of order) {
    const eye = eyes.get(name);
    if (eye) seen[name] = await eye.read(picture);
  }
  return seen;
}

Object.assign(globalThis, { bench: { start, openAll, look } });
