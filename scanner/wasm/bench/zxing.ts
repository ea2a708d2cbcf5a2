// zxing-wasm in a worker, asked the way remote.ts asks ours. `most` bounds the codes
// that it looks for in a picture: it goes on looking until it has so many.
import { prepareZXingModule, readBarcodes } from 'zxing-wasm/reader';

interface Open {
  readonly wasm: string;
  readonly most: number;
}

let most = 1;
const scope = globalThis as unknown as {
  addEventListener(kind: 'message', listener: (e: MessageEvent) => void): void;
  postMessage(message: unknown): void;
};

async function answer(order: { open: Open } | { read: { data: Uint8ClampedArray<ArrayBuffer>; width: number; height: number } }) {
  if ('open' in order) {
    most = order.open.most;
    await prepareZXingModule({ overrides: { locateFile: () => order.open.wasm }, fireImmediately: true });
    return { opened: true };
  }
  const { data, width, height } = order.read;
  const picture = new ImageData(data, width, height);
  const began = performance.now();
  const found = await readBarcodes(picture, { formats: ['QRCode'], tryHarder: true, maxNumberOfSymbols: most, textMode: 'Plain' });
  const tookMS = performance.now() - began;
  return { codes: found.filter((f) => f.isValid).map((f) => ({ bytes: f.bytes })), tookMS };
}

scope.addEventListener('message', (e) => {
  void answer(e.data).then(
    (reply) => scope.postMessage(reply),
    (e: unknown) => scope.postMessage({ error: 'reader_failed', message: String(e) }),
  );
});
