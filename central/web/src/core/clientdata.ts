import { type Bytes, b64u, equal, utf8 } from './bytes';
import { Fault } from './fault';

/** The ends of client data that a pass names by a number (sync/pass, clientdata.go). */
const tails = [
  ',"crossOrigin":false}', // as the specification writes it
  '}', // WebKit
  ',"crossOrigin":false,"other_keys_can_be_added_here":"do not compare clientDataJSON against a template. See https://goo.gl/yabPex"}', // Chromium, at random
  ',"androidPackageName":"com.android.chrome"}', // older Chrome on Android
] as const;

const shapePlay = 3; // its origin has escaped slashes
const shapeTail = 4;
const shapeEscaped = 5;

const maxTail = 300;
const maxDepth = 4;

/** Shape is how a pass says what the client data was. */
export interface Shape {
  readonly shape: number;
  /** The end of the client data, when no number stands for it. */
  readonly tail: Bytes;
}

const bad = (what: string) => new Fault('client_data', what);

/**
 * shapeOf takes the client data of an assertion apart. It refuses what a gate would:
 * another challenge or origin, members in another order, a name twice, and the
 * frame of another site.
 */
export function shapeOf(challenge: Uint8Array, origin: string, clientDataJSON: Uint8Array): Shape {
  for (const escaped of [false, true]) {
    const head = utf8(`{"type":"webauthn.get","challenge":"${b64u(challenge)}","origin":"${escaped ? origin.replaceAll('/', '\\/') : origin}"`);
    if (!equal(clientDataJSON.subarray(0, head.length), head)) continue;
    const tail = new Uint8Array(clientDataJSON.subarray(head.length));
    const shape = tails.findIndex((known, i) => (i === shapePlay) === escaped && equal(tail, utf8(known)));
    if (shape >= 0) return { shape, tail: new Uint8Array() };
    checkTail(tail);
    return { shape: escaped ? shapeEscaped : shapeTail, tail };
  }
  throw bad('client data is of another challenge or origin, or in an order of its own');
}

/** checkTail reads the members that follow the origin, as gates do. */
export function checkTail(tail: Uint8Array): void {
  if (tail.length === 0 || tail.length > maxTail) throw bad('client data ends in an odd length');
  let s: string;
  try {
    s = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(tail);
  } catch {
    throw bad('client data is not UTF-8');
  }
  if (s === '}') return;
  if (!s.startsWith(',"') || !s.endsWith('}')) throw bad('client data does not end as JSON');
  const members = new Scanner(`{${s.slice(1)}`).document(new Set(['type', 'challenge', 'origin']));
  if (members.has('crossOrigin') && members.get('crossOrigin') !== 'false') throw bad('client data is of another site’s frame');
  if (members.has('topOrigin')) throw bad('client data is of another site’s frame');
}

/**
 * Scanner reads JSON (RFC 8259) only as far as to find each object's names, since
 * JSON.parse keeps silent about a name that stands there twice.
 */
class Scanner {
  private at = 0;

  constructor(private readonly s: string) {}

  /** document returns the members of the object, each with the text of its value. */
  document(seen: Set<string>): Map<string, string> {
    const members = this.object(seen, 0);
    this.space();
    if (this.at !== this.s.length) throw bad('client data goes on after its end');
    return members;
  }

  private space(): void {
    while (/[ \t\r\n]/.test(this.s[this.at] ?? '')) this.at++;
  }

  private is(c: string): boolean {
    this.space();
    if (this.s[this.at] !== c) return false;
    this.at++;
    return true;
  }

  private expect(c: string): void {
    if (!this.is(c)) throw bad('client data does not end as JSON');
  }

  private object(seen: Set<string>, depth: number): Map<string, string> {
    if (depth > maxDepth) throw bad('client data nests too deep');
    const members = new Map<string, string>();
    this.expect('{');
    if (this.is('}')) return members;
    do {
      this.space();
      const name = JSON.parse(this.token(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y)) as string;
      const key = new TextDecoder('utf-8', { ignoreBOM: true }).decode(utf8(name)); // a lone surrogate reads as U+FFFD, as at the gate
      if (seen.has(key)) throw bad('client data says a thing twice');
      seen.add(key);
      this.expect(':');
      members.set(key, this.value(depth));
    } while (this.is(','));
    this.expect('}');
    return members;
  }

  private array(depth: number): void {
    this.expect('[');
    if (depth >= maxDepth) throw bad('client data nests too deep');
    if (this.is(']')) return;
    do this.value(depth + 1);
    while (this.is(','));
    this.expect(']');
  }

  private value(depth: number): string {
    this.space();
    const start = this.at;
    const first = this.s[start];
    if (first === '{') this.object(new Set(), depth + 1);
    else if (first === '[') this.array(depth);
    else
      this.token(/"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y);
    return this.s.slice(start, this.at);
  }

  private token(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.s)?.[0];
    if (!found) throw bad('client data does not end as JSON');
    this.at += found.length;
    return found;
  }
}
