import type { Publication } from './publication.ts';
import type { Session } from './session.ts';
import { ShareGroup } from './share-group.ts';
import { FewOrMany } from './topics/few.ts';
import { readShared, type ShareStrategy } from './topics/shared.ts';
import { type Granted, type Match, TopicTree } from './topics/tree.ts';

/** A part of the server that subscribes, such as an uplink. */
export interface LocalSubscriber {
  deliver(publication: Publication, match: Match<unknown>): void;
}

export type Subscriber = Session | ShareGroup | LocalSubscriber;

/** The subscriptions of a host's sessions: plain ones, and those that are shared (MQTT 5 section 4.8). */
export class Subscriptions {
  readonly #tree = new TopicTree<Subscriber>();
  readonly #groups = new Map<string, ShareGroup>();
  readonly #strategy: () => ShareStrategy;
  #count = 0;
  #system = 0;

  constructor(strategy: () => ShareStrategy) {
    this.#strategy = strategy;
  }

  /** Subscriptions of all sessions. */
  get size(): number {
    return this.#count;
  }

  /** Somebody may see topics that begin with $: those of the server itself are not published when nobody does. */
  get watchesSystem(): boolean {
    return this.#system > 0;
  }

  get groups(): Iterable<ShareGroup> {
    return this.#groups.values();
  }

  get groupCount(): number {
    return this.#groups.size;
  }

  /** By `name/filter`. */
  group(key: string): ShareGroup | undefined {
    return this.#groups.get(key);
  }

  match(topic: string): readonly Match<Subscriber>[] {
    return this.#tree.match(topic);
  }

  /** Adds or replaces. @returns what it replaced */
  add(session: Session, granted: Granted): Granted | undefined {
    const { filter } = granted;
    session.subscriptions ??= new FewOrMany();
    const old = session.subscriptions.get(filter);
    session.subscriptions.set(filter, granted);
    const shared = readShared(filter);
    if (old === undefined) this.#counted(shared?.filter ?? filter, 1);
    if (shared === undefined) this.#tree.subscribe(session, granted);
    else this.#groupOf(shared.name, shared.filter).join(session, granted);
    return old;
  }

  #counted(filter: string, change: 1 | -1): void {
    this.#count += change;
    if (filter.startsWith('$')) this.#system += change;
  }

  #groupOf(name: string, filter: string): ShareGroup {
    const key = `${name}/${filter}`;
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = new ShareGroup(key, filter, this.#strategy);
      this.#groups.set(key, group);
      this.#tree.subscribe(group, group.granted);
    }
    return group;
  }

  /** @returns whether there was one */
  remove(session: Session, filter: string): boolean {
    if (session.subscriptions?.delete(filter) !== true) return false;
    if (session.subscriptions.size === 0) session.subscriptions = undefined;
    const shared = readShared(filter);
    this.#counted(shared?.filter ?? filter, -1);
    if (shared === undefined) return this.#tree.unsubscribe(session, filter);
    const key = `${shared.name}/${shared.filter}`;
    const group = this.#groups.get(key);
    group?.leave(session);
    if (group?.size === 0) {
      this.#groups.delete(key);
      this.#tree.unsubscribe(group, shared.filter);
    }
    return true;
  }

  /** Subscriptions of a part of the server: in no list of subscriptions. */
  addLocal(subscriber: LocalSubscriber, granted: Granted): void {
    this.#tree.subscribe(subscriber, granted);
    if (granted.filter.startsWith('$')) this.#system += 1;
  }

  removeLocal(subscriber: LocalSubscriber, filter: string): void {
    if (this.#tree.unsubscribe(subscriber, filter) && filter.startsWith('$')) this.#system -= 1;
  }

  removeAll(session: Session): void {
    for (const filter of [...(session.subscriptions?.keys() ?? [])]) this.remove(session, filter);
  }
}
