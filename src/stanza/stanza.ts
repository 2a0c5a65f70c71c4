import { Buffer } from 'node:buffer';
import type { Element } from 'ltx';
import type { Jid } from '#src/address/jid.ts';
import { conditions, type Refusal } from './conditions.ts';
import { buildRoot } from './parse.ts';
import { escapeAttribute, escapeText, writeElement } from './serialise.ts';

export type StanzaKind = 'message' | 'presence' | 'iq';

/** A child as code writes it: an element, or XML text that is already serialised. */
export type Child = Element | string;

export interface StanzaAttributes {
  readonly to?: Jid | undefined;
  readonly from?: Jid | undefined;
  readonly id?: string | undefined;
  readonly type?: string | undefined;
  readonly lang?: string | undefined;
}

const EMPTY = Buffer.alloc(0);
const END = {
  message: Buffer.from('</message>'),
  presence: Buffer.from('</presence>'),
  iq: Buffer.from('</iq>'),
} as const;

/**
 * A message, presence or iq (RFC 6120 section 8): the unit that the router carries. Readonly. The attributes are decoded; the
 * inner XML stays the bytes that arrived and becomes a tree only when somebody asks for `element`.
 *
 * `content` is well-formed XML in the default namespace `jabber:client`; `declarations` are the namespace declarations that it
 * relies on (` xmlns:x='urn:y'`, normally empty).
 */
export class Stanza {
  readonly kind: StanzaKind;
  readonly to: Jid | undefined;
  readonly from: Jid | undefined;
  readonly id: string | undefined;
  /** As sent; undefined when absent. See `messageType` for the default of messages. */
  readonly type: string | undefined;
  readonly lang: string | undefined;
  readonly content: Buffer;
  readonly declarations: string;
  #element: Element | undefined;

  constructor(
    kind: StanzaKind,
    to: Jid | undefined,
    from: Jid | undefined,
    id: string | undefined,
    type: string | undefined,
    lang: string | undefined,
    content: Buffer,
    declarations: string,
  ) {
    this.kind = kind;
    this.to = to;
    this.from = from;
    this.id = id;
    this.type = type;
    this.lang = lang;
    this.content = content;
    this.declarations = declarations;
    this.#element = undefined;
  }

  static make(kind: StanzaKind, attributes: StanzaAttributes, ...children: readonly Child[]): Stanza {
    const { to, from, id, type, lang } = attributes;
    return new Stanza(kind, to, from, id, type, lang, contentOf(children), '');
  }

  /** The tree, parsed at first use. Shared by all who hold this stanza: read it, never change it. */
  get element(): Element {
    this.#element ??= buildRoot(this.kind, this.#attributes(), this.content, this.declarations);
    return this.#element;
  }

  /** The first child element: the payload of an iq. */
  get payload(): Element | undefined {
    return this.content.length === 0 ? undefined : this.element.getChildElements()[0];
  }

  child(name: string, xmlns?: string): Element | undefined {
    return this.content.length === 0 ? undefined : this.element.getChild(name, xmlns ?? 'jabber:client');
  }

  /** RFC 6121 section 5.2.2: an absent or unknown type is "normal". */
  get messageType(): 'chat' | 'error' | 'groupchat' | 'headline' | 'normal' {
    const type = this.type;
    return type === 'chat' || type === 'error' || type === 'groupchat' || type === 'headline' ? type : 'normal';
  }

  get isRequest(): boolean {
    return this.kind === 'iq' && (this.type === 'get' || this.type === 'set');
  }

  /** The same content under other addresses. */
  addressed(to: Jid | undefined, from: Jid | undefined): Stanza {
    return new Stanza(this.kind, to, from, this.id, this.type, this.lang, this.content, this.declarations);
  }

  /** The same stanza with other children; the attributes stay. */
  withChildren(...children: readonly Child[]): Stanza {
    return new Stanza(this.kind, this.to, this.from, this.id, this.type, this.lang, contentOf(children), '');
  }

  /** The same stanza with one more child at its end. */
  withChild(child: Child): Stanza {
    const content = Buffer.concat([this.content, contentOf([child])]);
    return new Stanza(this.kind, this.to, this.from, this.id, this.type, this.lang, content, this.declarations);
  }

  /** The result of an iq request (RFC 6120 section 8.2.3), addresses swapped. */
  result(...children: readonly Child[]): Stanza {
    return new Stanza('iq', this.from, this.to, this.id, 'result', undefined, contentOf(children), '');
  }

  /** The error answer to this stanza (RFC 6120 section 8.3), addresses swapped; `by` says who refused. */
  error(refusal: Refusal, by?: Jid): Stanza {
    const { code, type } = conditions[refusal.condition];
    const ns = "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'";
    const text = refusal.text === undefined ? '' : `<text ${ns} xml:lang='en'>${escapeText(refusal.text)}</text>`;
    const source = by === undefined ? '' : ` by='${escapeAttribute(by.full)}'`;
    const address = refusal.address === undefined ? '/>' : `>${escapeText(refusal.address)}</${refusal.condition}>`;
    const body = `<error code='${code}' type='${refusal.type ?? type}'${source}><${refusal.condition} ${ns}${address}${text}${refusal.detail ?? ''}</error>`;
    return new Stanza(this.kind, this.from, this.to, this.id, 'error', undefined, Buffer.from(body), '');
  }

  /** The start tag as text; `to` overrides the stanza's own. */
  startTag(to: Jid | undefined = this.to): string {
    let tag = `<${this.kind}`;
    if (this.type !== undefined) tag += ` type='${escapeAttribute(this.type)}'`;
    if (this.id !== undefined) tag += ` id='${escapeAttribute(this.id)}'`;
    if (this.from !== undefined) tag += ` from='${escapeAttribute(this.from.full)}'`;
    if (to !== undefined) tag += ` to='${escapeAttribute(to.full)}'`;
    if (this.lang !== undefined) tag += ` xml:lang='${escapeAttribute(this.lang)}'`;
    if (this.declarations !== '') tag += this.declarations;
    return this.content.length === 0 ? `${tag}/>` : `${tag}>`;
  }

  /** The end tag's bytes; empty when the start tag already closed the element. */
  get endTag(): Buffer {
    return this.content.length === 0 ? EMPTY : END[this.kind];
  }

  /** The whole stanza as UTF-8, in the default namespace `jabber:client` of the surrounding stream. */
  toBytes(): Buffer {
    if (this.content.length === 0) return Buffer.from(this.startTag());
    return Buffer.concat([Buffer.from(this.startTag()), this.content, END[this.kind]]);
  }

  toString(): string {
    return this.toBytes().toString();
  }

  #attributes(): ReadonlyMap<string, string> {
    const attributes = new Map<string, string>();
    if (this.type !== undefined) attributes.set('type', this.type);
    if (this.id !== undefined) attributes.set('id', this.id);
    if (this.from !== undefined) attributes.set('from', this.from.full);
    if (this.to !== undefined) attributes.set('to', this.to.full);
    if (this.lang !== undefined) attributes.set('xml:lang', this.lang);
    return attributes;
  }
}

function contentOf(children: readonly Child[]): Buffer {
  if (children.length === 0) return EMPTY;
  let text = '';
  for (const child of children) text += typeof child === 'string' ? child : writeElement(child);
  return text === '' ? EMPTY : Buffer.from(text);
}
