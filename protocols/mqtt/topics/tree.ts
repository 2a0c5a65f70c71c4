import type { QoS, Subscription } from '../packet/types.ts';
import { FewOrMany } from './few.ts';

/** A subscription in force, with what SUBSCRIBE gave it. */
export interface Granted extends Subscription {
  /** MQTT 5 section 3.8.2.1.2. */
  readonly id: number | undefined;
}

/** How one subscriber gets a message: overlapping subscriptions are merged (MQTT 5 section 3.3.4). */
export interface Match<S> {
  readonly subscriber: S;
  /** The highest of the matching subscriptions. */
  readonly qos: QoS;
  /** The RETAIN flag goes through as it was published. */
  readonly retainAsPublished: boolean;
  /** All of the matching subscriptions are "no local": the publisher's own messages stay away. */
  readonly noLocal: boolean;
  readonly ids: readonly number[];
}

interface Node<S> {
  readonly parent: Node<S> | undefined;
  readonly level: string;
  /** By level, without that for `+`; undefined for none. */
  children: FewOrMany<string, Node<S>> | undefined;
  /** The child for `+`. */
  plus: Node<S> | undefined;
  /** Who subscribed to the filter that ends here. */
  own: FewOrMany<S, Granted> | undefined;
  /** Who subscribed to this and everything below: `#` as the next level. */
  below: FewOrMany<S, Granted> | undefined;
}

/** Topics whose matches are remembered, and matches remembered in all: a bound on memory, not on anything else. */
const REMEMBERED_TOPICS = 10_000;
const REMEMBERED_MATCHES = 200_000;

/**
 * The subscriptions of a host (MQTT 5 section 4.7), as a tree of topic levels. A publication walks only the branches that can match;
 * nothing recurses, so the depth of a topic costs no stack. What a topic matched last time is remembered until a subscription changes.
 */
export class TopicTree<S> {
  readonly #root = makeNode<S>(undefined, '');
  readonly #remembered = new Map<string, readonly Match<S>[]>();
  #rememberedMatches = 0;
  #size = 0;

  /** Subscriptions in force. */
  get size(): number {
    return this.#size;
  }

  /** Adds or replaces. @returns what it replaced (MQTT 5 section 3.8.4) */
  subscribe(subscriber: S, granted: Granted): Granted | undefined {
    const levels = granted.filter.split('/');
    const wild = levels.at(-1) === '#';
    if (wild) levels.pop();
    let node = this.#root;
    for (const level of levels) node = childOf(node, level);
    const subscribers = wild ? (node.below ??= new FewOrMany()) : (node.own ??= new FewOrMany());
    const old = subscribers.get(subscriber);
    subscribers.set(subscriber, granted);
    if (old === undefined) this.#size += 1;
    this.#forget();
    return old;
  }

  /** @returns whether there was one */
  unsubscribe(subscriber: S, filter: string): boolean {
    const levels = filter.split('/');
    const wild = levels.at(-1) === '#';
    if (wild) levels.pop();
    let node: Node<S> | undefined = this.#root;
    for (const level of levels) {
      node = level === '+' ? node.plus : node.children?.get(level);
      if (node === undefined) return false;
    }
    const subscribers = wild ? node.below : node.own;
    if (subscribers?.delete(subscriber) !== true) return false;
    if (subscribers.size === 0) {
      if (wild) node.below = undefined;
      else node.own = undefined;
      prune(node);
    }
    this.#size -= 1;
    this.#forget();
    return true;
  }

  /** Everybody who gets a message on this topic, each once. The result is shared: read it only. */
  match(topic: string): readonly Match<S>[] {
    const known = this.#remembered.get(topic);
    if (known !== undefined) return known;
    const matches = merge(this.#collect(topic));
    if (this.#remembered.size >= REMEMBERED_TOPICS || this.#rememberedMatches > REMEMBERED_MATCHES) this.#forget();
    this.#remembered.set(topic, matches);
    this.#rememberedMatches += matches.length;
    return matches;
  }

  #forget(): void {
    if (this.#remembered.size > 0) this.#remembered.clear();
    this.#rememberedMatches = 0;
  }

  #collect(topic: string): readonly FewOrMany<S, Granted>[] {
    const found: FewOrMany<S, Granted>[] = [];
    const levels = topic.split('/');
    // Section 4.7.2: a filter that begins with a wildcard does not match a topic that begins with $.
    const hidden = topic.startsWith('$');
    let reached: Node<S>[] = [this.#root];
    for (const [depth, level] of levels.entries()) {
      const next: Node<S>[] = [];
      const literalOnly = hidden && depth === 0;
      for (const node of reached) {
        if (node.below !== undefined && !literalOnly) found.push(node.below);
        const child = node.children?.get(level);
        if (child !== undefined) next.push(child);
        if (node.plus !== undefined && !literalOnly) next.push(node.plus);
      }
      if (next.length === 0) return found;
      reached = next;
    }
    for (const node of reached) {
      if (node.own !== undefined) found.push(node.own);
      // Section 4.7.1.2: `sport/#` matches `sport` too.
      if (node.below !== undefined) found.push(node.below);
    }
    return found;
  }
}

function makeNode<S>(parent: Node<S> | undefined, level: string): Node<S> {
  return { parent, level, children: undefined, plus: undefined, own: undefined, below: undefined };
}

function childOf<S>(node: Node<S>, level: string): Node<S> {
  if (level === '+') return (node.plus ??= makeNode(node, level));
  const children = (node.children ??= new FewOrMany());
  let child = children.get(level);
  if (child === undefined) {
    child = makeNode(node, level);
    children.set(level, child);
  }
  return child;
}

/** Takes out branches that nobody subscribes to any more. */
function prune<S>(from: Node<S>): void {
  let node: Node<S> | undefined = from;
  while (node?.parent !== undefined && isBare(node)) {
    const { level, parent }: Node<S> = node;
    if (level === '+') parent.plus = undefined;
    else parent.children?.delete(level);
    node = parent;
  }
}

function isBare<S>({ below, children, own, plus }: Node<S>): boolean {
  return own === undefined && below === undefined && plus === undefined && (children?.size ?? 0) === 0;
}

function merge<S>(found: readonly FewOrMany<S, Granted>[]): readonly Match<S>[] {
  const [only] = found;
  if (found.length === 1 && only !== undefined)
    return [...only].map(([subscriber, granted]) => matchOf(subscriber, granted));
  const merged = new Map<S, Match<S>>();
  for (const subscribers of found) {
    for (const [subscriber, granted] of subscribers) {
      const other = merged.get(subscriber);
      const match = matchOf(subscriber, granted);
      merged.set(subscriber, other === undefined ? match : both(other, match));
    }
  }
  return [...merged.values()];
}

function matchOf<S>(subscriber: S, { id, noLocal, qos, retainAsPublished }: Granted): Match<S> {
  return { subscriber, qos, retainAsPublished, noLocal, ids: id === undefined ? NO_IDS : [id] };
}

function both<S>(one: Match<S>, other: Match<S>): Match<S> {
  return {
    subscriber: one.subscriber,
    qos: one.qos > other.qos ? one.qos : other.qos,
    retainAsPublished: one.retainAsPublished || other.retainAsPublished,
    noLocal: one.noLocal && other.noLocal,
    ids: [...one.ids, ...other.ids],
  };
}

const NO_IDS: readonly number[] = Object.freeze([]);
