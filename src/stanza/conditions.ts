/**
 * The one list of stanza error conditions: RFC 6120 section 8.3.3, with the error type that the section recommends and the
 * numeric code of XEP-0086 that old clients read. A condition outside this table cannot be spelled.
 */
export type ErrorType = 'auth' | 'cancel' | 'continue' | 'modify' | 'wait';

export const conditions = {
  'bad-request': { type: 'modify', code: 400 },
  conflict: { type: 'cancel', code: 409 },
  'feature-not-implemented': { type: 'cancel', code: 501 },
  forbidden: { type: 'auth', code: 403 },
  gone: { type: 'cancel', code: 302 },
  'internal-server-error': { type: 'cancel', code: 500 },
  'item-not-found': { type: 'cancel', code: 404 },
  'jid-malformed': { type: 'modify', code: 400 },
  'not-acceptable': { type: 'modify', code: 406 },
  'not-allowed': { type: 'cancel', code: 405 },
  'not-authorized': { type: 'auth', code: 401 },
  'policy-violation': { type: 'modify', code: 406 },
  'recipient-unavailable': { type: 'wait', code: 404 },
  redirect: { type: 'modify', code: 302 },
  'registration-required': { type: 'auth', code: 407 },
  'remote-server-not-found': { type: 'cancel', code: 404 },
  'remote-server-timeout': { type: 'wait', code: 504 },
  'resource-constraint': { type: 'wait', code: 500 },
  'service-unavailable': { type: 'cancel', code: 503 },
  'subscription-required': { type: 'auth', code: 407 },
  'undefined-condition': { type: 'cancel', code: 500 },
  'unexpected-request': { type: 'wait', code: 400 },
} as const satisfies Record<string, { readonly type: ErrorType; readonly code: number }>;

export type Condition = keyof typeof conditions;

/**
 * Why something was not done: a value, never an exception. Every front end turns it into its own protocol's answer
 * (a stanza error, a reason code, a status).
 */
export interface Refusal {
  readonly condition: Condition;
  /** Overrides the type that RFC 6120 recommends for the condition. */
  readonly type?: ErrorType;
  /** Human-readable, English. */
  readonly text?: string;
  /** With `gone` and `redirect`: the URI to try instead (RFC 6120 sections 8.3.3.5 and 8.3.3.14). */
  readonly address?: string;
  /** Application-specific condition as serialised XML (RFC 6120 section 8.3.4), placed after the defined one. */
  readonly detail?: string;
}

const plain = new Map<Condition, Refusal>();
for (const condition of Object.keys(conditions) as Condition[]) plain.set(condition, Object.freeze({ condition }));

/** A refusal; without text or detail the shared instance of its condition. */
export function refuse(condition: Condition, text?: string, detail?: string): Refusal {
  if (text === undefined && detail === undefined) return plain.get(condition) ?? { condition };
  return { condition, ...(text === undefined ? {} : { text }), ...(detail === undefined ? {} : { detail }) };
}
