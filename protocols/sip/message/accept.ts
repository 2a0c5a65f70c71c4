/** RFC 3261 section 20.1: Accept. */
import { Scanner } from '#protocols/sip/message/grammar.ts';
import { parseQ } from '#protocols/sip/message/contact.ts';
import { Params } from '#protocols/sip/message/params.ts';

export interface MediaRange {
  /** In lower case: `text/plain`, `text/*`, a star for both. */
  readonly type: string;
  /** In thousandths. */
  readonly q: number;
  readonly params: Params;
}

/** accept-range = media-range *(SEMI accept-param) */
export function parseMediaRange(element: string): MediaRange | undefined {
  const scanner = new Scanner(element);
  scanner.space();
  const type = scanner.token();
  const subtype = scanner.separator('/') ? scanner.token() : '';
  const params = Params.read(scanner);
  scanner.space();
  if (type === '' || subtype === '' || params === undefined || !scanner.done) return undefined;
  const q = parseQ(params.get('q') ?? '1');
  if (q === undefined || (type === '*' && subtype !== '*')) return undefined;
  return { type: `${type}/${subtype}`.toLowerCase(), q, params: params.without('q') };
}

/**
 * Whether ranges take a type (`application/pidf+xml`, in lower case): the most specific range that fits it decides. A message
 * without Accept stands for `application/sdp` (RFC 3261 section 20.1) or for what an event package says; an empty one for nothing.
 */
export function accepts(ranges: readonly MediaRange[], type: string): boolean {
  const [main = ''] = type.split('/', 1);
  for (const candidate of [type, `${main}/*`, '*/*']) {
    const range = ranges.find((each) => each.type === candidate);
    if (range !== undefined) return range.q > 0;
  }
  return false;
}
