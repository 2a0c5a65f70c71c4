import { SaxesParser } from 'saxes';

/** An element as a client needs it: names as they are written, namespaces resolved. */
export interface Node {
  readonly name: string;
  readonly xmlns: string;
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly Node[];
  readonly text: string;
}

interface OpenNode extends Node {
  readonly children: Node[];
  text: string;
}

export function childOf(node: Node, name: string): Node | undefined {
  return node.children.find((child) => child.name === name);
}

/**
 * The server's half of a stream (RFC 6120 section 4), read by a parser that shares nothing with the server's own.
 * `onNode` for each whole first-level element, `onEnd` for the closing tag. Throws on bad XML.
 */
export class StreamReader {
  readonly #parser = new SaxesParser({ xmlns: true });
  readonly #open: OpenNode[] = [];
  #stopped = false;

  constructor(handler: { onNode(node: Node): void; onEnd(): void }) {
    this.#parser.on('opentag', (tag) => {
      const attributes = new Map(Object.entries(tag.attributes).map(([name, { value }]) => [name, value]));
      const node: OpenNode = { name: tag.local, xmlns: tag.uri, attributes, children: [], text: '' };
      this.#open.push(node);
    });
    this.#parser.on('text', (text) => {
      const node = this.#open.at(-1);
      if (node !== undefined) node.text += text;
    });
    this.#parser.on('closetag', () => {
      const node = this.#open.pop();
      if (node === undefined || this.#stopped) return;
      if (this.#open.length === 0) handler.onEnd();
      // The root keeps nothing: a stream is long.
      else if (this.#open.length === 1) handler.onNode(node);
      else this.#open.at(-1)?.children.push(node);
    });
    this.#parser.on('error', (error) => {
      throw error;
    });
  }

  push(text: string): void {
    if (!this.#stopped) this.#parser.write(text);
  }

  /** Nothing more is told, whatever is still in the chunk. */
  stop(): void {
    this.#stopped = true;
  }
}
