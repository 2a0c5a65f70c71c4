import type { Jid } from '#src/address/jid.ts';
import { json } from '#src/store/codec.ts';
import type { Store, Table } from '#src/store/store.ts';

/** When an account was last available, and what its user said on leaving (XEP-0012, XEP-0203). */
export interface LastSeen {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly status: string;
}

declare module '#src/plugin/contracts.ts' {
  interface Services {
    readonly last: LastActivity;
  }
}

const STATUS_CHARACTERS = 1023;

export class LastActivity {
  readonly #rows: Table<LastSeen>;

  constructor(store: Store) {
    this.#rows = store.table('last', json<LastSeen>());
  }

  of(account: Jid): LastSeen | undefined {
    return this.#rows.get([account.domain, account.local]);
  }

  put(account: Jid, at: number, status: string): void {
    this.#rows.put([account.domain, account.local], { at, status: status.slice(0, STATUS_CHARACTERS) });
  }

  drop(host: string, local: string): void {
    this.#rows.delete([host, local]);
  }
}
