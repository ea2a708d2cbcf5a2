import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { beforeAll, describe, expect, test } from 'vitest';
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';
import { draw, type Picture } from './qr';

/** paint draws the path as a browser would, with `scale` pixels a module. */
function paint(p: Picture, scale: number): ImageData {
  const width = p.size * scale;
  const data = new Uint8ClampedArray(width * width * 4).fill(255);
  for (const [, x, y, w, back] of p.path.matchAll(/M(\d+) (\d+)h(\d+)v1h-(\d+)z/g)) {
    expect(back).toBe(w);
    for (let row = Number(y) * scale; row < (Number(y) + 1) * scale; row++) {
      for (let column = Number(x) * scale; column < (Number(x) + Number(w)) * scale; column++) data.fill(0, (row * width + column) * 4, (row * width + column) * 4 + 3);
    }
  }
  return { data, width, height: width, colorSpace: 'srgb' } as ImageData;
}

describe('codes', () => {
  beforeAll(() => {
    const wasm = readFileSync(createRequire(import.meta.url).resolve('zxing-wasm/reader/zxing_reader.wasm'));
    prepareZXingModule({ overrides: { wasmBinary: wasm.buffer.slice(wasm.byteOffset, wasm.byteOffset + wasm.length) as ArrayBuffer } });
  });

  test.each([
    ['CTN1ORGB/D5LET7DGA6100KB0*M0DY0CF3S-KG0', 2],
    [`CTR1${'A9 $%*+-./:'.repeat(18)}`, 7],
    [`CTC1${'0'.repeat(400)}`, 11],
  ])('%s is read back', async (text, version) => {
    const picture = draw(text);
    expect(picture.version).toBe(version);
    const [found] = await readBarcodes(paint(picture, 3), { formats: ['QRCode'], textMode: 'Plain' });
    expect(found?.text).toBe(text);
  });

  test('every dark module is drawn once, within the quiet zone', () => {
    const p = draw('CTP1HELLO');
    expect(p.size).toBe(p.modules + 8);
    for (const [, x, y, w] of p.path.matchAll(/M(\d+) (\d+)h(\d+)/g)) {
      for (const at of [Number(x), Number(y), Number(x) + Number(w) - 1]) {
        expect(at).toBeGreaterThanOrEqual(4);
        expect(at).toBeLessThan(4 + p.modules);
      }
    }
    expect(p.path).toMatch(/^(?:M\d+ \d+h\d+v1h-\d+z)+$/);
  });
});
