/** RFC 6665 section 8.2.1: Event. */
import { charSet, Scanner } from '#protocols/sip/message/grammar.ts';
import { Params } from '#protocols/sip/message/params.ts';

export interface Event {
  /** Package and templates as they are compared: `presence`, `presence.winfo` (case-sensitive, RFC 6665 section 8.2.1). */
  readonly type: string;
  readonly package: string;
  readonly templates: readonly string[];
  /** Tells two subscriptions of one dialog apart. */
  readonly id: string | undefined;
  readonly params: Params;
}

// token-nodot = 1*( alphanum / "-"  / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~" ), and the dots between.
const TYPE = charSet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-!%*_+`'~.");

/** Event = event-type *( SEMI event-param ), event-type = event-package *( "." event-template ) */
export function parseEvent(value: string): Event | undefined {
  const scanner = new Scanner(value);
  scanner.space();
  const type = scanner.run(TYPE);
  const [name = '', ...templates] = type.split('.');
  const params = Params.read(scanner);
  scanner.space();
  if (params === undefined || !scanner.done || name === '' || templates.includes('')) return undefined;
  return { type, package: name, templates, id: params.get('id'), params };
}
