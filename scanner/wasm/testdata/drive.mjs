// Reads frames with a built module under Node, as a page would, and prints a line of
// JSON for each: node drive.mjs GLUE WASM <orders, one a line
//
// An order is {file, width, height, colour, still, fresh}: fresh opens a new reader;
// attack instead of file names a call that no page should make.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { createInterface } from 'node:readline';

const [glue, wasm] = process.argv.slice(2);
await import(pathToFileURL(glue).href);
const go = new globalThis.Go();
const { instance } = await WebAssembly.instantiate(readFileSync(wasm), go.importObject);
let api;
globalThis.contingReaderStart = (given) => (api = given);
go.run(instance).then(() => process.exit(3), () => process.exit(3));

const thrower = { get length() { throw new Error('no'); } };
const detached = new Uint8Array(64 * 64);
structuredClone(detached, { transfer: [detached.buffer] });
class Cutter extends Uint8Array {
  subarray() { return 'nothing'; }
}
const attacks = {
  none: () => api.read(),
  pixels_missing: (h) => api.read(h, undefined, 64, 64),
  pixels_null: (h) => api.read(h, null, 64, 64),
  pixels_text: (h) => api.read(h, 'x'.repeat(64 * 64), 64, 64),
  pixels_floats: (h) => api.read(h, new Float64Array(64 * 64), 64, 64),
  pixels_thrower: (h) => api.read(h, thrower, 64, 64),
  pixels_cutter: (h) => api.read(h, new Cutter(512 * 512 * 4), 512, 512),
  pixels_detached: (h) => api.read(h, detached, 64, 64),
  size_nan: (h) => api.read(h, new Uint8Array(64 * 64), NaN, 64),
  size_fraction: (h) => api.read(h, new Uint8Array(64 * 64), 64.5, 64),
  size_negative: (h) => api.read(h, new Uint8Array(64 * 64), -64, -64),
  size_huge: (h) => api.read(h, new Uint8Array(64 * 64), 2 ** 40, 2 ** -28),
  size_text: (h) => api.read(h, new Uint8Array(64 * 64), '64', '64'),
  size_infinite: (h) => api.read(h, new Uint8Array(64 * 64), Infinity, 64),
  handle_unknown: () => api.read(99, new Uint8Array(64 * 64), 64, 64),
  handle_text: () => api.read('1', new Uint8Array(64 * 64), 64, 64),
  open_text: () => api.open('40', false),
  open_none: () => api.open(),
  open_nan: () => api.open(NaN, false),
  open_negative: () => api.open(-1, false),
  close_none: () => api.close(),
  close_text: () => api.close('1'),
};

let handle = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const o = JSON.parse(line);
  if (o.attack) {
    let answer;
    try {
      answer = attacks[o.attack](handle);
    } catch (e) {
      answer = { error: `thrown: ${e}` };
    }
    console.log(JSON.stringify({ error: answer?.error ?? '' }));
    continue;
  }
  if (o.fresh) {
    api.close(handle);
    const opened = api.open(10_000, o.still);
    if (opened.error) throw new Error(opened.message);
    handle = opened.handle;
  }
  const gray = readFileSync(o.file);
  let pixels = new Uint8Array(gray);
  if (o.colour) {
    pixels = new Uint8ClampedArray(4 * gray.length);
    gray.forEach((v, i) => pixels.set([v, v, v, i], 4 * i));
  }
  const { codes = [], error = '' } = api.read(handle, pixels, o.width, o.height);
  console.log(JSON.stringify({
    error,
    codes: codes.map((c) => ({ text: Buffer.from(c.bytes).toString('base64'), corners: c.corners, version: c.version })),
  }));
}
process.exit(0);
