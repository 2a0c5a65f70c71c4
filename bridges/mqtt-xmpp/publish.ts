/** Publications of clients as stanzas. */
import { Buffer, isUtf8 } from 'node:buffer';
import type { Message, MessageProperties, UserProperty } from '#protocols/mqtt/packet/types.ts';
import { Jid } from '#src/address/jid.ts';
import { escapeAttribute, escapeText } from '#src/stanza/serialise.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import { ATTRIBUTES, type Draft, type Payload, type RawStanza, readPayload } from './payload.ts';

/** What has no place in a stanza of its own: bytes, and properties of MQTT. */
export const XMLNS = 'urn:trivium:mqtt:0';
export const AMP = 'http://jabber.org/protocol/amp';

const MAX_PROPERTIES = 32;
const MAX_PROPERTY_BYTES = 8192;
const MAX_ID = 1023;

/** Why a publication is no stanza. */
export interface Fault {
  readonly text: string;
}

/**
 * A publication to `<root>/send/<jid>` as a stanza from a client to that address.
 * @param now milliseconds since the epoch: an expiry counts from there
 */
export function stanzaFrom(message: Message, from: Jid, to: Jid, maxBytes: number, now: number): Stanza | Fault {
  const payload = readPayload(message, maxBytes);
  switch (payload.kind) {
    case 'invalid':
      return { text: payload.text };
    case 'stanza':
      return addressed(payload.stanza, from, to);
    case 'draft':
      return fromDraft(payload.draft, message.properties, from, to, now);
    case 'data':
      return fromData(payload, message, from, to, now);
    default:
      throw new Error('no such payload');
  }
}

function addressed({ attributes, content, declarations, kind }: RawStanza, from: Jid, to: Jid): Stanza | Fault {
  if (!says(attributes.get('to'), to, false)) return { text: 'the topic names another address' };
  if (!says(attributes.get('from'), from, true)) return { text: 'from is not the own address' };
  const type = attributes.get('type');
  if (type === 'error') return { text: 'errors are not published' };
  const id = attributes.get('id');
  const isRequest = type === 'get' || type === 'set';
  if (kind === 'iq' && (id === undefined || (!isRequest && type !== 'result'))) return { text: 'not an iq' };
  return new Stanza(kind, to, from, id, type, attributes.get('xml:lang'), Buffer.from(content), declarations);
}

/** Whether what was written is absent or the address that is meant. */
function says(text: string | undefined, jid: Jid, bareToo: boolean): boolean {
  if (text === undefined) return true;
  const full = Jid.parse(text)?.full;
  return full === jid.full || (bareToo && full === jid.bare);
}

function fromDraft(draft: Draft, properties: MessageProperties, from: Jid, to: Jid, now: number): Stanza | Fault {
  if (!says(draft.to, to, false)) return { text: 'the topic names another address' };
  if (!says(draft.from, from, true)) return { text: 'from is not the own address' };
  const { body, displayed, lang, markable, receipt, received, state, subject, thread, type = 'chat' } = draft;
  const children = [
    subject === undefined ? '' : `<subject>${escapeText(subject)}</subject>`,
    thread === undefined ? '' : `<thread>${escapeText(thread)}</thread>`,
    body === undefined ? '' : `<body>${escapeText(body)}</body>`,
    receipt === true ? "<request xmlns='urn:xmpp:receipts'/>" : '',
    markable === true ? "<markable xmlns='urn:xmpp:chat-markers:0'/>" : '',
    received === undefined ? '' : `<received xmlns='urn:xmpp:receipts' id='${escapeAttribute(received)}'/>`,
    displayed === undefined ? '' : `<displayed xmlns='urn:xmpp:chat-markers:0' id='${escapeAttribute(displayed)}'/>`,
    state === undefined ? '' : `<${state} xmlns='http://jabber.org/protocol/chatstates'/>`,
    extrasOf(properties, now),
  ];
  const id = draft.id ?? idOf(properties);
  return Stanza.make('message', { from, to, type, id, lang }, ...children);
}

/** Correlation Data is what answers refer to: as it is where it is text, else in base64. */
function idOf({ correlationData, userProperties = [] }: MessageProperties): string | undefined {
  const named = userProperties.find(([name, value]) => name === 'id' && value !== '' && value.length <= MAX_ID)?.[1];
  if (named !== undefined || correlationData === undefined || correlationData.length === 0) return named;
  const plain = isUtf8(correlationData) && !/\p{Cc}/u.test(correlationData.toString('utf8'));
  return correlationData.toString(plain ? 'utf8' : 'base64').slice(0, MAX_ID);
}

function fromData(
  { bytes, contentType }: Extract<Payload, { readonly kind: 'data' }>,
  { properties, qos, retain }: Message,
  from: Jid,
  to: Jid,
  now: number,
): Stanza {
  const attributes = `content-type='${escapeAttribute(contentType)}' qos='${qos}' retain='${retain}'`;
  // A person's client shows at least that something came.
  const body = `<body>${escapeText(`[${contentType}, ${bytes.length} bytes]`)}</body>`;
  const data = `<data xmlns='${XMLNS}' ${attributes}>${bytes.toString('base64')}</data>`;
  return Stanza.make(
    'message',
    { from, to, type: 'chat', id: idOf(properties) },
    body,
    data,
    extrasOf(properties, now),
  );
}

/** What goes along: when the message expires (XEP-0079 section 3.3.2), and properties without a place in a stanza. */
function extrasOf({ messageExpiry, responseTopic, userProperties = [] }: MessageProperties, now: number): string {
  const expiry =
    messageExpiry === undefined
      ? ''
      : `<amp xmlns='${AMP}'><rule action='drop' condition='expire-at' value='${new Date(now + messageExpiry * 1000).toISOString()}'/></amp>`;
  const properties = bounded(userProperties.filter(([name]) => !ATTRIBUTES.has(name)));
  if (properties.length === 0 && responseTopic === undefined) return expiry;
  const topic = responseTopic === undefined ? '' : ` response-topic='${escapeAttribute(responseTopic)}'`;
  const inside = properties.map(
    ([name, value]) => `<property name='${escapeAttribute(name)}'>${escapeText(value)}</property>`,
  );
  return `${expiry}<properties xmlns='${XMLNS}'${topic}>${inside.join('')}</properties>`;
}

function bounded(properties: readonly UserProperty[]): readonly UserProperty[] {
  let bytes = 0;
  return properties.slice(0, MAX_PROPERTIES).filter(([name, value]) => {
    bytes += name.length + value.length;
    return bytes <= MAX_PROPERTY_BYTES;
  });
}
