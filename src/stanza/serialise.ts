/** Elements to XML text, fit for an XMPP stream (RFC 6120 section 11.3): nothing dropped, everything escaped. */
import type { Element } from 'ltx';
import { escapeAttribute, escapeText } from './escape.ts';
import { isNameCode } from './xml-bytes.ts';

export { escapeAttribute, escapeText } from './escape.ts';

/** What code puts into an element's attributes and, beside elements, its children. */
type Value = string | number | boolean | null | undefined;
type Node = Element | Value;

/**
 * An element and all below it as XML text. Prefixes that are declared further up in its tree are declared on it, so that it can
 * stand elsewhere. `xmlns`, when given, is the default namespace where the text will stand: an element that takes another one from
 * further up gets it as its own declaration; without it, the element's own attributes decide.
 * @throws TypeError for a name that XML does not allow: only code, not a peer, can bring one.
 */
export const writeElement = (element: Element, xmlns?: string): string => {
  let inherited = '';
  if (xmlns !== undefined && !element.name.includes(':') && element.attrs['xmlns'] === undefined) {
    const own = element.getNS();
    if (own !== undefined && own !== xmlns) inherited = ` xmlns='${escapeAttribute(own)}'`;
  }
  return write(element, element, inherited, '');
};

/** `around`: the prefixes, each with a space on either side, that were declared further out in the text because they came from above `top`. */
const write = (element: Element, top: Element, declarations: string, around: string): string => {
  const { name } = element;
  checkName(name);
  let text = `<${name}${declarations}`;
  let added = around;
  const declare = (qualified: string): void => {
    const colon = qualified.indexOf(':');
    if (colon < 0 || qualified.startsWith('xml')) return;
    const prefix = qualified.slice(0, colon);
    if (added.includes(` ${prefix} `)) return;
    const uri = inheritedUri(element, top, prefix);
    if (uri === undefined) return;
    added += ` ${prefix} `;
    text += ` xmlns:${prefix}='${escapeAttribute(uri)}'`;
  };
  declare(name);
  const attributes: Readonly<Record<string, Value>> = element.attrs;
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value === undefined || value === null) continue;
    checkName(attribute);
    declare(attribute);
    text += ` ${attribute}='${escapeAttribute(String(value))}'`;
  }
  const inner = writeChildren(element, top, added);
  return inner === '' ? `${text}/>` : `${text}>${inner}</${name}>`;
};

const writeChildren = (element: Element, top: Element, around: string): string => {
  let text = '';
  for (const child of element.children as readonly Node[]) {
    if (child === null || child === undefined) continue;
    text += typeof child === 'object' ? write(child, top, '', around) : escapeText(String(child));
  }
  return text;
};

/** What a prefix is bound to above `top`; undefined when it is declared between the element and `top`, or nowhere. */
const inheritedUri = (element: Element, top: Element, prefix: string): string | undefined => {
  const name = `xmlns:${prefix}`;
  let inside = true;
  for (let at: Element | null = element; at !== null; at = at.parent) {
    const value: unknown = Object.hasOwn(at.attrs, name) ? at.attrs[name] : undefined;
    if (typeof value === 'string') return inside ? undefined : value;
    if (at === top) inside = false;
  }
  return undefined;
};

/** A QName (Namespaces in XML 1.0 section 4). */
const checkName = (name: string): void => {
  let start = true;
  let colons = 0;
  for (let index = 0; index < name.length; index++) {
    const code = name.codePointAt(index) as number;
    if (code === 0x3a && !start && colons === 0) {
      colons++;
      start = true;
    } else if (isNameCode(code, start)) {
      start = false;
      if (code > 0xffff) index++;
    } else {
      break;
    }
    if (index === name.length - 1 && !start) return;
  }
  throw new TypeError(`not an XML name: ${JSON.stringify(name)}`);
};
