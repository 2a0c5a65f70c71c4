import type { Jid } from '#src/address/jid.ts';
import { json } from '#src/store/codec.ts';
import type { Store, Table } from '#src/store/store.ts';
import { dialogKey, keyOf, keyOfRequest } from './dialog.ts';
import type { SipRequest } from '../message/message.ts';
import type { StoredSubscription, Subscription } from './subscription.ts';

const rows = json<StoredSubscription>({
  check(value) {
    const row = value as StoredSubscription;
    if (row.version !== 1)
      throw new RangeError(`a subscription of version ${String(row.version)}; this program knows version 1`);
    return row;
  },
});

const NONE: ReadonlySet<Subscription> = new Set();

/** The subscriptions of all hosts, by what one looks for, and in the store. */
export class SubscriptionTable {
  readonly #rows: Table<StoredSubscription>;
  readonly #dialogs = new Map<string, Subscription>();
  /** By the bare address of the presentity; of those of lists, by that of their owner. */
  readonly #presentities = new Map<string, Set<Subscription>>();
  readonly #watchers = new Map<string, Set<Subscription>>();
  /** Those of lists, by the bare addresses of the contacts in them. */
  readonly #contacts = new Map<string, Set<Subscription>>();

  constructor(store: Store) {
    this.#rows = store.table('sip-subscriptions', rows);
  }

  get size(): number {
    return this.#dialogs.size;
  }

  [Symbol.iterator](): IterableIterator<Subscription> {
    return this.#dialogs.values();
  }

  /** What is stored, to be made live again. */
  async *stored(): AsyncIterable<StoredSubscription> {
    for await (const [, row] of this.#rows.scan([])) yield row;
  }

  /** The subscription that a request is in. */
  of(request: SipRequest): Subscription | undefined {
    const key = keyOfRequest(request);
    return key === undefined ? undefined : this.#dialogs.get(key);
  }

  to(presentity: Jid): ReadonlySet<Subscription> {
    return this.#presentities.get(presentity.bare) ?? NONE;
  }

  by(watcher: Jid): ReadonlySet<Subscription> {
    return this.#watchers.get(watcher.bare) ?? NONE;
  }

  /** The lists that a contact is in. */
  listing(contact: Jid): ReadonlySet<Subscription> {
    return this.#contacts.get(contact.bare) ?? NONE;
  }

  add(subscription: Subscription): void {
    this.#dialogs.set(keyOf(subscription.dialog), subscription);
    put(this.#presentities, subscription.presentity.bare, subscription);
    put(this.#watchers, subscription.watcher.bare, subscription);
  }

  save(subscription: Subscription): void {
    this.#rows.put(rowKey(subscription), subscription.stored);
  }

  remove(subscription: Subscription): void {
    this.#dialogs.delete(keyOf(subscription.dialog));
    take(this.#presentities, subscription.presentity.bare, subscription);
    take(this.#watchers, subscription.watcher.bare, subscription);
    this.watch(subscription, new Set());
    this.#rows.delete(rowKey(subscription));
  }

  /** The contacts of a list whose changes matter to a subscription. */
  watch(subscription: Subscription, contacts: ReadonlySet<string>): void {
    for (const contact of subscription.watched) if (!contacts.has(contact)) take(this.#contacts, contact, subscription);
    for (const contact of contacts) if (!subscription.watched.has(contact)) put(this.#contacts, contact, subscription);
    subscription.watched = contacts;
  }
}

function rowKey({ dialog, presentity }: Subscription): readonly string[] {
  const { callId, localTag, remoteTag } = dialog;
  return [presentity.domain, presentity.local, dialogKey(callId, localTag, remoteTag)];
}

function put(map: Map<string, Set<Subscription>>, key: string, subscription: Subscription): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, new Set([subscription]));
  else known.add(subscription);
}

function take(map: Map<string, Set<Subscription>>, key: string, subscription: Subscription): void {
  const known = map.get(key);
  known?.delete(subscription);
  if (known?.size === 0) map.delete(key);
}
