/** RFC 6665 section 8.2.3: Subscription-State. */
import { decimal, Scanner } from '#protocols/sip/message/grammar.ts';
import { Params } from '#protocols/sip/message/params.ts';

export interface SubscriptionState {
  /** `active`, `pending`, `terminated` or an extension, in lower case. */
  readonly state: string;
  /** Seconds. */
  readonly expires: number | undefined;
  readonly reason: string | undefined;
  /** Seconds. */
  readonly retryAfter: number | undefined;
}

/** Subscription-State = substate-value *( SEMI subexp-params ) */
export function parseSubscriptionState(value: string): SubscriptionState | undefined {
  const scanner = new Scanner(value);
  scanner.space();
  const state = scanner.token().toLowerCase();
  const params = Params.read(scanner);
  scanner.space();
  if (state === '' || params === undefined || !scanner.done) return undefined;
  const [expires, retryAfter] = ['expires', 'retry-after'].map((name) => {
    const text = params.get(name);
    return text === undefined ? undefined : (decimal(text) ?? Number.NaN);
  });
  if (Number.isNaN(expires) || Number.isNaN(retryAfter)) return undefined;
  return { state, expires, retryAfter, reason: params.get('reason')?.toLowerCase() };
}
