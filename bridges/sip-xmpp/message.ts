/** RFC 7572: single instant messages, `<message/>` of XMPP and MESSAGE of SIP (RFC 3428). */
import { Buffer, isUtf8 } from 'node:buffer';
import type { MessageParts, StatusRefusal } from '#protocols/sip/edge.ts';
import type { Jid } from '#src/address/jid.ts';
import { escapeText } from '#src/stanza/serialise.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import { CPIM, readCpim } from './cpim.ts';
import { renderHtml } from './html.ts';
import {
  IMDN,
  messageIdIn,
  notificationIn,
  readNotification,
  reportOf,
  requestsOf,
  wantedBy,
  wantedIn,
  wrapAsking,
  writeNotification,
} from './receipts.ts';
import {
  CHAT_STATE_OF,
  CHAT_STATES,
  chatStateOf,
  COMPOSING_OF,
  IS_COMPOSING,
  readComposing,
  writeComposing,
} from './typing.ts';

/** What of a MESSAGE request counts here. */
export interface Pager {
  readonly body: Buffer;
  readonly callId: string | undefined;
  /** The topmost Via: its branch is the transaction identifier. */
  readonly via: { readonly branch: string | undefined } | undefined;
  get(name: string): string | undefined;
}

export interface MessageOptions {
  /** RFC 7572 section 5 says normal; people's clients show chat where they look for it. */
  readonly type: 'chat' | 'normal';
  /** Ask phones for notifications where the sender of a message asks for receipts: in CPIM, which not every phone knows. */
  readonly receipts: boolean;
}

/** The bodies that are taken: the values of Accept. */
export const ACCEPTED = ['text/plain', 'text/html', CPIM, IS_COMPOSING, IMDN] as const;

const UNSUPPORTED: StatusRefusal = { status: 415, fields: [['Accept', ACCEPTED.join(', ')]] };
const MALFORMED: StatusRefusal = { status: 400, reason: 'The Body Is Malformed' };

// SIP to XMPP

/** What the body of a message says: children of a stanza, and the identifier that its sender gave it. */
interface Said {
  readonly children: string;
  readonly id?: string | undefined;
  /** It is no message of its own: neither Subject nor thread make sense to wait for. */
  readonly transient?: boolean;
}

/** Table 2: a MESSAGE as a stanza between these addresses. */
export function messageFrom(request: Pager, from: Jid, to: Jid, { type }: MessageOptions): Stanza | StatusRefusal {
  const said = readBody(request.get('Content-Type') ?? 'text/plain', request.body, 0);
  if ('status' in said) return said;
  const subject = request.get('Subject') ?? '';
  const { callId } = request;
  const children = [
    said.transient === true || subject === '' ? '' : `<subject>${escapeText(subject)}</subject>`,
    callId === undefined ? '' : `<thread>${escapeText(callId)}</thread>`,
    said.children,
  ];
  const id = said.id ?? request.via?.branch;
  const lang = languageIn(request.get('Content-Language'));
  return Stanza.make('message', { from, to, type, id, lang }, ...children);
}

/** RFC 3066 tags; of several the first. */
function languageIn(value: string | undefined): string | undefined {
  const tag = value?.split(',')[0]?.trim();
  return tag !== undefined && /^[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,8}$/.test(tag) ? tag : undefined;
}

function readBody(contentType: string, body: Buffer, depth: number): Said | StatusRefusal {
  const [type = '', ...parameters] = contentType.split(';');
  switch (type.trim().toLowerCase()) {
    case 'text/plain':
    case 'text/html':
      return readText(type.trim().toLowerCase(), charsetIn(parameters), body);
    case IS_COMPOSING: {
      const state = readComposing(body);
      if (state === undefined) return MALFORMED;
      return { children: `<${CHAT_STATE_OF[state]} xmlns='${CHAT_STATES}'/>`, transient: true };
    }
    case IMDN: {
      const notification = readNotification(body);
      return notification === undefined
        ? { children: '', transient: true }
        : { children: reportOf(notification), transient: true };
    }
    case CPIM:
      return depth > 0 ? UNSUPPORTED : readWrapped(body);
    default:
      return UNSUPPORTED;
  }
}

function readWrapped(bytes: Buffer): Said | StatusRefusal {
  const message = readCpim(bytes);
  if (message === undefined) return MALFORMED;
  const said = readBody(message.contentType, message.body, 1);
  if ('status' in said || said.transient === true) return said;
  return { children: `${said.children}${requestsOf(wantedIn(message))}`, id: messageIdIn(message) };
}

function charsetIn(parameters: readonly string[]): string {
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=');
    if (name.trim().toLowerCase() === 'charset') return value.trim().replaceAll('"', '').toLowerCase();
  }
  return 'utf-8';
}

function readText(type: string, charset: string, body: Buffer): Said | StatusRefusal {
  const latin = charset === 'iso-8859-1' || charset === 'latin1';
  if (!latin && charset !== 'utf-8' && charset !== 'utf8' && charset !== 'us-ascii') return UNSUPPORTED;
  if (!latin && !isUtf8(body)) return MALFORMED;
  const text = body.toString(latin ? 'latin1' : 'utf8');
  if (type === 'text/plain') return { children: `<body>${escapeText(text)}</body>` };
  const rendered = renderHtml(text);
  return { children: `<body>${escapeText(rendered.text)}</body>${rendered.xhtml}` };
}

// XMPP to SIP

/** Table 1: a message stanza as the parts of a MESSAGE; undefined for one that says nothing to a phone. */
export function partsOf(stanza: Stanza, { receipts }: MessageOptions, now: Date): MessageParts | undefined {
  if (stanza.type === 'error') return undefined;
  const { body, lang } = textOf(stanza);
  if (body === undefined || body === '') return partsWithoutText(stanza, now);
  const subject = stanza.child('subject')?.getText() ?? '';
  const fields: (readonly [string, string])[] = [];
  if (subject !== '') fields.push(['Subject', oneLine(subject)]);
  if (lang !== undefined) fields.push(['Content-Language', lang]);
  const stamp = stampOf(stanza);
  const callId = callIdOf(stanza);
  if (stamp !== undefined) fields.push(['Date', stamp.toUTCString()]);
  const wanted = wantedBy(stanza);
  const bytes = Buffer.from(body);
  if (
    receipts &&
    stanza.id !== undefined &&
    stanza.from !== undefined &&
    stanza.to !== undefined &&
    (wanted.delivery || wanted.display)
  ) {
    const wrapped = wrapAsking(stanza.from, stanza.to, stanza.id, wanted, TEXT, bytes, stamp ?? now);
    return { contentType: CPIM, body: wrapped, fields, ...callId };
  }
  return { contentType: TEXT, body: bytes, fields, ...callId };
}

const TEXT = 'text/plain;charset=UTF-8';

function partsWithoutText(stanza: Stanza, now: Date): MessageParts | undefined {
  const { from, id, to } = stanza;
  const notification = notificationIn(stanza);
  if (notification !== undefined && from !== undefined && to !== undefined) {
    const body = writeNotification(from, to, id ?? `${notification.disposition}-${notification.id}`, notification, now);
    return { contentType: CPIM, body, fields: [] };
  }
  const state = chatStateOf(stanza);
  const composing = state === undefined ? undefined : COMPOSING_OF[state];
  return composing === undefined
    ? undefined
    : { contentType: IS_COMPOSING, body: writeComposing(composing), fields: [] };
}

/** RFC 3261 section 25.1: `callid`. A thread that is none stays here. */
function callIdOf(stanza: Stanza): { readonly callId?: string } {
  const thread = stanza.child('thread')?.getText() ?? '';
  return /^[\w.!%*+`'~()<>:\\"/[\]?{}-]{1,255}(?:@[\w.!%*+`'~()<>:\\"/[\]?{}-]{1,255})?$/.test(thread)
    ? { callId: thread }
    : {};
}

/** RFC 6121 section 5.2.3: of several bodies the one in the language of the stanza, else the first. */
function textOf(stanza: Stanza): { readonly body: string | undefined; readonly lang: string | undefined } {
  const bodies = stanza.element.getChildren('body', 'jabber:client');
  const own =
    bodies.find(({ attrs }) => attrs['xml:lang'] === undefined || attrs['xml:lang'] === stanza.lang) ?? bodies[0];
  const lang: unknown = own?.attrs['xml:lang'] ?? stanza.lang;
  return { body: own?.getText(), lang: languageIn(typeof lang === 'string' ? lang : undefined) };
}

/** XEP-0203: when the message was sent. */
function stampOf(stanza: Stanza): Date | undefined {
  const stamp: unknown = stanza.child('delay', 'urn:xmpp:delay')?.attrs['stamp'];
  const at = typeof stamp === 'string' ? new Date(stamp) : undefined;
  return at === undefined || Number.isNaN(at.getTime()) ? undefined : at;
}

/** No line end may get into a header. */
const oneLine = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ').trim();
