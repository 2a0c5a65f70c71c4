import type { Jid } from '#src/address/jid.ts';
import type { Condition, Refusal } from '#src/stanza/conditions.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import type { SipRequest } from './message/message.ts';
import type { SipSession } from './session.ts';

/** A status with the header fields that go with it. */
export interface StatusRefusal {
  readonly status: number;
  /** The phrase of the status when absent. */
  readonly reason?: string;
  readonly fields?: readonly (readonly [name: string, value: string])[];
}

/** What a MESSAGE carries. */
export interface MessageParts {
  readonly contentType: string;
  readonly body: Buffer;
  /** Header fields beside those of every request. */
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The conversation, where it makes a Call-ID (RFC 7572 section 4, table 1). */
  readonly callId?: string;
}

/** How stanzas look to phones, and what phones send to the core: pure converters, brought by a bridge. */
export interface StanzaEdge {
  /** The values of Accept: the bodies that `toStanza` takes. */
  readonly accepts: readonly string[];
  /** A MESSAGE as a message stanza between these addresses. */
  toStanza(request: SipRequest, from: Jid, to: Jid): Stanza | StatusRefusal;
  /** A message stanza as a MESSAGE; undefined for one that says nothing to a phone. */
  toRequest(stanza: Stanza): MessageParts | undefined;
  /** Any other stanza for a phone, and messages before `toRequest`. Undefined leaves it to the session; a boolean is the result of `deliver`. */
  take?(session: SipSession, stanza: Stanza): boolean | undefined;
  /** A phone has answered that it has the message. */
  taken?(session: SipSession, stanza: Stanza): void;
}

/** How presence looks to phones: `application/pidf+xml` (RFC 3863), brought by a bridge. */
export interface PresenceEdge {
  /** What the devices of an account show. @param presences available ones, or of type `unavailable`, from full addresses */
  write(account: Jid, presences: readonly Stanza[]): Buffer;
  /** What a phone publishes of itself, as presence from its device: the first tuple counts. Undefined for what is no such document. */
  read(body: Buffer, device: Jid): Stanza | undefined;
}

/** RFC 7247 section 7.1, table 2; notes 4 and 5 decided for 404 and 403. */
const STATUS: Readonly<Record<Condition, number>> = {
  'bad-request': 400,
  conflict: 400,
  'feature-not-implemented': 501,
  forbidden: 403,
  gone: 410,
  'internal-server-error': 500,
  'item-not-found': 404,
  'jid-malformed': 400,
  'not-acceptable': 406,
  'not-allowed': 403,
  'not-authorized': 401,
  'policy-violation': 403,
  'recipient-unavailable': 480,
  redirect: 302,
  'registration-required': 407,
  'remote-server-not-found': 404,
  'remote-server-timeout': 408,
  'resource-constraint': 500,
  'service-unavailable': 403,
  'subscription-required': 400,
  'undefined-condition': 400,
  'unexpected-request': 491,
};

export const statusOf = ({ condition }: Refusal): number => STATUS[condition];

/** RFC 7247 section 7.2, where a code is not of its class's condition. */
const CONDITIONS: ReadonlyMap<number, Condition> = new Map([
  [301, 'gone'],
  [380, 'not-acceptable'],
  [401, 'not-authorized'],
  [403, 'forbidden'],
  [404, 'item-not-found'],
  [405, 'feature-not-implemented'],
  [406, 'not-acceptable'],
  [407, 'registration-required'],
  [408, 'remote-server-timeout'],
  [410, 'gone'],
  [413, 'policy-violation'],
  [414, 'policy-violation'],
  [415, 'not-acceptable'],
  [416, 'not-acceptable'],
  [420, 'feature-not-implemented'],
  [421, 'not-acceptable'],
  [423, 'resource-constraint'],
  [430, 'recipient-unavailable'],
  [439, 'feature-not-implemented'],
  [440, 'policy-violation'],
  [480, 'recipient-unavailable'],
  [481, 'item-not-found'],
  [482, 'not-acceptable'],
  [483, 'not-acceptable'],
  [484, 'item-not-found'],
  [485, 'item-not-found'],
  [486, 'recipient-unavailable'],
  [487, 'recipient-unavailable'],
  [488, 'not-acceptable'],
  [489, 'policy-violation'],
  [491, 'unexpected-request'],
  [501, 'feature-not-implemented'],
  [502, 'remote-server-not-found'],
  [504, 'remote-server-timeout'],
  [505, 'not-acceptable'],
  [513, 'policy-violation'],
  [604, 'item-not-found'],
  [606, 'not-acceptable'],
]);

/** The condition that a final status stands for. */
export function conditionOf(status: number): Condition {
  const known = CONDITIONS.get(status);
  if (known !== undefined) return known;
  // "it SHOULD map a 3xx-series code to <redirect/>, a 4xx-series code to <bad-request/>, a 5xx-series code to <internal-server-error>,
  // and a 6xx-series code to <recipient-unavailable/>"
  if (status < 400) return 'redirect';
  if (status < 500) return 'bad-request';
  return status < 600 ? 'internal-server-error' : 'recipient-unavailable';
}
