/** RFC 7616 section 3.4.4: which account a hashed user name stands for. */
import { text } from '#src/store/codec.ts';
import type { Store, Table } from '#src/store/store.ts';
import { ha1Algorithms, ha1Names, userhashOf } from './verifiers.ts';

/** No host has this name: the entry says that the accounts of before the index are in it. */
const COMPLETE = [''];

/** An entry for each algorithm and each form of the name, written with the account: nothing is searched for, however many there are. */
export class UserHashes {
  readonly #names: Table<string>;

  constructor(store: Store) {
    this.#names = store.table('user-hashes', text);
  }

  /** The user name, as it went into the hash. */
  find(host: string, userhash: string): string | undefined {
    return this.#names.get([host, compact(userhash)]);
  }

  add(host: string, local: string): void {
    for (const [hash, name] of entries(host, local)) this.#names.put([host, hash], name);
  }

  remove(host: string, local: string): void {
    for (const [hash] of entries(host, local)) this.#names.delete([host, hash]);
  }

  get complete(): boolean {
    return this.#names.has(COMPLETE);
  }

  /** Says so in the group of the writes before. */
  finish(): void {
    this.#names.put(COMPLETE, '1');
  }
}

function entries(host: string, local: string): readonly (readonly [hash: string, name: string])[] {
  const names = Object.values(ha1Names(host, local));
  return ha1Algorithms.flatMap((algorithm) =>
    names.map((name) => [compact(userhashOf(algorithm, name, host)), name] as const),
  );
}

/** Half of a long hash is enough to tell accounts apart: whose it is, the password proves. */
const compact = (userhash: string): string => Buffer.from(userhash.slice(0, 32), 'hex').toString('base64url');
