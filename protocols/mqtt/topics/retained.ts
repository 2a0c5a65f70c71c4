import type { Message } from '../packet/types.ts';

/** A retained message (MQTT 5 section 3.3.1.3). */
export interface Retained {
  readonly message: Message;
  /** When it was published, milliseconds since the epoch. */
  readonly at: number;
  /** When it expires; undefined for never. */
  readonly expires: number | undefined;
}

/** Where retained messages outlive the process. */
export interface RetainedTable {
  put(topic: string, retained: Retained): void;
  delete(topic: string): void;
  load(): AsyncIterable<readonly [topic: string, retained: Retained]>;
}

export interface RetainedLimits {
  /** Topics with a retained message. */
  readonly count: number;
  /** Bytes of all topics and payloads. */
  readonly bytes: number;
}

interface Node {
  readonly parent: Node | undefined;
  readonly level: string;
  readonly children: Map<string, Node>;
  retained: Retained | undefined;
}

/** The retained messages of a host, found by topic filter. The table has them all; the tree is how they are found. */
export class RetainedMessages {
  readonly #table: RetainedTable;
  readonly #limits: () => RetainedLimits;
  readonly #root: Node = { parent: undefined, level: '', children: new Map(), retained: undefined };
  #count = 0;
  #bytes = 0;

  constructor(table: RetainedTable, limits: () => RetainedLimits) {
    this.#table = table;
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Brings back what the last process kept. */
  async load(now: number): Promise<void> {
    for await (const [topic, retained] of this.#table.load()) {
      if (isExpired(retained, now)) this.#table.delete(topic);
      else this.#set(topic, retained);
    }
  }

  /** Whether the limits leave room for a message in the place of the one before. */
  hasRoom({ payload, topic }: Message, now: number): boolean {
    const old = this.get(topic, now);
    const { bytes, count } = this.#limits();
    const more = sizeOf(topic, payload.length) - (old === undefined ? 0 : sizeOf(topic, old.message.payload.length));
    return this.#count + (old === undefined ? 1 : 0) <= count && this.#bytes + more <= bytes;
  }

  /** Keeps a message in the place of the one before. @returns false when there is no room: the caller refuses with 0x97 */
  put(message: Message, now: number): boolean {
    if (!this.hasRoom(message, now)) return false;
    const { properties, topic } = message;
    const expires = properties.messageExpiry === undefined ? undefined : now + properties.messageExpiry * 1000;
    const retained = { message, at: now, expires };
    this.#set(topic, retained);
    this.#table.put(topic, retained);
    return true;
  }

  /** An empty payload takes the message away. @returns whether there was one */
  clear(topic: string): boolean {
    const node = this.#find(topic);
    if (node?.retained === undefined) return false;
    this.#drop(topic, node);
    this.#table.delete(topic);
    return true;
  }

  get(topic: string, now: number): Retained | undefined {
    const node = this.#find(topic);
    if (node?.retained === undefined) return undefined;
    if (!isExpired(node.retained, now)) return node.retained;
    this.clear(topic);
    return undefined;
  }

  /** At most `limit` messages whose topics match the filter, in the order of the tree. Walks without recursion. */
  match(filter: string, limit: number, now: number): readonly Retained[] {
    const levels = filter.split('/');
    const found: Retained[] = [];
    const stack: [node: Node, depth: number][] = [[this.#root, 0]];
    for (let entry = stack.pop(); entry !== undefined && found.length < limit; entry = stack.pop()) {
      const [node, depth] = entry;
      const level = levels[depth];
      const everything = level === '#';
      if (level === undefined || everything) {
        if (node.retained !== undefined) this.#collect(node.retained, found, now);
        if (level === undefined) continue;
      }
      if (!everything && level !== '+') {
        const child = node.children.get(level);
        if (child !== undefined) stack.push([child, depth + 1]);
        continue;
      }
      for (const child of node.children.values()) {
        // MQTT 5 section 4.7.2: wildcards at the beginning do not reach topics that begin with $.
        if (depth === 0 && child.level.startsWith('$')) continue;
        stack.push([child, everything ? depth : depth + 1]);
      }
    }
    return found;
  }

  #collect(retained: Retained, found: Retained[], now: number): void {
    if (isExpired(retained, now)) this.clear(retained.message.topic);
    else found.push(retained);
  }

  #find(topic: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const level of topic.split('/')) node = node?.children.get(level);
    return node;
  }

  #set(topic: string, retained: Retained): void {
    let node = this.#root;
    for (const level of topic.split('/')) {
      let child = node.children.get(level);
      if (child === undefined) {
        child = { parent: node, level, children: new Map(), retained: undefined };
        node.children.set(level, child);
      }
      node = child;
    }
    if (node.retained === undefined) this.#count += 1;
    else this.#bytes -= sizeOf(topic, node.retained.message.payload.length);
    this.#bytes += sizeOf(topic, retained.message.payload.length);
    node.retained = retained;
  }

  #drop(topic: string, from: Node): void {
    if (from.retained !== undefined) this.#bytes -= sizeOf(topic, from.retained.message.payload.length);
    from.retained = undefined;
    this.#count -= 1;
    let node: Node | undefined = from;
    while (node?.parent !== undefined && node.retained === undefined && node.children.size === 0) {
      node.parent.children.delete(node.level);
      node = node.parent;
    }
  }
}

function isExpired({ expires }: Retained, now: number): boolean {
  return expires !== undefined && expires <= now;
}

function sizeOf(topic: string, payload: number): number {
  return topic.length + payload;
}
