import type { Code as FaultCode } from './fault';
import type { Code, Module, Picture, Settings } from './picture';

/** What a page tells the worker: open first, once. */
export type Order =
  | { readonly open: { readonly from: Module; readonly settings: Settings } }
  | { readonly read: Picture };

/** What the worker answers, one answer to each order. */
export type Reply =
  | { readonly opened: true }
  | { readonly codes: Code[]; readonly tookMS: number }
  | { readonly error: FaultCode; readonly message: string };
