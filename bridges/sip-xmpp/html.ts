/** RFC 7572 section 7: `text/html` as XHTML-IM (XEP-0071, version 1.5.4) and as plain text. Reads once, from left to right. */
import { escapeAttribute, escapeText } from '#src/stanza/serialise.ts';

export const XHTML_IM = 'http://jabber.org/protocol/xhtml-im';
const XHTML = 'http://www.w3.org/1999/xhtml';

/** The recommended elements (XEP-0071 section 7), and others that mean the same. */
const ELEMENTS: ReadonlyMap<string, string> = new Map([
  ['a', 'a'],
  ['b', 'strong'],
  ['blockquote', 'blockquote'],
  ['br', 'br'],
  ['cite', 'cite'],
  ['code', 'code'],
  ['em', 'em'],
  ['i', 'em'],
  ['li', 'li'],
  ['ol', 'ol'],
  ['p', 'p'],
  ['pre', 'pre'],
  ['strong', 'strong'],
  ['ul', 'ul'],
]);
/** They begin a line of the plain text. */
const LINES: ReadonlySet<string> = new Set([
  'blockquote',
  'br',
  'div',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'li',
  'p',
  'pre',
  'tr',
]);
/** What is in them is not for readers. */
const HIDDEN: ReadonlySet<string> = new Set([
  'head',
  'iframe',
  'math',
  'noscript',
  'object',
  'script',
  'style',
  'svg',
  'template',
  'title',
]);
/** Links that a client may offer: none that runs anything. */
const LINKS = /^(?:https?|mailto|sips?|tel|xmpp):/i;
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['apos', "'"],
  ['gt', '>'],
  ['lt', '<'],
  ['nbsp', '\u00a0'],
  ['quot', '"'],
]);
const MAX_DEPTH = 32;

export interface Rendered {
  readonly text: string;
  /** The `<html/>` child of a message. */
  readonly xhtml: string;
}

interface Tag {
  readonly name: string;
  readonly closes: boolean;
  /** As written, the name left out. */
  readonly attributes: string;
}

export function renderHtml(html: string): Rendered {
  const renderer = new Renderer();
  let at = 0;
  while (at < html.length) {
    const open = html.indexOf('<', at);
    renderer.characters(html.slice(at, open < 0 ? html.length : open));
    if (open < 0) break;
    at = tagAt(html, open, renderer);
  }
  return renderer.end();
}

/** @returns where reading goes on */
function tagAt(html: string, open: number, renderer: Renderer): number {
  if (html.startsWith('<!--', open)) {
    const end = html.indexOf('-->', open + 4);
    return end < 0 ? html.length : end + 3;
  }
  const end = html.indexOf('>', open);
  if (end < 0) return html.length;
  const [, slash = '', name = '', attributes = ''] =
    /^<(\/?)([A-Za-z][A-Za-z0-9]*)([^>]*)>$/.exec(html.slice(open, end + 1)) ?? [];
  if (name !== '') renderer.tag({ name: name.toLowerCase(), closes: slash !== '', attributes });
  return end + 1;
}

class Renderer {
  #xhtml = '';
  #text = '';
  /** Elements that are open, by their names in the result. */
  readonly #open: string[] = [];
  #hidden: string | undefined;

  characters(raw: string): void {
    if (this.#hidden !== undefined || raw === '') return;
    const text = unescape(raw).replaceAll(/[\t\n\r ]+/g, ' ');
    this.#xhtml += escapeText(text);
    this.#text += this.#text === '' || this.#text.endsWith('\n') ? text.trimStart() : text;
  }

  tag({ attributes, closes, name }: Tag): void {
    if (this.#hidden !== undefined) {
      if (closes && name === this.#hidden) this.#hidden = undefined;
      return;
    }
    if (HIDDEN.has(name)) {
      if (!closes && !attributes.endsWith('/')) this.#hidden = name;
      return;
    }
    if (LINES.has(name) && this.#text !== '' && !this.#text.endsWith('\n')) this.#text += '\n';
    const element = ELEMENTS.get(name);
    if (element === undefined) return;
    if (element === 'br') this.#xhtml += closes ? '' : '<br/>';
    else if (closes) this.#close(element);
    else this.#begin(element, attributes);
  }

  #begin(element: string, attributes: string): void {
    if (this.#open.length >= MAX_DEPTH) return;
    const href = element === 'a' ? linkIn(attributes) : undefined;
    if (element === 'a' && href === undefined) return;
    this.#xhtml += href === undefined ? `<${element}>` : `<a href='${escapeAttribute(href)}'>`;
    this.#open.push(element);
  }

  #close(element: string): void {
    if (!this.#open.includes(element)) return;
    for (let last = this.#open.pop(); last !== undefined; last = this.#open.pop()) {
      this.#xhtml += `</${last}>`;
      if (last === element) return;
    }
  }

  end(): Rendered {
    for (const element of this.#open.toReversed()) this.#xhtml += `</${element}>`;
    return {
      text: this.#text.trimEnd(),
      xhtml: `<html xmlns='${XHTML_IM}'><body xmlns='${XHTML}'>${this.#xhtml}</body></html>`,
    };
  }
}

function linkIn(attributes: string): string | undefined {
  const found = /\shref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))/i.exec(attributes);
  const href = unescape(found?.[1] ?? found?.[2] ?? found?.[3] ?? '').trim();
  return LINKS.test(href) ? href : undefined;
}

function unescape(raw: string): string {
  if (!raw.includes('&')) return raw;
  return raw.replaceAll(
    /&(?:#(\d{1,7})|#[xX]([0-9A-Fa-f]{1,6})|([a-z]{1,6}));/g,
    (whole, ...parts: (string | undefined)[]) => {
      const [decimal, hex, name] = parts;
      if (name !== undefined) return ENTITIES.get(name) ?? whole;
      const code = decimal === undefined ? Number.parseInt(hex ?? '0', 16) : Number(decimal);
      return code > 0x10ffff ? '\ufffd' : String.fromCodePoint(code);
    },
  );
}
