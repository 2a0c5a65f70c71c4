/**
 * The attributes of one start tag, decoded, in the order of the wire. Small and read-only: a stanza has four or five, so a
 * walk over an array is quicker than a Map and, unlike an object, has no names that mean something to the language.
 */
export class Attributes implements Iterable<readonly [string, string]> {
  static readonly NONE: Attributes = new Attributes([]);

  /** Names and values in turn. */
  private readonly pairs: readonly string[];

  constructor(pairs: readonly string[]) {
    this.pairs = pairs;
  }

  get size(): number {
    return this.pairs.length >> 1;
  }

  /** The value of the attribute with this name as written (`to`, `xml:lang`); undefined when there is none. */
  get(name: string): string | undefined {
    const { pairs } = this;
    for (let index = 0; index < pairs.length; index += 2) {
      if (pairs[index] === name) return pairs[index + 1];
    }
    return undefined;
  }

  *[Symbol.iterator](): Iterator<readonly [string, string]> {
    for (let index = 0; index < this.pairs.length; index += 2) {
      yield [this.pairs[index] as string, this.pairs[index + 1] as string];
    }
  }
}
