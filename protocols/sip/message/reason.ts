/** RFC 3326: Reason. */
import { decimal, Scanner } from '#protocols/sip/message/grammar.ts';
import { Params } from '#protocols/sip/message/params.ts';

export interface Reason {
  /** In upper case: `SIP`, `Q.850`. */
  readonly protocol: string;
  /** A SIP status or a Q.850 cause. */
  readonly cause: number | undefined;
  readonly text: string | undefined;
}

/** reason-value = protocol *(SEMI reason-params) */
export function parseReason(element: string): Reason | undefined {
  const scanner = new Scanner(element);
  scanner.space();
  const protocol = scanner.token().toUpperCase();
  const params = Params.read(scanner);
  scanner.space();
  if (protocol === '' || params === undefined || !scanner.done) return undefined;
  const cause = params.get('cause');
  const number = cause === undefined ? undefined : decimal(cause);
  return cause !== undefined && number === undefined
    ? undefined
    : { protocol, cause: number, text: params.get('text') };
}

/** The value for a reason, `SIP;cause=200;text="Call completed elsewhere"`. */
export function formatReason({ protocol, cause, text }: Reason): string {
  const params = [
    ...(cause === undefined ? [] : [['cause', String(cause)] as const]),
    ...(text === undefined ? [] : [['text', text] as const]),
  ];
  return `${protocol}${Params.of(params).toString()}`;
}
