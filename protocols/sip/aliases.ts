import { Jid } from '#src/address/jid.ts';
import { json } from '#src/store/codec.ts';
import type { Store, Table, Ticket } from '#src/store/store.ts';
import type { Uri } from './message/uri.ts';

const rows = json<{ readonly jid: string }>({ maxBytes: 8192 });

/** Digits as people dial them, with the separators that tel: allows (RFC 3966 section 5.1.1). */
const NUMBER = /^\+?[0-9*#]{1,32}$/;

/** The number in the form in which equal ones are equal; undefined for text that is none. */
export function numberIn(text: string): string | undefined {
  if (text.length > 64) return undefined;
  const plain = text.replace(/[-.() ]/g, '');
  return NUMBER.test(plain) ? plain : undefined;
}

/** The number that a URI calls: a `tel:` URI, or a SIP URI whose user part is one (RFC 3261 section 19.1.6). */
export function numberOf(uri: Uri): string | undefined {
  return numberIn(uri.kind === 'tel' ? uri.number : uri.user);
}

/** Telephone numbers of accounts, as operators gave them. All in memory, and in the store. */
export class Aliases {
  readonly #rows: Table<{ readonly jid: string }>;
  readonly #byNumber = new Map<string, Jid>();

  constructor(store: Store) {
    this.#rows = store.table('sip-aliases', rows);
  }

  get size(): number {
    return this.#byNumber.size;
  }

  async restore(): Promise<void> {
    for await (const [[number = ''], row] of this.#rows.scan([])) {
      const jid = Jid.parse(row.jid);
      if (jid !== undefined) this.#byNumber.set(number, jid);
    }
  }

  /** Whose a number is. */
  get(number: string): Jid | undefined {
    return this.#byNumber.get(number);
  }

  /** The first number of an account. */
  of(account: Jid): string | undefined {
    for (const [number, jid] of this.#byNumber) if (jid.bare === account.bare) return number;
    return undefined;
  }

  set(number: string, jid: Jid): Ticket {
    this.#byNumber.set(number, jid);
    return this.#rows.put([number], { jid: jid.bare });
  }

  /** Undefined when the number was nobody's. */
  delete(number: string): Ticket | undefined {
    return this.#byNumber.delete(number) ? this.#rows.delete([number]) : undefined;
  }

  /** The account is gone: its numbers are free. */
  drop(bare: string): void {
    for (const [number, jid] of this.#byNumber) if (jid.bare === bare) this.delete(number);
  }

  [Symbol.iterator](): IterableIterator<readonly [number: string, jid: Jid]> {
    return this.#byNumber.entries();
  }
}
