import type { Stanza } from '#src/stanza/stanza.ts';
import { SipUri } from './message/uri.ts';

/** Where the peer of a binding sat when it registered: the request came straight from it. */
export interface BindingFlow {
  readonly transport: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';
  readonly address: string;
  readonly port: number;
  /** Name of the listener in the settings. */
  readonly listener: string;
}

/**
 * A binding of an address-of-record to a contact (RFC 3261 section 10), or to an instance over one flow (RFC 5626 section 6). Readonly: a refresh
 * makes a new one.
 */
export interface Binding {
  /** The URI of the contact as it was given. */
  readonly contact: string;
  /** Parameters of the Contact header field, without q and expires: they are told in every answer. '' for one without a value. */
  readonly params: readonly (readonly [name: string, value: string])[];
  /** 0 to 1000: thousandths. */
  readonly q: number;
  /** Milliseconds since 1970. */
  readonly expires: number;
  readonly callId: string;
  readonly cseq: number;
  /** `+sip.instance` without its brackets. */
  readonly instance?: string;
  /** Set where RFC 5626 holds for the binding. */
  readonly regId?: number;
  /** Path of RFC 3327, header field values in order. */
  readonly path: readonly string[];
  /** Absent when the request came by another proxy. */
  readonly flow?: BindingFlow;
  readonly userAgent: string;
  /** Resource of the account that the device is. */
  readonly resource: string;
  /** Temporary GRUUs that carry this word hold (RFC 5627 section 5.1). */
  readonly gruu: string;
  /** Milliseconds since 1970 of the first registration. */
  readonly since: number;
}

/** What identifies the device of a binding: its instance, or the contact of one that has none. */
export function deviceOf({ contact, instance }: Pick<Binding, 'contact' | 'instance'>): string {
  return instance ?? contact;
}

/** Of a REGISTER, for `+sip.instance` and `reg-id` alike. */
export const OUTBOUND = 'outbound';

/** A message that waits for a device. */
export interface Waiting {
  readonly stanza: Stanza;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * The Request-URI that reaches a binding: its contact without header fields, which stay in the binding and in what is told of it (RFC 4475
 * section 3.3.14) and have no place in a Request-URI (RFC 3261 section 19.1.1).
 */
export function requestUriOf({ contact }: Binding): string {
  return contact.includes('?') ? (SipUri.parse(contact)?.withoutHeaders().toString() ?? contact) : contact;
}
