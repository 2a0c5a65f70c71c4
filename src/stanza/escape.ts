/**
 * Text to XML and back: character data (XML 1.0 section 2.4), attribute values (3.3.3), line ends (2.11) and the five
 * predefined entities (4.6), which with character references (4.1) are all that RFC 6120 section 11.1 leaves of entities.
 */
import { isXmlChar } from './xml-bytes.ts';

const REPLACEMENT = '\ufffd';

/** What each character below U+0040 becomes; '' for those written as they are. */
const replacements = (extra: Readonly<Record<string, string>>): readonly string[] => {
  const table: string[] = [];
  for (let code = 0; code < 0x40; code++) table.push(isXmlChar(code) ? '' : REPLACEMENT);
  for (const [char, text] of Object.entries(extra)) table[char.charCodeAt(0)] = text;
  return table;
};

// A CR would come back as LF (2.11), and TAB and LF within an attribute as a space (3.3.3): references keep them.
const TEXT = replacements({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' });
const ATTRIBUTE = replacements({
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&apos;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
});

/** What stands for the code unit at `index`; '' when it is written as it is. */
const replacementAt = (text: string, index: number, table: readonly string[]): string => {
  const unit = text.charCodeAt(index);
  if (unit < 0x40) return table[unit] as string;
  if (unit < 0xd800) return '';
  if (unit > 0xdfff) return unit > 0xfffd ? REPLACEMENT : '';
  const other = unit < 0xdc00 ? text.charCodeAt(index + 1) : text.charCodeAt(index - 1);
  const paired = unit < 0xdc00 ? other >= 0xdc00 && other <= 0xdfff : other >= 0xd800 && other <= 0xdbff;
  return paired ? '' : REPLACEMENT;
};

const escapeWith = (text: string, table: readonly string[]): string => {
  let out = '';
  let done = 0;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit >= 0x40 && unit < 0xd800) continue;
    const replacement = replacementAt(text, index, table);
    if (replacement === '') continue;
    out += text.substring(done, index) + replacement;
    done = index + 1;
  }
  return done === 0 ? text : out + text.substring(done);
};

/** Character data. What XML cannot hold at all (control characters, lone surrogates, U+FFFE) becomes U+FFFD. */
export const escapeText = (text: string): string => escapeWith(text, TEXT);

/** An attribute value, fit for either quote. */
export const escapeAttribute = (text: string): string => escapeWith(text, ATTRIBUTE);

/** The text of one reference, given what stands between `&` and `;`; undefined when nothing legal. */
export const referenceText = (body: string): string | undefined => {
  switch (body) {
    case 'amp':
      return '&';
    case 'lt':
      return '<';
    case 'gt':
      return '>';
    case 'quot':
      return '"';
    case 'apos':
      return "'";
    default:
      return body.charCodeAt(0) === 0x23 ? characterReference(body) : undefined;
  }
};

/** Section 4.1: `#` digits, or `#x` hexadecimal digits; the `x` is lower case. */
const characterReference = (body: string): string | undefined => {
  const hex = body.charCodeAt(1) === 0x78;
  const first = hex ? 2 : 1;
  if (body.length === first) return undefined;
  let code = 0;
  for (let index = first; index < body.length; index++) {
    const unit = body.charCodeAt(index);
    const lower = unit | 0x20;
    const digit =
      unit >= 0x30 && unit <= 0x39 ? unit - 0x30 : hex && lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
    if (digit < 0) return undefined;
    code = code * (hex ? 16 : 10) + digit;
    if (code > 0x10ffff) return undefined;
  }
  return isXmlChar(code) ? String.fromCodePoint(code) : undefined;
};

const expand = (raw: string): string => {
  let out = '';
  let done = 0;
  for (let at = raw.indexOf('&'); at >= 0; at = raw.indexOf('&', done)) {
    const end = raw.indexOf(';', at);
    const text = end < 0 ? undefined : referenceText(raw.substring(at + 1, end));
    if (text === undefined) throw new Error('reference in unvalidated XML');
    out += raw.substring(done, at) + text;
    done = end + 1;
  }
  return out + raw.substring(done);
};

/** Line ends as the reader sees them (2.11): all that changes in a CDATA section. */
export const unescapeLines = (raw: string): string =>
  raw.includes('\r') ? raw.replaceAll('\r\n', '\n').replaceAll('\r', '\n') : raw;

/** Character data as the reader sees it; `raw` was validated by the scanner. */
export const unescapeText = (raw: string): string => {
  const lines = unescapeLines(raw);
  return lines.includes('&') ? expand(lines) : lines;
};

/** An attribute value as the reader sees it: white space becomes spaces before references are expanded (3.3.3). */
export const unescapeAttribute = (raw: string): string => {
  const spaced = unescapeSpace(raw);
  return spaced.includes('&') ? expand(spaced) : spaced;
};

const unescapeSpace = (raw: string): string => {
  for (let index = 0; index < raw.length; index++) {
    if (raw.charCodeAt(index) < 0x20) {
      return raw.replaceAll('\r\n', ' ').replaceAll('\r', ' ').replaceAll('\n', ' ').replaceAll('\t', ' ');
    }
  }
  return raw;
};
