export { Fault, type Code as FaultCode } from './fault';
export type { Code, Module, Picture, Point, Settings } from './picture';
export { Reader } from './reader';
export { RemoteReader, type Reading } from './remote';
