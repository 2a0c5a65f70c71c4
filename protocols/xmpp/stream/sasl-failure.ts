import { escapeText } from '#src/stanza/serialise.ts';
import { NS } from './namespaces.ts';

/** The SASL error conditions: RFC 6120 section 6.5, all of them. */
export const saslConditions = [
  'aborted',
  'account-disabled',
  'credentials-expired',
  'encryption-required',
  'incorrect-encoding',
  'invalid-authzid',
  'invalid-mechanism',
  'malformed-request',
  'mechanism-too-weak',
  'not-authorized',
  'temporary-auth-failure',
] as const;
export type SaslCondition = (typeof saslConditions)[number];

export interface SaslFailure {
  readonly kind: 'failure';
  readonly condition: SaslCondition;
  readonly text?: string;
}

export function failure(condition: SaslCondition, text?: string): SaslFailure {
  return { kind: 'failure', condition, ...(text === undefined ? {} : { text }) };
}

/** The `<failure/>` of a profile: the condition is always in the namespace of RFC 6120 (XEP-0388, "Failure"). */
export function writeFailure(xmlns: string, { condition, text }: SaslFailure): string {
  const declaration = xmlns === NS.sasl ? '' : ` xmlns='${NS.sasl}'`;
  const words = text === undefined ? '' : `<text xml:lang='en'>${escapeText(text)}</text>`;
  return `<failure xmlns='${xmlns}'><${condition}${declaration}/>${words}</failure>`;
}
