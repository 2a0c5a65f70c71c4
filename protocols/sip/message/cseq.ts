/** RFC 3261 section 20.16: CSeq. */
import { decimal, Scanner } from '#protocols/sip/message/grammar.ts';

export interface CSeq {
  /** "MUST be expressible as a 32-bit unsigned integer" (RFC 3261 section 8.1.1.5: "less than 2**31"). */
  readonly number: number;
  readonly method: string;
}

/** CSeq = 1*DIGIT LWS Method */
export function parseCSeq(value: string): CSeq | undefined {
  const scanner = new Scanner(value);
  scanner.space();
  const number = decimal(scanner.token(), 0x7fff_ffff);
  const from = scanner.at;
  scanner.space();
  if (number === undefined || scanner.at === from) return undefined;
  const method = scanner.token();
  scanner.space();
  return method === '' || !scanner.done ? undefined : { number, method };
}
