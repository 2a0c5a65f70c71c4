/** Reads the tables beside this file. */
import { readFileSync } from 'node:fs';

const path = (name: string): URL => new URL(name, import.meta.url);

export interface Rfc7622 {
  readonly legal: readonly {
    readonly example: number;
    readonly jid: string;
    readonly local: string;
    readonly domain: string;
    readonly resource: string;
  }[];
  readonly illegal: readonly { readonly example: number; readonly text: string; readonly why: string }[];
}

export interface Xep0106 {
  readonly examples: readonly { readonly section: string; readonly unescaped: string; readonly escaped: string }[];
  readonly uris: readonly { readonly section: string; readonly uri: string; readonly jid: string }[];
}

export interface UriCase {
  readonly uri: string;
  readonly jid: string;
  readonly account?: string;
  readonly action?: string;
  readonly parameters?: Readonly<Record<string, string>>;
}

export interface Uris {
  readonly 'rfc7247-section-6.4': readonly UriCase[];
  readonly 'rfc7247-section-6.5': readonly UriCase[];
  readonly rfc5122: readonly UriCase[];
  readonly tel: readonly { readonly uri: string; readonly canonical: string }[];
}

const json = (name: string): unknown => JSON.parse(readFileSync(path(name), 'utf8'));

export const rfc7622 = json('rfc7622.json') as Rfc7622;
export const xep0106 = json('xep0106.json') as Xep0106;
export const uris = json('uris.json') as Uris;

/** The ranges of RFC 5892 appendix B.1: first and last code point and the derived property in Unicode 5.2. */
export function* rfc5892Ranges(): Generator<readonly [number, number, string]> {
  for (const line of readFileSync(path('rfc5892-appendix-b.txt'), 'latin1').split('\n')) {
    const [first, last, property] = /^([0-9A-F]+)(?:\.\.([0-9A-F]+))? (\w+)$/.exec(line)?.slice(1) ?? [];
    if (first === undefined || property === undefined) continue;
    yield [Number.parseInt(first, 16), Number.parseInt(last ?? first, 16), property];
  }
}
