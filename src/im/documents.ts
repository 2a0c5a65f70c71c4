import { Buffer } from 'node:buffer';
import type { Jid } from '#src/address/jid.ts';
import type { Host } from '#src/router/host.ts';
import { type Written, written } from '#src/router/iq.ts';
import { type Refusal, refuse } from '#src/stanza/conditions.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { json, text } from '#src/store/codec.ts';
import type { Store, Table } from '#src/store/store.ts';

declare module '#src/plugin/contracts.ts' {
  interface Services {
    readonly documents: Documents;
  }
}

export interface DocumentLimits {
  /** Bytes that the documents of one account may have together, names included. */
  documents(host: string): number;
}

/** Names and sizes of an account's documents, in bytes. */
type Sizes = Readonly<Record<string, number>>;

/** Documents of one account. With names of 1 KB at most the list of sizes stays below what one value may be. */
const DOCUMENTS = 500;

/** XML that an account keeps on the server by name, such as its profile and what its clients store: one quota for all of it. */
export class Documents {
  readonly #store: Store;
  readonly #texts: Table<string>;
  readonly #sizes: Table<Sizes>;
  readonly #limits: DocumentLimits;

  constructor(store: Store, limits: DocumentLimits) {
    this.#store = store;
    this.#texts = store.table('documents', text);
    this.#sizes = store.table('document-sizes', json<Sizes>());
    this.#limits = limits;
  }

  serve(host: Host): readonly Disposable[] {
    return [host.hooks.notice('account/removed').add('main', ({ host: domain, local }) => this.#drop(domain, local))];
  }

  get({ domain, local }: Jid, name: string): string | undefined {
    return this.#texts.get([domain, local, name]);
  }

  /** Bytes that an account uses. */
  used({ domain, local }: Jid): number {
    return total(this.#sizes.get([domain, local]) ?? {});
  }

  /**
   * Keeps documents, all or none; one of the same name is replaced.
   * @returns resource-constraint when they are more than the account may keep
   */
  put({ domain, local }: Jid, documents: ReadonlyMap<string, string>): Refusal | undefined {
    const sizes = Object.assign(Object.create(null), this.#sizes.get([domain, local])) as Record<string, number>;
    for (const [name, xml] of documents) sizes[name] = Buffer.byteLength(name) + Buffer.byteLength(xml);
    if (Object.keys(sizes).length > DOCUMENTS) return refuse('resource-constraint', 'too many documents');
    if (total(sizes) > this.#limits.documents(domain))
      return refuse('resource-constraint', 'the storage of this account is full');
    this.#store.batch(() => {
      for (const [name, xml] of documents) this.#texts.put([domain, local, name], xml);
      this.#sizes.put([domain, local], sizes);
    });
    return undefined;
  }

  /** A reply that says the write is done: given once it is durable. */
  durable(reply: Stanza): Stanza | Written {
    return written(this.#store, reply);
  }

  #drop(domain: string, local: string): void {
    for (const name of Object.keys(this.#sizes.get([domain, local]) ?? {})) this.#texts.delete([domain, local, name]);
    this.#sizes.delete([domain, local]);
  }
}

function total(sizes: Sizes): number {
  return Object.values(sizes).reduce((sum, size) => sum + size, 0);
}
