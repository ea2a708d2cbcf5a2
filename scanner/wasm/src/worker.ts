// The worker that a reader runs in, driven by remote.ts.
import { serve } from './serve';

const scope = globalThis as unknown as {
  addEventListener(kind: 'message', listener: (e: MessageEvent) => void): void;
  postMessage(message: unknown, transfer: Transferable[]): void;
};
const answer = serve();
scope.addEventListener('message', (e) => {
  void answer(e.data).then((reply) => {
    const bytes = 'codes' in reply ? reply.codes.map((c) => c.bytes.buffer as ArrayBuffer) : [];
    scope.postMessage(reply, bytes);
  });
});
