/** What became of a stanza, as the reason of PUBACK and PUBREC (MQTT 5 section 3.4.2.1). */
import { type ReasonCode, reasonCodes } from '#protocols/mqtt/packet/reason-codes.ts';
import type { Outcome } from '#src/router/outcome.ts';
import type { Condition } from '#src/stanza/conditions.ts';

const {
  implementationSpecificError,
  noMatchingSubscribers,
  notAuthorized,
  payloadFormatInvalid,
  quotaExceeded,
  success,
  topicNameInvalid,
} = reasonCodes;

const REASONS: Readonly<Record<Condition, ReasonCode>> = {
  'bad-request': payloadFormatInvalid,
  conflict: implementationSpecificError,
  'feature-not-implemented': implementationSpecificError,
  forbidden: notAuthorized,
  gone: noMatchingSubscribers,
  'internal-server-error': implementationSpecificError,
  'item-not-found': noMatchingSubscribers,
  'jid-malformed': topicNameInvalid,
  'not-acceptable': notAuthorized,
  'not-allowed': notAuthorized,
  'not-authorized': notAuthorized,
  'policy-violation': quotaExceeded,
  'recipient-unavailable': noMatchingSubscribers,
  redirect: noMatchingSubscribers,
  'registration-required': notAuthorized,
  'remote-server-not-found': topicNameInvalid,
  'remote-server-timeout': implementationSpecificError,
  'resource-constraint': quotaExceeded,
  // A sender that is blocked learns no more than one who writes to nobody (XEP-0191 section 3.3).
  'service-unavailable': notAuthorized,
  'subscription-required': notAuthorized,
  'undefined-condition': implementationSpecificError,
  'unexpected-request': implementationSpecificError,
};

export function reasonOf(outcome: Outcome): ReasonCode {
  if (outcome.kind === 'refused') return REASONS[outcome.refusal.condition];
  return outcome.kind === 'dropped' ? noMatchingSubscribers : success;
}
