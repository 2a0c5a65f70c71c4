/** Accounts that are disabled. */
import { json } from '#src/store/codec.ts';
import type { Store, Table, Ticket } from '#src/store/store.ts';
import type { Page } from './backends/backend.ts';

/** Why an account is disabled. */
export interface AccountBan {
  readonly reason: string;
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** Bans of a host that are held in memory; where there are more, each is looked up. */
const MOST = 10_000;
/** Hosts whose bans are. */
const MOST_HOSTS = 10_000;

/** Asked for at every login, and hardly ever there: so the bans of a host are read once, and held as long as they are few. */
export class AccountBans {
  readonly #table: Table<AccountBan>;
  /** By host, all its bans. */
  readonly #held = new Map<string, Map<string, AccountBan>>();
  /** What was found so far of hosts that are being read, and of those with too many. */
  readonly #reading = new Map<string, Map<string, AccountBan>>();

  constructor(store: Store) {
    this.#table = store.table('account-bans', json<AccountBan>());
  }

  get(host: string, local: string): AccountBan | undefined {
    const held = this.#held.get(host);
    if (held !== undefined) return held.get(local);
    // When it cannot be read, the look-up below says so too.
    if (!this.#reading.has(host)) void this.#read(host).catch(() => undefined);
    return this.#table.get([host, local]);
  }

  set(host: string, local: string, ban: AccountBan): Ticket {
    const ticket = this.#table.put([host, local], ban);
    this.#held.get(host)?.set(local, ban);
    this.#changed(host);
    return ticket;
  }

  delete(host: string, local: string): Ticket {
    const ticket = this.#table.delete([host, local]);
    this.#held.get(host)?.delete(local);
    this.#changed(host);
    return ticket;
  }

  async list(host: string, { after, limit }: Page): Promise<readonly (AccountBan & { readonly local: string })[]> {
    const found: (AccountBan & { readonly local: string })[] = [];
    const options = after === undefined ? { limit } : { after: [host, after], limit };
    for await (const [[, local], ban] of this.#table.scan([host], options))
      if (local !== undefined) found.push({ ...ban, local });
    return found;
  }

  count(host: string): Promise<number> {
    return this.#table.count([host]);
  }

  /** What is being read may be from before the change: the next one who asks has it read again. */
  #changed(host: string): void {
    this.#reading.delete(host);
    if ((this.#held.get(host)?.size ?? 0) > MOST) this.#held.delete(host);
  }

  async #read(host: string): Promise<void> {
    if (this.#held.size + this.#reading.size >= MOST_HOSTS) return;
    const found = new Map<string, AccountBan>();
    this.#reading.set(host, found);
    for await (const [[, local], ban] of this.#table.scan([host], { limit: MOST + 1 }))
      if (local !== undefined) found.set(local, ban);
    if (this.#reading.get(host) !== found) return;
    if (found.size > MOST) {
      found.clear();
      return;
    }
    this.#reading.delete(host);
    this.#held.set(host, found);
  }
}
