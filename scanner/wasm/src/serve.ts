import { Fault } from './fault';
import type { Order, Reply } from './message';
import type { Module, Settings } from './picture';
import { Reader } from './reader';

/** serve returns what answers orders, one after the other. It never throws. */
export function serve(open: (from: Module, settings: Settings) => Promise<Reader> = Reader.open): (order: Order) => Promise<Reply> {
  let reader: Reader | null = null;
  return async (order) => {
    try {
      if ('open' in order) {
        reader = await open(order.open.from, order.open.settings);
        return { opened: true };
      }
      if (!reader) throw new Fault('reader_closed', 'nothing is open');
      const began = performance.now();
      const codes = await reader.read(order.read);
      return { codes, tookMS: performance.now() - began };
    } catch (e) {
      if (e instanceof Fault) return { error: e.code, message: e.message };
      return { error: 'reader_failed', message: String(e) };
    }
  };
}
