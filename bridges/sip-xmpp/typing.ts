/** RFC 7573 section 6: typing states of XEP-0085 and of RFC 3994, `application/im-iscomposing+xml`. */
import { Buffer } from 'node:buffer';
import type { Stanza } from '#src/stanza/stanza.ts';
import { readDocument } from './document.ts';

export const IS_COMPOSING = 'application/im-iscomposing+xml';
export const CHAT_STATES = 'http://jabber.org/protocol/chatstates';
const XMLNS = 'urn:ietf:params:xml:ns:im-iscomposing';

export type ChatState = 'active' | 'composing' | 'gone' | 'inactive' | 'paused';
export type Composing = 'active' | 'idle';

/** Table 3. */
export const CHAT_STATE_OF: Readonly<Record<Composing, ChatState>> = { active: 'composing', idle: 'active' };

/** Table 4. `gone` ends a session of MSRP (section 6.1) and means nothing between single messages. */
export const COMPOSING_OF: Readonly<Record<ChatState, Composing | undefined>> = {
  active: 'idle',
  inactive: 'idle',
  gone: undefined,
  composing: 'active',
  paused: 'idle',
};

/** RFC 3994 section 3.3: without news for so long, the composer is taken to be idle. Seconds. */
const REFRESH = 120;

/** The state in a message; undefined when it has none. */
export function chatStateOf(message: Stanza): ChatState | undefined {
  if (!message.content.includes(CHAT_STATES)) return undefined;
  const found = message.element.getChildElements().find((child) => child.getNS() === CHAT_STATES);
  const name = found?.getName() ?? '';
  return Object.hasOwn(COMPOSING_OF, name) ? (name as ChatState) : undefined;
}

export function writeComposing(state: Composing): Buffer {
  const refresh = state === 'active' ? `<refresh>${REFRESH}</refresh>` : '';
  const document = `<isComposing xmlns='${XMLNS}'><state>${state}</state><contenttype>text/plain</contenttype>${refresh}</isComposing>`;
  return Buffer.from(`<?xml version='1.0' encoding='UTF-8'?>${document}`);
}

/** Section 3.2 of RFC 3994: an unknown state is idle. Undefined for what is no such document. */
export function readComposing(body: Buffer): Composing | undefined {
  const state = readDocument(body, 'isComposing', XMLNS)?.getChild('state', XMLNS)?.getText().trim();
  if (state === undefined) return undefined;
  return state === 'active' ? 'active' : 'idle';
}
