import type { Accounts } from '#src/accounts/accounts.ts';
import { userhashOf } from '#protocols/stun/integrity.ts';

/** Accounts of a host that are looked up by hash; of more, the rest have to say their name. */
const MOST = 1_000_000;
const PAGE = 1000;

/** Which account a USERHASH stands for (RFC 8489 section 14.4). Empty until it is built. */
export class UserHashes {
  readonly #accounts: Accounts;
  readonly #hosts: ReadonlySet<string>;
  /** By hash: the user name that gives it. */
  readonly #names = new Map<string, string>();
  #built = false;

  constructor(accounts: Accounts, hosts: ReadonlySet<string>) {
    this.#accounts = accounts;
    this.#hosts = hosts;
    accounts.watch({
      created: (host, local) => this.#built && this.#hosts.has(host) && this.#add(host, local),
      removed: (host, local) => this.#built && this.#remove(host, local),
    });
  }

  /** Reads all accounts, once. */
  async build(): Promise<void> {
    if (this.#built) return;
    this.#built = true;
    for (const host of this.#hosts) {
      let after: string | undefined;
      do {
        const page = await this.#accounts.list(host, after === undefined ? { limit: PAGE } : { after, limit: PAGE });
        for (const local of page) this.#add(host, local);
        after = page.length < PAGE ? undefined : page.at(-1);
      } while (after !== undefined && this.#names.size < 2 * MOST);
    }
  }

  nameOf(hash: Buffer): string | undefined {
    return this.#names.get(hash.toString('base64'));
  }

  #add(host: string, local: string): void {
    if (this.#names.size >= 2 * MOST) return;
    for (const name of forms(host, local)) this.#names.set(userhashOf(name, host).toString('base64'), name);
  }

  #remove(host: string, local: string): void {
    for (const name of forms(host, local)) this.#names.delete(userhashOf(name, host).toString('base64'));
  }
}

/** Clients give either. */
const forms = (host: string, local: string): readonly string[] => [local, `${local}@${host}`];
