/** RFC 3261 section 25.1 generic-param: the `;name=value` parameters of a header field value, in their order and as they were written. */
import { GEN_VALUE, isAll, quote, type Scanner } from '#protocols/sip/message/grammar.ts';
import { MAX_PARAMS } from '#protocols/sip/message/limits.ts';

interface Param {
  readonly name: string;
  /** Unquoted; undefined when the parameter has no value. */
  readonly value: string | undefined;
  readonly text: string;
}

const paramOf = (name: string, value: string | undefined): Param => {
  const text = value === undefined || isAll(GEN_VALUE, value) ? value : quote(value);
  return { name: name.toLowerCase(), value, text: text === undefined ? name : `${name}=${text}` };
};

/** Immutable. Names are looked up in lower case. */
export class Params {
  static readonly NONE = new Params([]);
  readonly #list: readonly Param[];

  private constructor(list: readonly Param[]) {
    this.#list = list;
  }

  static of(entries: Iterable<readonly [name: string, value?: string]>): Params {
    return new Params(Array.from(entries, ([name, value]) => paramOf(name, value)));
  }

  /**
   * Reads `*( SEMI generic-param )` from where `scanner` stands. Undefined when one is malformed, there are too many, or a name is
   * given twice ("any given parameter-name MUST NOT appear more than once", RFC 3261 section 7.3.1).
   */
  static read(scanner: Scanner): Params | undefined {
    if (!scanner.separator(';')) return Params.NONE;
    const list: Param[] = [];
    do {
      const from = scanner.at;
      const name = scanner.token().toLowerCase();
      if (name === '' || list.length >= MAX_PARAMS || list.some((each) => each.name === name)) return undefined;
      let to = scanner.at;
      let value: string | undefined;
      if (scanner.separator('=')) {
        value = scanner.sees('"') ? scanner.quoted() : scanner.run(GEN_VALUE) || undefined;
        if (value === undefined) return undefined;
        to = scanner.at;
      }
      list.push({ name, value, text: scanner.text.slice(from, to) });
    } while (scanner.separator(';'));
    return new Params(list);
  }

  get size(): number {
    return this.#list.length;
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /** The value, unquoted; '' for a parameter without one; undefined when it is absent. `name` in lower case. */
  get(name: string): string | undefined {
    const found = this.#find(name);
    return found && (found.value ?? '');
  }

  #find(name: string): Param | undefined {
    for (const each of this.#list) if (each.name === name) return each;
    return undefined;
  }

  *[Symbol.iterator](): IterableIterator<readonly [name: string, value: string]> {
    for (const { name, value } of this.#list) yield [name, value ?? ''];
  }

  /** With `name` set in its place, or added at the end. A value is quoted where it must be. */
  with(name: string, value?: string): Params {
    return this.withAll([[name, value]]);
  }

  /** The same for several. */
  withAll(entries: Iterable<readonly [name: string, value: string | undefined]>): Params {
    const list = [...this.#list];
    for (const [name, value] of entries) {
      const param = paramOf(name, value);
      const at = list.findIndex((each) => each.name === param.name);
      if (at < 0) list.push(param);
      else list[at] = param;
    }
    return new Params(list);
  }

  without(name: string): Params {
    return this.has(name) ? new Params(this.#list.filter((each) => each.name !== name)) : this;
  }

  /** `;name=value;name`, '' when there are none. */
  toString(): string {
    let out = '';
    for (const { text } of this.#list) out += `;${text}`;
    return out;
  }
}
