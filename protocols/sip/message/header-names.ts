/** Header field names: RFC 3261 section 20 and the IANA registry "Header Fields", with their compact forms (section 7.3.3). */

/**
 * How fields of one name stand together: `single` fields appear once; those of a `list` may be joined with commas and split again
 * (section 7.3.1); `rows` may appear more than once and are never joined ("WWW-Authenticate, Authorization, Proxy-Authenticate, and
 * Proxy-Authorization").
 */
export type Combining = 'single' | 'list' | 'rows';

const TABLE: readonly (readonly [name: string, combining: Combining, compact?: string])[] = [
  ['Via', 'list', 'v'],
  ['From', 'single', 'f'],
  ['To', 'single', 't'],
  ['Call-ID', 'single', 'i'],
  ['CSeq', 'single'],
  ['Contact', 'list', 'm'],
  ['Max-Forwards', 'single'],
  ['Content-Length', 'single', 'l'],
  ['Content-Type', 'single', 'c'],
  ['Expires', 'single'],
  ['User-Agent', 'single'],
  ['Allow', 'list'],
  ['Supported', 'list', 'k'],
  ['Route', 'list'],
  ['Record-Route', 'list'],
  ['Authorization', 'rows'],
  ['Proxy-Authorization', 'rows'],
  ['WWW-Authenticate', 'rows'],
  ['Proxy-Authenticate', 'rows'],
  ['Accept', 'list'],
  ['Accept-Contact', 'list', 'a'], // RFC 3841
  ['Accept-Encoding', 'list'],
  ['Accept-Language', 'list'],
  ['Accept-Resource-Priority', 'list'], // RFC 4412
  ['Alert-Info', 'list'],
  ['Allow-Events', 'list', 'u'], // RFC 6665
  ['Answer-Mode', 'single'], // RFC 5373
  ['Authentication-Info', 'rows'],
  ['Call-Info', 'list'],
  ['Content-Disposition', 'single'],
  ['Content-Encoding', 'list', 'e'],
  ['Content-Language', 'list'],
  ['Date', 'single'],
  ['Diversion', 'list'], // RFC 5806
  ['Encryption', 'rows'],
  ['Error-Info', 'list'],
  ['Event', 'single', 'o'], // RFC 6665
  ['Feature-Caps', 'list'], // RFC 6809
  ['Flow-Timer', 'single'], // RFC 5626
  ['History-Info', 'list'], // RFC 7044
  ['Identity', 'rows', 'y'], // RFC 8224
  ['In-Reply-To', 'list'],
  ['Info-Package', 'single'], // RFC 6086
  ['Join', 'single'], // RFC 3911
  ['MIME-Version', 'single'],
  ['Max-Breadth', 'single'], // RFC 5393
  ['Min-Expires', 'single'],
  ['Min-SE', 'single'], // RFC 4028
  ['Organization', 'single'],
  ['P-Asserted-Identity', 'list'], // RFC 3325
  ['P-Preferred-Identity', 'list'], // RFC 3325
  ['Path', 'list'], // RFC 3327
  ['Permission-Missing', 'list'], // RFC 5360
  ['Priority', 'single'],
  ['Privacy', 'single'], // RFC 3323
  ['Proxy-Authentication-Info', 'rows'],
  ['Proxy-Require', 'list'],
  ['RAck', 'single'], // RFC 3262
  ['RSeq', 'single'], // RFC 3262
  ['Reason', 'list'], // RFC 3326
  ['Recv-Info', 'list'], // RFC 6086
  ['Refer-Sub', 'single'], // RFC 4488
  ['Refer-To', 'single', 'r'], // RFC 3515
  ['Referred-By', 'single', 'b'], // RFC 3892
  ['Reject-Contact', 'list', 'j'], // RFC 3841
  ['Replaces', 'single'], // RFC 3891
  ['Reply-To', 'single'],
  ['Request-Disposition', 'list', 'd'], // RFC 3841
  ['Require', 'list'],
  ['Resource-Priority', 'list'], // RFC 4412
  ['Retry-After', 'single'],
  ['SIP-ETag', 'single'], // RFC 3903
  ['SIP-If-Match', 'single'], // RFC 3903
  ['Security-Client', 'list'], // RFC 3329
  ['Security-Server', 'list'], // RFC 3329
  ['Security-Verify', 'list'], // RFC 3329
  ['Server', 'single'],
  ['Service-Route', 'list'], // RFC 3608
  ['Session-Expires', 'single', 'x'], // RFC 4028
  ['Subject', 'single', 's'],
  ['Subscription-State', 'single'], // RFC 6665
  ['Suppress-If-Match', 'single'], // RFC 5839
  ['Timestamp', 'single'],
  ['Unsupported', 'list'],
  ['Warning', 'list'],
];

/** What is known of fields of one name. */
export interface HeaderName {
  /** As its RFC writes it. */
  readonly name: string;
  readonly combining: Combining;
  /** A number of its own, from 0. */
  readonly index: number;
}

/** The names that are known. */
export const HEADER_NAMES: readonly HeaderName[] = TABLE.map(([name, combining], index) => ({
  name,
  combining,
  index,
}));

const COMBINING: ReadonlyMap<string, Combining> = new Map(TABLE.map(([name, combining]) => [name, combining]));

// The spellings that are met are found without making a new string; any other by its lower case.
const SPELLINGS: ReadonlyMap<string, string> = new Map(
  TABLE.flatMap(([name, , compact]) =>
    [
      name,
      name.toLowerCase(),
      name.toUpperCase(),
      ...(compact === undefined ? [] : [compact, compact.toUpperCase()]),
    ].map((spelling) => [spelling, name] as const),
  ),
);

const LENGTHS = 64;
const CODES = 128;
const placeOf = (code: number, length: number): number => length * CODES + code;

/** Spellings by length and first character, which leave one to three of them. */
const BY_PLACE: readonly (readonly (readonly [spelling: string, name: HeaderName])[] | undefined)[] = (() => {
  const table: (readonly [string, HeaderName])[][] = [];
  for (const [spelling, canonical] of SPELLINGS) {
    const header = HEADER_NAMES.find(({ name }) => name === canonical);
    if (header !== undefined) (table[placeOf(spelling.charCodeAt(0), spelling.length)] ??= []).push([spelling, header]);
  }
  return Array.from({ length: LENGTHS * CODES }, (_, place) => table[place]);
})();

/**
 * The name that `line` begins with, `length` characters long, when it is one that is met: as its RFC writes it, in lower or
 * upper case, compact. Undefined for any other.
 */
export function knownName(line: string, length: number): HeaderName | undefined {
  const code = line.charCodeAt(0);
  if (length >= LENGTHS || code >= CODES) return undefined;
  for (const [spelling, header] of BY_PLACE[placeOf(code, length)] ?? []) if (line.startsWith(spelling)) return header;
  return undefined;
}

/** The name that fields are kept by: as its RFC writes it when it is known, else in lower case. Compact forms are expanded. */
export function canonicalName(name: string): string {
  const known = SPELLINGS.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  return SPELLINGS.get(lower) ?? lower;
}

/** How fields of this canonical name combine; an unknown one is left as it is. */
export const combiningOf = (canonical: string): Combining => COMBINING.get(canonical) ?? 'rows';
