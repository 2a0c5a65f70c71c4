/** RFC 3261 section 20.33: Retry-After. */
import { decimal, DIGIT, Scanner } from '#protocols/sip/message/grammar.ts';
import { Params } from '#protocols/sip/message/params.ts';

export interface RetryAfter {
  readonly seconds: number;
  /** How long the called party will then be reachable, in seconds. */
  readonly duration: number | undefined;
}

/** Retry-After = delta-seconds [ comment ] *( SEMI retry-param ) */
export function parseRetryAfter(value: string): RetryAfter | undefined {
  const scanner = new Scanner(value);
  scanner.space();
  const seconds = decimal(scanner.run(DIGIT));
  scanner.space();
  if (seconds === undefined || !skipComment(scanner)) return undefined;
  const params = Params.read(scanner);
  scanner.space();
  const duration = params?.get('duration');
  if (params === undefined || !scanner.done) return undefined;
  if (duration !== undefined && decimal(duration) === undefined) return undefined;
  return { seconds, duration: duration === undefined ? undefined : decimal(duration) };
}

// comment = LPAREN *(ctext / quoted-pair / comment) RPAREN; comments nest.
function skipComment(scanner: Scanner): boolean {
  let depth = 0;
  do {
    if (scanner.take('(')) depth++;
    else if (depth === 0) return true;
    else if (scanner.take(')')) depth--;
    else if (scanner.done) return false;
    else scanner.at += scanner.sees('\\') ? 2 : 1;
  } while (depth > 0);
  return true;
}
