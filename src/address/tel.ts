/** RFC 3966: the `tel:` URI. */
import { cut } from '#src/address/percent.ts';

/** A telephone number in the form in which equal numbers are equal strings (RFC 3966 section 4). */
export interface TelephoneNumber {
  /** `+` and digits for a global number, else digits, `a` to `f`, `*` and `#`; no visual separators. */
  readonly number: string;
  readonly isGlobal: boolean;
  /** Parameters in lower case: `ext` or `isub` first, then `phone-context`, then the others by name (RFC 3966 section 3). */
  readonly parameters: ReadonlyMap<string, string>;
}

const MAX_URI = 1024;
const GLOBAL_NUMBER = /^\+[0-9]+$/;
const LOCAL_NUMBER = /^[0-9a-f*#]+$/;
const DOMAIN_NAME = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z](?:[a-z0-9-]*[a-z0-9])?\.?$/;
// paramchar, and uric for isub; escapes are checked before.
const PARAMETER_VALUE = /^[a-z0-9\-_.!~*'()[\]/:&+$%;?@=,]*$/;

const withoutSeparators = (digits: string): string => digits.replace(/[-.()]/g, '');

// "Characters other than those in the 'reserved' and 'unsafe' sets are equivalent to their '% HEX HEX' percent encoding."
function normaliseEscapes(text: string): string {
  return text
    .replace(/%([0-9A-Fa-f]{2})/g, (escape, hex: string) => {
      const char = String.fromCharCode(Number.parseInt(hex, 16));
      return /[A-Za-z0-9\-_.!~*'()]/.test(char) ? char : escape;
    })
    .toLowerCase();
}

// The canonical value of one parameter, undefined when it breaks its rule.
function valueOf(name: string, value: string): string | undefined {
  if (name === 'ext') {
    const digits = withoutSeparators(value);
    return /^[0-9]+$/.test(digits) ? digits : undefined;
  }
  if (name === 'phone-context') {
    const digits = withoutSeparators(value);
    if (value.startsWith('+')) return GLOBAL_NUMBER.test(digits) ? digits : undefined;
    return DOMAIN_NAME.test(value) ? value.replace(/\.$/, '') : undefined;
  }
  if (name === 'isub' && value === '') return undefined;
  return PARAMETER_VALUE.test(value) ? value : undefined;
}

const RANKS = ['ext', 'isub', 'phone-context'];
const rank = (name: string): number => (RANKS.includes(name) ? RANKS.indexOf(name) : RANKS.length);
const byRankThenName = ([a]: readonly [string, string], [b]: readonly [string, string]): number =>
  rank(a) - rank(b) || (a < b ? -1 : 1);

/**
 * Reads a `tel:` URI, undefined when it breaks RFC 3966: a local number without `phone-context`, a parameter given twice, both
 * `ext` and `isub`, or a mandatory parameter (`m-…`), of which none is known here (section 5.4).
 */
export function parseTel(uri: string): TelephoneNumber | undefined {
  if (uri.length > MAX_URI || !/^tel:/i.test(uri) || /%(?![0-9A-Fa-f]{2})/.test(uri)) return undefined;
  const [digits = '', ...fields] = uri.slice('tel:'.length).split(';').map(normaliseEscapes);
  const number = withoutSeparators(digits).replaceAll('%23', '#');
  const isGlobal = number.startsWith('+');
  if (!(isGlobal ? GLOBAL_NUMBER : LOCAL_NUMBER).test(number)) return undefined;
  const found = new Map<string, string>();
  for (const field of fields) {
    const [name, raw = ''] = cut(field, '=');
    const value = valueOf(name, raw);
    if (!/^[a-z0-9-]+$/.test(name) || value === undefined || found.has(name) || name.startsWith('m-')) return undefined;
    found.set(name, value);
  }
  if ((found.has('ext') && found.has('isub')) || (!isGlobal && !found.has('phone-context'))) return undefined;
  return { number, isGlobal, parameters: new Map([...found].toSorted(byRankThenName)) };
}

/** The canonical `tel:` URI: two numbers are equivalent (RFC 3966 section 4) exactly when these are equal strings. */
export function telUri({ number, parameters }: TelephoneNumber): string {
  const fields = Array.from(parameters, ([name, value]) => (value === '' ? `;${name}` : `;${name}=${value}`));
  return `tel:${number}${fields.join('')}`;
}
