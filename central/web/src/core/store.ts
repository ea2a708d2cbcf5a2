import { Fault } from './fault';
import type { Reading } from './clock';
import type { EntryReceipt, WalletTicket } from './wire';

/** What the phone keeps, so that tickets open with central out of reach. */
interface Tables {
  /** By ticket id. */
  tickets: WalletTicket;
  /** By ticket id. */
  receipts: EntryReceipt;
  /** By credential id. */
  credentials: KeptCredential;
  /** By account: the key pair of the holder's DID. It cannot be exported. */
  keys: CryptoKeyPair;
  /** By name. */
  facts: unknown;
}

/** KeptCredential is a credential to present; central keeps no JWT for the phone. */
export interface KeptCredential {
  readonly id: string;
  readonly jwt: string;
}

/** Who this phone is signed in as. */
export interface Signed {
  readonly account: string;
  readonly email: string;
  /** Null for an account that has a password alone. */
  readonly passkey: { readonly id: string; readonly public_key: string } | null;
  /** Came in with the password: the passkey may be on another device. */
  readonly elsewhere?: boolean;
}

/** Kept is a list with central's time of it, in Unix milliseconds. */
export interface Kept<T> {
  readonly items: readonly T[];
  readonly at: number;
}

const tables = ['tickets', 'receipts', 'credentials', 'keys', 'facts'] as const satisfies readonly (keyof Tables)[];

const fact = { signed: 'signed', clock: 'clock', tickets: 'tickets_at' } as const;

/**
 * Store is the wallet's IndexedDB. It holds no session, and no secret that could be
 * read out but that of an order which is being paid; whoever unlocks the phone can
 * read the rest. Errors are Faults: storage.
 */
export class Store {
  private closed = false;

  private constructor(
    private readonly name: string,
    private db: IDBDatabase,
  ) {}

  static async open(name = 'conting-wallet'): Promise<Store> {
    return new Store(name, await connect(name));
  }

  /** persist asks the browser not to evict the store. */
  static async persist(): Promise<boolean> {
    return (await navigator.storage?.persist?.().catch(() => false)) ?? false;
  }

  close(): void {
    this.closed = true;
    this.db.close();
  }

  // Who is signed in.

  async signed(): Promise<Signed | null> {
    return ((await this.get('facts', fact.signed)) as Signed | undefined) ?? null;
  }

  /**
   * signIn remembers who is signed in. What an account before it left is removed,
   * except for keys.
   */
  async signIn(who: Signed): Promise<void> {
    const before = await this.signed();
    if (before && before.account !== who.account) await this.forget();
    await this.put('facts', fact.signed, who);
  }

  /** forget removes everything of the account but the key of its DID. */
  async forget(): Promise<void> {
    await this.write(['tickets', 'receipts', 'credentials', 'facts'], (t) => {
      for (const name of ['tickets', 'receipts', 'credentials'] as const) t.objectStore(name).clear();
      t.objectStore('facts').delete(fact.signed);
      t.objectStore('facts').delete(fact.tickets);
      t.objectStore('facts').delete(IDBKeyRange.bound('page/', 'page/\uffff'));
    });
  }

  /** wipe removes everything. Accreditations bound to a key that goes are lost. */
  async wipe(): Promise<void> {
    await this.write(tables, (t) => {
      for (const name of tables) t.objectStore(name).clear();
    });
  }

  // Tickets and receipts.

  /** tickets is what central said last; null if it never did. */
  async tickets(): Promise<Kept<WalletTicket> | null> {
    const at = await this.get('facts', fact.tickets);
    return typeof at === 'number' ? { items: await this.all('tickets'), at } : null;
  }

  /** keepTickets replaces all tickets at once. */
  async keepTickets(items: readonly WalletTicket[], at: number): Promise<void> {
    await this.write(['tickets', 'facts'], (t) => {
      const table = t.objectStore('tickets');
      table.clear();
      for (const i of items) table.put(i, i.id);
      t.objectStore('facts').put(at, fact.tickets);
    });
  }

  async receipt(ticket: string): Promise<EntryReceipt | null> {
    return (await this.get('receipts', ticket)) ?? null;
  }

  keepReceipt(ticket: string, r: EntryReceipt): Promise<void> {
    return this.put('receipts', ticket, r);
  }

  // Identity.

  async credentials(): Promise<readonly KeptCredential[]> {
    return this.all('credentials');
  }

  keepCredential(c: KeptCredential): Promise<void> {
    return this.put('credentials', c.id, c);
  }

  async dropCredential(id: string): Promise<void> {
    await this.write(['credentials'], (t) => t.objectStore('credentials').delete(id));
  }

  async key(account: string): Promise<CryptoKeyPair | null> {
    return (await this.get('keys', account)) ?? null;
  }

  keepKey(account: string, keys: CryptoKeyPair): Promise<void> {
    return this.put('keys', account, keys);
  }

  async dropKey(account: string): Promise<void> {
    await this.write(['keys'], (t) => t.objectStore('keys').delete(account));
  }

  // The clock.

  async clock(): Promise<Reading | null> {
    return ((await this.get('facts', fact.clock)) as Reading | undefined) ?? null;
  }

  keepClock(r: Reading): Promise<void> {
    return this.put('facts', fact.clock, r);
  }

  // Pages keep small facts of their own under other names.

  async fact(name: string): Promise<unknown> {
    return this.get('facts', `page/${name}`);
  }

  keepFact(name: string, value: unknown): Promise<void> {
    return this.put('facts', `page/${name}`, value);
  }

  private get<T extends keyof Tables>(table: T, key: string): Promise<Tables[T] | undefined> {
    return this.read(table, (s) => s.get(key));
  }

  private all<T extends keyof Tables>(table: T): Promise<Tables[T][]> {
    return this.read(table, (s) => s.getAll());
  }

  private put<T extends keyof Tables>(table: T, key: string, value: Tables[T]): Promise<void> {
    return this.write([table], (t) => t.objectStore(table).put(value, key));
  }

  private async read<T>(table: keyof Tables, f: (s: IDBObjectStore) => IDBRequest): Promise<T> {
    const t = await this.begin([table], 'readonly');
    return new Promise((resolve, reject) => {
      const request = guard(() => f(t.objectStore(table)));
      request.onsuccess = () => resolve(request.result as T);
      request.onerror = () => reject(failed(request.error));
    });
  }

  /** write resolves when the transaction is on disk. */
  private async write(names: readonly (keyof Tables)[], f: (t: IDBTransaction) => void): Promise<void> {
    const t = await this.begin(names, 'readwrite');
    return new Promise((resolve, reject) => {
      t.oncomplete = () => resolve();
      t.onerror = () => reject(failed(t.error));
      t.onabort = () => reject(failed(t.error));
      try {
        f(t);
      } catch (cause) {
        t.abort();
        reject(failed(cause));
      }
    });
  }

  /**
   * begin opens a transaction. Browsers close a database under a page that was out of
   * sight for long; it is opened once more then.
   */
  private async begin(names: readonly (keyof Tables)[], mode: IDBTransactionMode): Promise<IDBTransaction> {
    const open = () => this.db.transaction([...names], mode, mode === 'readwrite' ? { durability: 'strict' } : {});
    try {
      return open();
    } catch (cause) {
      if (this.closed) throw failed(cause);
      this.db = await connect(this.name);
      return guard(open);
    }
  }
}

/** How long the browser may take to open a database: some never answer. */
const openMs = 4000;

async function connect(name: string): Promise<IDBDatabase> {
  const request = guard(() => indexedDB.open(name, 1));
  request.onupgradeneeded = () => {
    for (const t of tables) if (!request.result.objectStoreNames.contains(t)) request.result.createObjectStore(t);
  };
  let late: ReturnType<typeof setTimeout> | undefined;
  try {
    const db = await new Promise<IDBDatabase>((resolve, reject) => {
      late = setTimeout(() => reject(failed(new Error('the browser does not answer'))), openMs);
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(failed(request.error));
      request.onblocked = () => reject(failed(new Error('another page holds an older store')));
    });
    db.onversionchange = () => db.close(); // lets a newer page go ahead
    return db;
  } finally {
    clearTimeout(late);
  }
}

const failed = (cause: unknown) => new Fault('storage', 'the phone’s storage failed', { cause });

function guard<T>(f: () => T): T {
  try {
    return f();
  } catch (cause) {
    throw failed(cause);
  }
}
