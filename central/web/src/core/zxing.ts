// The code reader for browsers without one. It is a chunk of its own, with its
// WebAssembly from our own origin; build/own-origin.ts removes the address that the
// library would otherwise fetch it from.
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';
import wasm from 'zxing-wasm/reader/zxing_reader.wasm?url';
import type { Reader } from './scan';

prepareZXingModule({ overrides: { locateFile: () => wasm } });

export const reader: Reader = {
  async read(picture) {
    const found = await readBarcodes(picture, { formats: ['QRCode'], tryHarder: true, maxNumberOfSymbols: 4, textMode: 'Plain' });
    return found.filter((f) => f.isValid).map((f) => f.text);
  },
};
