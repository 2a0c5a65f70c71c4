/** RFC 3261 sections 20.10, 20.20 and 25.1: name-addr and addr-spec with parameters, as From, To, Contact, Route and others have them. */
import { isToken, quote, Scanner, splitList, TOKEN } from '#protocols/sip/message/grammar.ts';
import { MAX_LIST } from '#protocols/sip/message/limits.ts';
import { Params } from '#protocols/sip/message/params.ts';
import { parseUri, type SipUri, type Uri } from '#protocols/sip/message/uri.ts';
import { schemeOf } from '#protocols/sip/message/uri-parts.ts';

// What no URI has (RFC 3261 section 25.1, absoluteURI): white space, delimiters, controls.
const NO_URI = /[\s<>"\\^`{|}\u0000-\u001f\u007f]/;
// display-name = *(token LWS) / quoted-string; UTF-8 without quotes is written by many phones and hurts nobody.
const isDisplayChar = (code: number): boolean => TOKEN[code] === 1 || code >= 0x80;

const displayOf = (display: string): string =>
  display === '' ? '' : `${isToken(display) ? display : quote(display)} `;

/** Immutable. */
export class NameAddr {
  /** The display name, unquoted; '' when there is none. */
  readonly display: string;
  /** The URI as it is written. */
  readonly uri: string;
  /** The parameters of the header field, not those of the URI. */
  readonly params: Params;
  readonly #display: string;
  #parsed: Uri | undefined | null = null;

  private constructor(display: string, displayText: string, uri: string, params: Params) {
    this.display = display;
    this.#display = displayText;
    this.uri = uri;
    this.params = params;
  }

  static make(fields: { readonly display?: string; readonly uri: string | Uri; readonly params?: Params }): NameAddr {
    const { display = '', uri, params = Params.NONE } = fields;
    return new NameAddr(display, displayOf(display), String(uri), params);
  }

  /** One element: (name-addr / addr-spec) *( SEMI generic-param ). Undefined when it is malformed; its URI need not be of a known scheme. */
  static parse(text: string): NameAddr | undefined {
    const scanner = new Scanner(text);
    scanner.space();
    const from = scanner.at;
    const display = readDisplay(scanner);
    if (display === undefined) return undefined;
    const displayText = text.slice(from, scanner.at);
    const uri = scanner.take('<') ? readUntil(scanner, '>') : readAddrSpec(scanner, from);
    if (uri === undefined || schemeOf(uri) === undefined || NO_URI.test(uri)) return undefined;
    const params = Params.read(scanner);
    scanner.space();
    return params && scanner.done ? new NameAddr(display, displayText, uri, params) : undefined;
  }

  /** The elements of field values; undefined when one of them is malformed or there are too many. */
  static parseList(values: readonly string[]): readonly NameAddr[] | undefined {
    const list: NameAddr[] = [];
    for (const value of values) {
      for (const element of splitList(value)) {
        const parsed = NameAddr.parse(element);
        if (parsed === undefined || list.length >= MAX_LIST) return undefined;
        list.push(parsed);
      }
    }
    return list;
  }

  /** Undefined for a URI of an unknown scheme or a malformed one. */
  get parsedUri(): Uri | undefined {
    if (this.#parsed === null) this.#parsed = parseUri(this.uri);
    return this.#parsed;
  }

  get sipUri(): SipUri | undefined {
    const uri = this.parsedUri;
    return uri?.kind === 'sip' ? uri : undefined;
  }

  get tag(): string | undefined {
    return this.params.get('tag');
  }

  withTag(tag: string): NameAddr {
    return this.withParams(this.params.with('tag', tag));
  }

  withParams(params: Params): NameAddr {
    return new NameAddr(this.display, this.#display, this.uri, params);
  }

  /** Always with angle brackets, which a URI with a comma, question mark or semicolon needs (RFC 3261 section 20). */
  toString(): string {
    return `${this.#display}<${this.uri}>${this.params.toString()}`;
  }
}

// Stands at '<' after it, or where it began when what follows is an addr-spec.
function readDisplay(scanner: Scanner): string | undefined {
  const from = scanner.at;
  if (scanner.sees('"')) {
    const display = scanner.quoted();
    scanner.space();
    return scanner.sees('<') ? display : undefined;
  }
  let end = from;
  while (isDisplayChar(scanner.next)) {
    while (isDisplayChar(scanner.next)) scanner.at++;
    end = scanner.at;
    scanner.space();
  }
  if (scanner.sees('<')) return scanner.text.slice(from, end);
  scanner.at = from;
  return '';
}

function readUntil(scanner: Scanner, char: string): string | undefined {
  const end = scanner.text.indexOf(char, scanner.at);
  if (end < 0) return undefined;
  const text = scanner.text.slice(scanner.at, end);
  scanner.at = end + 1;
  return text;
}

// "If the URI is not enclosed in angle brackets, any semicolon-delimited parameters are header-parameters, not URI parameters", and
// one with a question mark or comma has to be (RFC 3261 section 20.10).
function readAddrSpec(scanner: Scanner, from: number): string | undefined {
  while (!scanner.done && !/[;,?<>"\s]/.test(scanner.text[scanner.at] ?? '')) scanner.at++;
  const uri = scanner.text.slice(from, scanner.at);
  scanner.space();
  return scanner.done || scanner.sees(';') ? uri : undefined;
}
