/** RFC 5438: instant message disposition notifications, for the receipts of XEP-0184 and the displayed markers of XEP-0333. */
import { Buffer } from 'node:buffer';
import type { Jid } from '#src/address/jid.ts';
import { escapeText } from '#src/stanza/serialise.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { imUriFromJid } from './address.ts';
import { type CpimMessage, writeCpim } from './cpim.ts';
import { readDocument } from './document.ts';

export const IMDN = 'message/imdn+xml';
/** Section 6.1: the namespace of the headers in CPIM, and that of the document. */
const HEADERS = 'urn:ietf:params:imdn';
const XMLNS = 'urn:ietf:params:xml:ns:imdn';
export const RECEIPTS = 'urn:xmpp:receipts';
export const MARKERS = 'urn:xmpp:chat-markers:0';

/** What became of a message: it is on the recipient's device, or before its eyes. */
export type Disposition = 'delivered' | 'displayed';

/** What the sender of a message wants to be told. */
export interface Wanted {
  readonly delivery: boolean;
  readonly display: boolean;
}

export interface Notification {
  readonly disposition: Disposition;
  /** Of the message that it is about. */
  readonly id: string;
}

/** XEP-0184 section 5.1, XEP-0333 section 4. */
export function wantedBy(message: Stanza): Wanted {
  return {
    delivery: message.child('request', RECEIPTS) !== undefined,
    display: message.child('markable', MARKERS) !== undefined,
  };
}

/** A stanza that does nothing but report; undefined for others. */
export function notificationIn(message: Stanza): Notification | undefined {
  const displayed: unknown = message.child('displayed', MARKERS)?.attrs['id'];
  if (typeof displayed === 'string') return { disposition: 'displayed', id: displayed };
  const received: unknown =
    message.child('received', RECEIPTS)?.attrs['id'] ?? message.child('received', MARKERS)?.attrs['id'];
  return typeof received === 'string' ? { disposition: 'delivered', id: received } : undefined;
}

/** Section 7.1.1.3. */
export function wantedIn({ headers }: CpimMessage): Wanted {
  const value = headers.get(`{${HEADERS}}Disposition-Notification`) ?? '';
  const asked = new Set(value.split(',').map((one) => one.split(';')[0]?.trim()));
  return { delivery: asked.has('positive-delivery'), display: asked.has('display') };
}

export const messageIdIn = ({ headers }: CpimMessage): string | undefined => headers.get(`{${HEADERS}}Message-ID`);

/** The children that ask for what the sender of a CPIM message asked for. */
export function requestsOf({ delivery, display }: Wanted): string {
  return `${delivery ? `<request xmlns='${RECEIPTS}'/>` : ''}${display ? `<markable xmlns='${MARKERS}'/>` : ''}`;
}

/** The child that reports to an XMPP client. */
export function reportOf({ disposition, id }: Notification): string {
  const [name, xmlns] = disposition === 'delivered' ? ['received', RECEIPTS] : ['displayed', MARKERS];
  return `<${name} xmlns='${xmlns}' id='${escapeText(id).replaceAll("'", '&apos;')}'/>`;
}

const envelope = (from: Jid, to: Jid, id: string, at: Date): [string, string][] => [
  ['From', `<${imUriFromJid(from)}>`],
  ['To', `<${imUriFromJid(to)}>`],
  ['NS', `imdn <${HEADERS}>`],
  ['imdn.Message-ID', id],
  ['DateTime', at.toISOString()],
];

/** Section 7.1.1: a message whose sender wants to hear of it. @param id of the stanza, for Message-ID */
export function wrapAsking(
  from: Jid,
  to: Jid,
  id: string,
  wanted: Wanted,
  contentType: string,
  body: Buffer,
  at: Date,
): Buffer {
  const asked = [...(wanted.delivery ? ['positive-delivery'] : []), ...(wanted.display ? ['display'] : [])];
  const headers = [...envelope(from, to, id, at), ['imdn.Disposition-Notification', asked.join(', ')] as const];
  return writeCpim({ headers, contentType, body });
}

/** Section 7.2.1: the notification, in its CPIM envelope. @param from who got the message @param id of the notification itself */
export function writeNotification(
  from: Jid,
  to: Jid,
  id: string,
  { disposition, id: about }: Notification,
  at: Date,
): Buffer {
  const kind = disposition === 'delivered' ? 'delivery' : 'display';
  const document =
    `<?xml version="1.0" encoding="UTF-8"?><imdn xmlns="${XMLNS}"><message-id>${escapeText(about)}</message-id>` +
    `<datetime>${at.toISOString()}</datetime><recipient-uri>${escapeText(imUriFromJid(from))}</recipient-uri>` +
    `<original-recipient-uri>${escapeText(imUriFromJid(from))}</original-recipient-uri>` +
    `<${kind}-notification><status><${disposition}/></status></${kind}-notification></imdn>`;
  return writeCpim({
    headers: envelope(from, to, id, at),
    contentType: IMDN,
    contentHeaders: [['Content-Disposition', 'notification']],
    body: Buffer.from(document),
  });
}

/** Section 11.1. Undefined for what is malformed, and for what XMPP has no word for: failures and the processing on the way. */
export function readNotification(body: Buffer): Notification | undefined {
  const root = readDocument(body, 'imdn', XMLNS);
  const id = root?.getChild('message-id', XMLNS)?.getText().trim() ?? '';
  if (root === undefined || id === '' || id.length > 1023) return undefined;
  for (const [kind, disposition] of KINDS) {
    const status = root.getChild(kind, XMLNS)?.getChild('status', XMLNS);
    if (status?.getChild(disposition, XMLNS) !== undefined) return { disposition, id };
  }
  return undefined;
}

const KINDS = [
  ['delivery-notification', 'delivered'],
  ['display-notification', 'displayed'],
] as const satisfies readonly (readonly [string, Disposition])[];
