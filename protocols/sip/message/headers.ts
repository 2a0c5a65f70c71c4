/** RFC 3261 section 7.3: the header fields of a message, in their order, each kept as the text it arrived in. */
import { isSpace, splitList } from '#protocols/sip/message/grammar.ts';
import { canonicalName, type HeaderName } from '#protocols/sip/message/header-names.ts';

/** `text` without the spaces and tabs around it. */
export function trimSpace(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isSpace(text.charCodeAt(from))) from++;
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}

const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/;
const CONTROLS = /[\u0000-\u0008\u000a-\u001f\u007f]+/g;

/** One header field: its line or lines, without the last CRLF. */
export class Field {
  /** The canonical name (header-names.ts). */
  readonly name: string;
  /** Undefined for a name that is not known, and for a field made here. */
  readonly known: HeaderName | undefined;
  /** As it is written, folding included. */
  readonly text: string;
  readonly #valueAt: number;
  #value: string | undefined;
  #parsed: { readonly as: unknown } | undefined;

  /** @param known what the name is, where that was found out */
  constructor(name: string, text: string, valueAt: number, known?: HeaderName) {
    this.name = name;
    this.known = known;
    this.text = text;
    this.#valueAt = valueAt;
  }

  /**
   * A field made here. Controls in `value` become spaces, so that a value can never begin another field; HTAB stays.
   * @param as what `parsed` would make of the value, where that is known
   */
  static of(name: string, value: string, as?: unknown): Field {
    const clean = CONTROL.test(value) ? value.replace(CONTROLS, ' ') : value;
    const field = new Field(canonicalName(name), `${name}: ${clean}`, name.length + 1);
    if (as !== undefined) field.#parsed = { as };
    return field;
  }

  /** The value on one line: folding is a space (RFC 3261 section 7.3.1), white space around it is gone. */
  get value(): string {
    if (this.#value === undefined) {
      const raw = this.text.slice(this.#valueAt);
      this.#value = trimSpace(raw.includes('\r') ? raw.replace(/\r\n[ \t]+/g, ' ') : raw);
    }
    return this.#value;
  }

  /**
   * The value as `parse` reads it, which is asked once: edited messages share the fields that they leave alone. Fields of one name are
   * always read by the same function.
   */
  parsed<T>(parse: (value: string) => T): T {
    this.#parsed ??= { as: parse(this.value) };
    return this.#parsed.as as T;
  }
}

const NO_VALUES: readonly string[] = [];

/** Immutable. Every `name` may be given in any case and in its compact form. */
export class Headers {
  readonly fields: readonly Field[];

  constructor(fields: readonly Field[]) {
    this.fields = fields;
  }

  /** The first field of this name. */
  field(name: string): Field | undefined {
    const key = canonicalName(name);
    for (const field of this.fields) if (field.name === key) return field;
    return undefined;
  }

  has(name: string): boolean {
    return this.field(name) !== undefined;
  }

  count(name: string): number {
    const key = canonicalName(name);
    let count = 0;
    for (const field of this.fields) if (field.name === key) count++;
    return count;
  }

  /** The value of the first field of this name. */
  get(name: string): string | undefined {
    return this.field(name)?.value;
  }

  /** The values of all fields of this name, one a field. */
  all(name: string): readonly string[] {
    const key = canonicalName(name);
    let values: string[] | undefined;
    for (const field of this.fields) if (field.name === key) (values ??= []).push(field.value);
    return values ?? NO_VALUES;
  }

  /** The elements of all fields of this name, split at commas (RFC 3261 section 7.3.1). */
  list(name: string): readonly string[] {
    const values = this.all(name);
    return values.length === 0 ? values : values.flatMap(splitList).filter((element) => element !== '');
  }
}
