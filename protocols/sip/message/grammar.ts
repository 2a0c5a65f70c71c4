/** RFC 3261 section 25.1: character classes, and a scanner that reads a header field value once, left to right. */

const ALPHANUM = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** A set of ASCII characters by code. */
export type CharSet = Uint8Array;

export function charSet(chars: string): CharSet {
  const set = new Uint8Array(128);
  for (let at = 0; at < chars.length; at++) set[chars.charCodeAt(at)] = 1;
  return set;
}

export const TOKEN = charSet(`${ALPHANUM}-.!%*_+\`'~`);
/** The value of a parameter that is not quoted: `gen-value = token / host`, so brackets and colons of an IPv6 reference too. */
export const GEN_VALUE = charSet(`${ALPHANUM}-.!%*_+\`'~[]:`);
/** RFC 3261 "word", of which a Call-ID is made. */
const WORD = charSet(`${ALPHANUM}-.!%*_+\`'~()<>:\\"/[]?{}`);
export const DIGIT = charSet('0123456789');

export const isAll = (set: CharSet, text: string): boolean => {
  for (let at = 0; at < text.length; at++) if (set[text.charCodeAt(at)] !== 1) return false;
  return text !== '';
};

/** token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~" ) */
export const isToken = (text: string): boolean => isAll(TOKEN, text);

/** callid = word [ "@" word ] */
export function isCallId(text: string): boolean {
  const at = text.indexOf('@');
  return at < 0 ? isAll(WORD, text) : isAll(WORD, text.slice(0, at)) && isAll(WORD, text.slice(at + 1));
}

/** `1*DIGIT` up to `most`, undefined for anything else. Leading zeros are allowed ("Max-Forwards: 0068", RFC 4475 section 3.1.1.1). */
export function decimal(text: string, most = 0xffff_ffff): number | undefined {
  if (!isAll(DIGIT, text)) return undefined;
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    value = value * 10 + text.charCodeAt(at) - 48;
    if (value > most) return undefined;
  }
  return value;
}

/** `text` as a quoted-string. Line breaks cannot be quoted (RFC 3261 section 25.1) and become spaces. */
export const quote = (text: string): string => `"${text.replace(/[\r\n]+/g, ' ').replace(/["\\]/g, '\\$&')}"`;

const TAB = 0x09;
const SPACE = 0x20;
const DQUOTE = 0x22;
const BACKSLASH = 0x5c;

export const isSpace = (code: number): boolean => code === SPACE || code === TAB;

/** Reads a field value in which folding is undone. Each method stands at `at` and moves past what it took. */
export class Scanner {
  readonly text: string;
  at: number;

  constructor(text: string, at = 0) {
    this.text = text;
    this.at = at;
  }

  get done(): boolean {
    return this.at >= this.text.length;
  }

  /** The code of the next character, NaN at the end. */
  get next(): number {
    return this.text.charCodeAt(this.at);
  }

  /** SWS */
  space(): void {
    while (isSpace(this.text.charCodeAt(this.at))) this.at++;
  }

  /** Whether `char` is next. */
  sees(char: string): boolean {
    return this.text.charCodeAt(this.at) === char.charCodeAt(0);
  }

  /** Takes `char` when it is next. */
  take(char: string): boolean {
    if (this.text.charCodeAt(this.at) !== char.charCodeAt(0)) return false;
    this.at++;
    return true;
  }

  /** SWS char SWS: SEMI, EQUAL, COMMA, SLASH and the like. Nothing but white space is taken when `char` is not there. */
  separator(char: string): boolean {
    this.space();
    if (!this.take(char)) return false;
    this.space();
    return true;
  }

  /** The longest run of characters of `set`, '' when there is none. */
  run(set: CharSet): string {
    const from = this.at;
    while (set[this.text.charCodeAt(this.at)] === 1) this.at++;
    return this.text.slice(from, this.at);
  }

  token(): string {
    return this.run(TOKEN);
  }

  /** quoted-string, what stands for it (unescaped); undefined when none begins here or it does not end. */
  quoted(): string | undefined {
    if (this.next !== DQUOTE) return undefined;
    let out = '';
    let from = ++this.at;
    for (; !this.done; this.at++) {
      const code = this.next;
      if (code === DQUOTE) return out + this.text.slice(from, this.at++);
      if (code !== BACKSLASH) continue;
      out += this.text.slice(from, this.at++);
      from = this.at;
    }
    return undefined;
  }
}

/**
 * The elements of a comma-separated list, trimmed: a comma inside a quoted string or angle brackets separates nothing. Empty elements
 * are left in, for their reader to refuse.
 */
export function splitList(value: string): readonly string[] {
  if (!value.includes(',')) return [value.trim()];
  if (!value.includes('"') && !value.includes('<')) return value.split(',').map((element) => element.trim());
  const elements: string[] = [];
  let from = 0;
  let isQuoted = false;
  let isBracketed = false;
  for (let at = 0; at < value.length; at++) {
    const char = value[at];
    if (isQuoted) {
      if (char === '\\') at++;
      else if (char === '"') isQuoted = false;
    } else if (char === '"') isQuoted = true;
    else if (char === '<') isBracketed = true;
    else if (char === '>') isBracketed = false;
    else if (char === ',' && !isBracketed) {
      elements.push(value.slice(from, at).trim());
      from = at + 1;
    }
  }
  elements.push(value.slice(from).trim());
  return elements;
}
