/** RFC 4475: "Session Initiation Protocol (SIP) Torture Test Messages", and what its text asks for each. */
import type { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';

export type TortureClass = 'valid' | 'invalid' | 'transaction' | 'application' | 'backward';

export interface Torture {
  /** The name of the message in the RFC and of its file. */
  readonly name: string;
  readonly section: string;
  readonly class: TortureClass;
  /**
   * What the parser and the check of a request come to: `accept`; the status that a request is refused with; `drop` for a response that
   * is discarded.
   */
  readonly expect: 'accept' | 'drop' | number;
  /** What makes the message what it is. */
  readonly about: string;
}

const row = (
  section: string,
  name: string,
  kind: TortureClass,
  expect: Torture['expect'],
  about: string,
): Torture => ({ section, name, class: kind, expect, about });

export const TORTURE: readonly Torture[] = [
  row('3.1.1.1', 'wsinv', 'valid', 'accept', 'white space and folding wherever the grammar has them'),
  row('3.1.1.2', 'intmeth', 'valid', 'accept', 'a method of all token characters, controls in quoted pairs'),
  row('3.1.1.3', 'esc01', 'valid', 'accept', 'percent escapes'),
  row('3.1.1.4', 'escnull', 'valid', 'accept', 'escaped NULs in URIs'),
  row('3.1.1.5', 'esc02', 'valid', 'accept', 'percent signs that escape nothing'),
  row('3.1.1.6', 'lwsdisp', 'valid', 'accept', 'no space between display name and "<"'),
  row('3.1.1.7', 'longreq', 'valid', 'accept', 'long values and 34 Via fields'),
  row('3.1.1.8', 'dblreq', 'valid', 'accept', 'another message after the body'),
  row('3.1.1.9', 'semiuri', 'valid', 'accept', 'semicolon and parameter in a user part'),
  row('3.1.1.10', 'transports', 'valid', 'accept', 'Via with many transports, known and not'),
  row('3.1.1.11', 'mpart01', 'valid', 'accept', 'a multipart body with octets of all kinds'),
  row('3.1.1.12', 'unreason', 'valid', 'accept', 'a reason phrase in UTF-8'),
  row('3.1.1.13', 'noreason', 'valid', 'accept', 'an empty reason phrase'),
  row('3.1.2.1', 'badinv01', 'invalid', 400, 'separators with nothing between them'),
  row('3.1.2.2', 'clerr', 'invalid', 400, 'Content-Length larger than the datagram'),
  row('3.1.2.3', 'ncl', 'invalid', 400, 'a negative Content-Length'),
  row('3.1.2.4', 'scalar02', 'invalid', 400, 'numbers out of range in a request'),
  row('3.1.2.5', 'scalarlg', 'invalid', 'drop', 'numbers out of range in a response'),
  row('3.1.2.6', 'quotbal', 'invalid', 400, 'a quoted string that does not end'),
  row('3.1.2.7', 'ltgtruri', 'invalid', 400, 'angle brackets around the Request-URI'),
  row('3.1.2.8', 'lwsruri', 'invalid', 400, 'white space in the Request-URI'),
  row('3.1.2.9', 'lwsstart', 'invalid', 400, 'two spaces in the Request-Line'),
  row('3.1.2.10', 'trws', 'invalid', 400, 'spaces after the Request-Line'),
  row('3.1.2.11', 'escruri', 'invalid', 400, 'header fields in the Request-URI'),
  row('3.1.2.12', 'baddate', 'invalid', 400, 'a Date that is not GMT'),
  row('3.1.2.13', 'regbadct', 'invalid', 400, 'a URI with a question mark without angle brackets'),
  row('3.1.2.14', 'badaspec', 'invalid', 400, 'spaces inside angle brackets'),
  row('3.1.2.15', 'baddn', 'invalid', 400, 'a comma in a display name without quotes'),
  row('3.1.2.16', 'badvers', 'invalid', 505, 'SIP/7.0'),
  row('3.1.2.17', 'mismatch01', 'invalid', 400, 'another method in CSeq'),
  row('3.1.2.18', 'mismatch02', 'invalid', 501, 'an unknown method, and another in CSeq'),
  row('3.1.2.19', 'bigcode', 'invalid', 'drop', 'a status of ten digits'),
  row('3.2.1', 'badbranch', 'transaction', 'accept', 'a branch that is nothing but the cookie: matched as in RFC 2543'),
  row('3.3.1', 'insuf', 'application', 400, 'no Call-ID, From and To'),
  row('3.3.2', 'unkscm', 'application', 416, 'an unknown scheme'),
  row('3.3.3', 'novelsc', 'application', 416, 'a known scheme that nobody serves'),
  row('3.3.4', 'unksm2', 'application', 400, 'unknown schemes in header fields of a REGISTER'),
  row('3.3.5', 'bext01', 'application', 'accept', 'Require and Proxy-Require that nobody supports: 420 where the request ends up'),
  row('3.3.6', 'invut', 'application', 'accept', 'an unknown Content-Type: 415 from an endpoint'),
  row('3.3.7', 'regaut01', 'application', 'accept', 'an unknown authorization scheme: 401 from the registrar'),
  row('3.3.8', 'multi01', 'application', 400, 'single fields given twice'),
  row('3.3.9', 'mcl01', 'application', 400, 'two values of Content-Length'),
  row('3.3.10', 'bcast', 'application', 'drop', 'a second Via with the broadcast address'),
  row('3.3.11', 'zeromf', 'application', 'accept', 'Max-Forwards 0: 483 from a proxy'),
  row('3.3.12', 'cparam01', 'application', 'accept', 'a parameter of Contact'),
  row('3.3.13', 'cparam02', 'application', 'accept', 'a parameter of the URI in Contact'),
  row('3.3.14', 'regescrt', 'application', 'accept', 'a header field in the URI in Contact'),
  row('3.3.15', 'sdp01', 'application', 'accept', 'Accept without application/sdp: 406 from an endpoint'),
  row('3.4.1', 'inv2543', 'backward', 'accept', 'RFC 2543: no branch, tag, Content-Length or Max-Forwards'),
];

export const tortureBytes = (name: string): Buffer =>
  readFileSync(new URL(`torture/${name}.dat`, import.meta.url));
