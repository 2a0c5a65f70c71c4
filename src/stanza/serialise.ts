/** Elements to XML text, fit for an XMPP stream (RFC 6120 section 11.3): nothing dropped, everything escaped. */
import type { Element } from 'ltx';
import { escapeAttribute, escapeText } from './escape.ts';
import { isNameCode, NAME_BYTES, NAME_CHAR, NAME_START } from './xml-bytes.ts';

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
  let text = `<${name}${declarations}`;
  let added = around;
  if (!isPlainName(name)) {
    const prefix = inheritedPrefix(element, top, name, added);
    if (prefix !== '') {
      added += ` ${prefix} `;
      text += declarationOf(top, prefix);
    }
  }
  const attributes: Readonly<Record<string, Value>> = element.attrs;
  for (const attribute of Object.keys(attributes)) {
    const value = attributes[attribute];
    if (value === undefined || value === null) continue;
    if (!isPlainName(attribute)) {
      const prefix = inheritedPrefix(element, top, attribute, added);
      if (prefix !== '') {
        added += ` ${prefix} `;
        text += declarationOf(top, prefix);
      }
    }
    text += ` ${attribute}='${escapeAttribute(typeof value === 'string' ? value : String(value))}'`;
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

/** The prefix of a name when it is declared above `top` only and not yet in the text `around`; otherwise ''. */
const inheritedPrefix = (element: Element, top: Element, name: string, around: string): string => {
  checkName(name);
  const prefix = name.slice(0, Math.max(0, name.indexOf(':')));
  if (prefix === '' || prefix === 'xml' || prefix === 'xmlns' || around.includes(` ${prefix} `)) return '';
  for (let at: Element | null = element; at !== null; at = at === top ? null : at.parent) {
    if (Object.hasOwn(at.attrs, `xmlns:${prefix}`)) return '';
  }
  return top.parent?.findNS(prefix) === undefined ? '' : prefix;
};

const declarationOf = (top: Element, prefix: string): string =>
  ` xmlns:${prefix}='${escapeAttribute(top.parent?.findNS(prefix) ?? '')}'`;

/** Whether a name is ASCII and without a prefix: nearly all are, and need no further look. */
const isPlainName = (name: string): boolean => {
  for (let index = 0; index < name.length; index++) {
    const unit = name.charCodeAt(index);
    if (unit >= 0x80 || ((NAME_BYTES[unit] as number) & (index === 0 ? NAME_START : NAME_CHAR)) === 0) return false;
  }
  return name !== '';
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
