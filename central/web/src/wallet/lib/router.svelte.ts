import { letterOf, openLetter } from './letters.svelte';

/**
 * The page that is open, kept in the address behind "#": the wallet is one file,
 * which a service worker serves without asking anybody.
 */
export interface Place {
  /** The parts of the path: ["tickets", "0f…"] for #/tickets/0f…. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
}

/** A credential that a link brought, until a page takes it. */
let brought: string | null = null;
const mostBrought = 16 << 10;

/** takeBrought returns the credential that a link brought, once; it does nothing with it. */
export function takeBrought(): string | null {
  const jwt = brought;
  brought = null;
  return jwt;
}

function read(): Place {
  let [path = '', rest = ''] = location.hash.replace(/^#\/?/, '').split('?', 2);
  const [page, topic, token] = path.split('/');
  if (page === 'confirm' && token !== undefined) {
    // Whoever has it has the account.
    const letter = letterOf(topic, token);
    if (letter) openLetter(letter);
    path = `confirm/${topic}`;
    rest = '';
    history.replaceState(history.state, '', `#/${path}`);
  }
  const query = new URLSearchParams(rest);
  const jwt = query.get('jwt');
  if (jwt !== null) {
    // It is the person's, and must not stay in the address and its history.
    brought = jwt.length > mostBrought ? null : jwt;
    query.delete('jwt');
    history.replaceState(history.state, '', `#/${path}${query.toString() && `?${query}`}`);
  }
  return {
    path: path
      .split('/')
      .filter((part) => part !== '')
      .map((part) => {
        try {
          return decodeURIComponent(part);
        } catch {
          return part;
        }
      }),
    query,
  };
}

let here = $state.raw<Place>(read());
/** The address as here was read from it: the browser tells of another one only later. */
let address = location.hash;
/** How many pages were opened. Two addresses of one page count once. */
let visits = 0;
let depth = 0;

const same = (a: Place, b: Place): boolean => a.path.join('\0') === b.path.join('\0') && a.query.toString() === b.query.toString();

/** place is where the person is. */
export function place(): Place {
  return here;
}

/** href is the address of a page, for links. */
export function href(...path: readonly (string | number)[]): string {
  return `#/${path.map((part) => encodeURIComponent(String(part))).join('/')}`;
}

/** go opens a page. */
export function go(...path: readonly (string | number)[]): void {
  location.hash = href(...path);
}

/** instead opens a page in the place of this one, so that "back" skips it. */
export function instead(...path: readonly (string | number)[]): void {
  location.replace(href(...path));
}

/**
 * onwards is called by a page as it opens. What it returns opens another page in its
 * place when its work is done, but does nothing once the person has gone elsewhere
 * themselves: work that ends late must not take them away from there.
 */
export function onwards(): (...path: readonly (string | number)[]) => void {
  const visit = visits;
  return (...path) => {
    if (visit === visits && location.hash === address) instead(...path);
  };
}

/** back returns to the page before, or to a page given where there is none. */
export function back(...otherwise: readonly (string | number)[]): void {
  if (depth > 0) {
    depth -= 2; // the arrival counts one
    history.back();
  } else instead(...otherwise);
}

/** follow keeps place() up to date until the returned function is called. */
export function follow(): () => void {
  const change = () => {
    depth = Math.max(0, depth + 1);
    const next = read();
    if (!same(next, here)) visits++;
    here = next;
    address = location.hash;
  };
  addEventListener('hashchange', change);
  return () => removeEventListener('hashchange', change);
}
