/** Changes to a message: what is not changed keeps the bytes it arrived in. */
import { Buffer } from 'node:buffer';
import { splitList } from '#protocols/sip/message/grammar.ts';
import { canonicalName } from '#protocols/sip/message/header-names.ts';
import { Field, type Headers } from '#protocols/sip/message/headers.ts';
import { Via } from '#protocols/sip/message/via.ts';

/** What an edit ends in. */
export interface Edited {
  readonly uri: string;
  readonly fields: readonly Field[];
  readonly body: Buffer;
}

const NO_BODY = Buffer.alloc(0);

/** A Via is what reading it again would give. */
const fieldOf = (name: string, value: { toString(): string }): Field =>
  Field.of(name, String(value), value instanceof Via ? value : undefined);

/** Collects changes until `done`. Values may be anything that writes itself as one: a Via, a NameAddr, a URI, a number. */
export class MessageEdit<M> {
  readonly #build: (edited: Edited) => M;
  #uri: string;
  #fields: Field[];
  #body: Buffer;

  constructor(uri: string, headers: Headers, body: Buffer, build: (edited: Edited) => M) {
    this.#uri = uri;
    this.#fields = [...headers.fields];
    this.#body = body;
    this.#build = build;
  }

  /** One field of this name with this value, in the place of the first there was, else at the end. */
  set(name: string, value: { toString(): string }): this {
    const field = Field.of(name, String(value));
    const at = this.#at(field.name);
    if (at < 0) this.#fields.push(field);
    else {
      this.#fields = this.#fields.filter((each, index) => index <= at || each.name !== field.name);
      this.#fields[at] = field;
    }
    return this;
  }

  /** A further field, after the last of this name. */
  append(name: string, value: { toString(): string }): this {
    const field = Field.of(name, String(value));
    const at = this.#fields.findLastIndex((each) => each.name === field.name);
    this.#fields.splice(at < 0 ? this.#fields.length : at + 1, 0, field);
    return this;
  }

  /** A further field, before the first of this name; before all others when there is none. */
  prepend(name: string, value: { toString(): string }): this {
    const field = fieldOf(name, value);
    this.#fields.splice(Math.max(this.#at(field.name), 0), 0, field);
    return this;
  }

  /** Takes away the first element of a comma-separated list, the whole field when it was the only one. */
  removeFirst(name: string): this {
    return this.#first(name, []);
  }

  /** Replaces the first element of a comma-separated list, and leaves those after it. */
  replaceFirst(name: string, value: { toString(): string }): this {
    const at = this.#at(canonicalName(name));
    const field = this.#fields[at];
    if (field === undefined || field.value.includes(',')) return this.#first(name, [String(value)]);
    this.#fields[at] = fieldOf(field.name, value);
    return this;
  }

  /** Takes away all fields of this name. */
  remove(name: string): this {
    const key = canonicalName(name);
    this.#fields = this.#fields.filter((each) => each.name !== key);
    return this;
  }

  /** Another Request-URI; of no effect on a response. */
  uri(uri: { toString(): string }): this {
    this.#uri = String(uri);
    return this;
  }

  /** Another body; without `type` and `bytes`, none. Content-Length follows by itself. */
  body(type?: string, bytes: Buffer = NO_BODY): this {
    this.#body = bytes;
    if (type === undefined) return this.remove('Content-Type').remove('Content-Disposition').remove('Content-Encoding');
    return this.set('Content-Type', type);
  }

  done(): M {
    const length = String(this.#body.length);
    if (this.#fields[this.#at('Content-Length')]?.value !== length) this.set('Content-Length', length);
    return this.#build({ uri: this.#uri, fields: this.#fields, body: this.#body });
  }

  #at(key: string): number {
    return this.#fields.findIndex((each) => each.name === key);
  }

  #first(name: string, instead: readonly string[]): this {
    const key = canonicalName(name);
    const at = this.#at(key);
    const field = this.#fields[at];
    if (field === undefined) return this;
    const elements = [...instead, ...splitList(field.value).slice(1)];
    if (elements.length === 0) this.#fields.splice(at, 1);
    else this.#fields[at] = Field.of(key, elements.join(', '));
    return this;
  }
}
