/**
 * Trees of elements from bytes that the scanner found well-formed: made only when somebody asks for a stanza's children.
 * Nothing is judged here a second time; for XML from elsewhere there is `parseDocument`, which scans first.
 */
import { Buffer, isAscii } from 'node:buffer';
import { Element } from 'ltx';
import { Scanner, type Frame, type ScannerLimits } from './scanner.ts';
import { unescapeAttribute, unescapeLines, unescapeText } from './escape.ts';
import { latin1, utf8 } from './xml-bytes.ts';
import type { XmlRefusal } from './xml-faults.ts';
import { XML_NS } from './xml-namespaces.ts';

/** An element whose namespace follows Namespaces in XML 1.0 section 6.2: `xmlns=''` undeclares the default, which ltx passes over. */
class TreeElement extends Element {
  override findNS(prefix?: string): string | undefined {
    if (prefix === 'xml') return XML_NS;
    const name = prefix === undefined || prefix === '' ? 'xmlns' : `xmlns:${prefix}`;
    const own: unknown = this.attrs[name];
    // The parent is an element of this kind, so that this goes up the tree.
    return typeof own === 'string' ? own : this.parent?.findNS(prefix);
  }
}

/**
 * The nodes of validated inner XML. `xmlns` is the default namespace around it, `declarations` what `Frame.declarations` says.
 * The elements hang below one that stands for what was around them, so that `getNS` answers right.
 */
export const parseContent = (content: Buffer, xmlns: string, declarations: string): (Element | string)[] => {
  const around = new TreeElement('');
  if (xmlns !== '') setAttribute(around, 'xmlns', xmlns);
  return fill(around, content, declarations).children;
};

/** A stanza's tree: its root in the namespace `jabber:client`, with the attributes given, and the validated inner XML below. */
export const buildRoot = (
  name: string,
  attributes: Iterable<readonly [string, string]>,
  content: Buffer,
  declarations: string,
  xmlns = 'jabber:client',
): Element => {
  const root = new TreeElement(name);
  if (xmlns !== '') setAttribute(root, 'xmlns', xmlns);
  for (const [attribute, value] of attributes) setAttribute(root, attribute, value);
  return fill(root, content, declarations);
};

/** The tree of a whole first-level element. */
export const parseFrame = (frame: Frame): Element => {
  const name = frame.prefix === '' ? frame.name : `${frame.prefix}:${frame.name}`;
  return buildRoot(name, frame.attributes, frame.content, frame.declarations, frame.defaultXmlns);
};

/** A complete document from outside (an operator's command, a file), or why it is refused. */
export const parseDocument = (
  document: Buffer | string,
  limits: ScannerLimits,
): { readonly element: Element } | XmlRefusal => {
  let result: { readonly element: Element } | XmlRefusal | undefined;
  const scanner = new Scanner(
    {
      onStream: () => {},
      onEnd: () => {},
      onFrame: (frame) => {
        result = { element: parseFrame(frame) };
      },
      onFault: (fault, reason) => {
        result = { fault, reason };
      },
    },
    limits,
    'framed',
  );
  scanner.push(typeof document === 'string' ? Buffer.from(document) : document);
  scanner.end();
  if (result === undefined) throw new Error('the scanner said nothing of a document');
  return result;
};

/** An own property whatever its name: `__proto__` is an XML name like any other. */
const setAttribute = (element: Element, name: string, value: string): void => {
  if (name === '__proto__') {
    Object.defineProperty(element.attrs, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    element.attrs[name] = value;
  }
};

const fill = (root: Element, content: Buffer, declarations: string): Element => {
  if (declarations !== '') new TreeReader(`${declarations}>`).attributes(root, 0);
  if (content.length > 0) {
    const length = content.length;
    new TreeReader(isAscii(content) ? latin1(content, 0, length) : utf8(content, 0, length)).nodes(root);
  }
  return root;
};

const LT = 0x3c;
const GT = 0x3e;
const SLASH = 0x2f;
const BANG = 0x21;
const SPACE = 0x20;
const EQUALS = 0x3d;
const CDATA = '<![CDATA[';

/** Reads validated XML text; each method takes the offset that it begins at and answers the one behind what it read. */
class TreeReader {
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** Everything, as children of `root`. Works without recursion: the way up is `parent`. */
  nodes(root: Element): void {
    const { text } = this;
    let element = root;
    let data = '';
    let at = 0;
    while (at < text.length) {
      const second = text.charCodeAt(at) === LT ? text.charCodeAt(at + 1) : 0;
      if (second === 0) {
        const end = this.find('<', at);
        data += unescapeText(text.substring(at, end));
        at = end;
      } else if (second === BANG) {
        const end = this.find(']]>', at);
        data += unescapeLines(text.substring(at + CDATA.length, end));
        at = end + 3;
      } else {
        if (data !== '') element.children.push(data);
        data = '';
        if (second === SLASH) {
          element = element.parent ?? root;
          at = this.find('>', at) + 1;
        } else {
          const nameEnd = this.nameEnd(at + 1);
          const child = new TreeElement(text.substring(at + 1, nameEnd));
          child.parent = element;
          element.children.push(child);
          at = this.attributes(child, nameEnd);
          if (text.charCodeAt(at - 2) !== SLASH) element = child;
        }
      }
    }
    if (data !== '') element.children.push(data);
  }

  /** The attributes of a start tag, `>` included. */
  attributes(element: Element, from: number): number {
    const { text } = this;
    let at = from;
    for (;;) {
      while (text.charCodeAt(at) <= SPACE) at++;
      const unit = text.charCodeAt(at);
      if (unit === GT) return at + 1;
      if (unit === SLASH) return at + 2;
      const nameEnd = this.nameEnd(at);
      const name = text.substring(at, nameEnd);
      at = nameEnd;
      while (text.charCodeAt(at) <= SPACE || text.charCodeAt(at) === EQUALS) at++;
      const end = this.find(text.charAt(at), at + 1);
      setAttribute(element, name, unescapeAttribute(text.substring(at + 1, end)));
      at = end + 1;
    }
  }

  private nameEnd(from: number): number {
    const { text } = this;
    let at = from;
    for (;;) {
      const unit = text.charCodeAt(at);
      if (unit <= SPACE || unit === GT || unit === SLASH || unit === EQUALS) return at;
      at++;
    }
  }

  private find(what: string, from: number): number {
    const at = this.text.indexOf(what, from);
    return at < 0 ? this.text.length : at;
  }
}
