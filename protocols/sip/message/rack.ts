/** RFC 3262 section 7.2: RAck. */
import { decimal } from '#protocols/sip/message/grammar.ts';
import { type CSeq, parseCSeq } from '#protocols/sip/message/cseq.ts';

/** RAck = response-num LWS CSeq-num LWS Method */
export interface RAck {
  /** The RSeq that is acknowledged. */
  readonly number: number;
  readonly cseq: CSeq;
}

export function parseRAck(value: string): RAck | undefined {
  const space = /^[0-9]+[ \t]/.exec(value)?.[0].length ?? 0;
  const number = decimal(value.slice(0, Math.max(space - 1, 0)));
  const cseq = parseCSeq(value.slice(space));
  return number === undefined || cseq === undefined ? undefined : { number, cseq };
}
