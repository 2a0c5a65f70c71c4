/** RFC 3261 section 20.15: Content-Type. */
import { Scanner } from '#protocols/sip/message/grammar.ts';
import { Params } from '#protocols/sip/message/params.ts';

export interface MediaType {
  /** `type/subtype` in lower case. */
  readonly type: string;
  readonly params: Params;
}

/** media-type = m-type SLASH m-subtype *(SEMI m-parameter) */
export function parseMediaType(value: string): MediaType | undefined {
  const scanner = new Scanner(value);
  scanner.space();
  const type = scanner.token();
  const subtype = scanner.separator('/') ? scanner.token() : '';
  const params = Params.read(scanner);
  scanner.space();
  if (type === '' || subtype === '' || params === undefined || !scanner.done) return undefined;
  return { type: `${type}/${subtype}`.toLowerCase(), params };
}
