/** Stanzas as messages for clients. */
import { Buffer } from 'node:buffer';
import type { Message, MessageProperties, UserProperty } from '#protocols/mqtt/packet/types.ts';
import { topicLevel } from '#src/address/topic.ts';
import { refusalIn } from '#src/stanza/error.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { chatStates, JSON_TYPE, XMPP_XML } from './payload.ts';
import { AMP, XMLNS } from './publish.ts';

const RECEIPTS = 'urn:xmpp:receipts';
const MARKERS = 'urn:xmpp:chat-markers:0';
const CHAT_STATES = 'http://jabber.org/protocol/chatstates';

/**
 * A message stanza for a client.
 * @param topic where it goes: `<root>/inbox` or `<root>/sent`
 * @param now milliseconds since the epoch
 * @returns undefined for one that has expired, 'nothing' for one that says nothing to a thing
 */
export function messageFrom(stanza: Stanza, topic: string, root: string, now: number): Message | 'expired' | 'nothing' {
  const expires = expiryOf(stanza);
  if (expires !== undefined && expires <= now) return 'expired';
  const data = stanza.child('data', XMLNS);
  const shared = propertiesOf(stanza, root, expires === undefined ? undefined : Math.ceil((expires - now) / 1000));
  if (data !== undefined) {
    const contentType: unknown = data.attrs['content-type'];
    const attributes = attributesOf(stanza);
    return {
      topic,
      payload: Buffer.from(data.getText(), 'base64'),
      qos: 2,
      retain: false,
      properties: {
        ...shared,
        ...(typeof contentType === 'string' ? { contentType } : {}),
        userProperties: [...attributes, ...(shared.userProperties ?? [])],
      },
    };
  }
  const json = jsonOf(stanza);
  if (json === undefined) return 'nothing';
  const payload = Buffer.from(JSON.stringify(json));
  return { topic, payload, qos: 2, retain: false, properties: { ...shared, payloadFormat: 1, contentType: JSON_TYPE } };
}

/** Any other stanza, as XML. */
export function rawMessage(stanza: Stanza, topic: string): Message {
  return {
    topic,
    payload: Buffer.from(stanza.toString().replace(`<${stanza.kind}`, `<${stanza.kind} xmlns='jabber:client'`)),
    qos: 2,
    retain: false,
    properties: { payloadFormat: 1, contentType: XMPP_XML },
  };
}

function attributesOf({ from, id, to, type }: Stanza): readonly UserProperty[] {
  const all: readonly (readonly [string, string | undefined])[] = [
    ['from', from?.full],
    ['to', to?.full],
    ['id', id],
    ['type', type],
  ];
  return all.flatMap(([name, value]): UserProperty[] => (value === undefined ? [] : [[name, value]]));
}

function propertiesOf(stanza: Stanza, root: string, messageExpiry: number | undefined): MessageProperties {
  const { from, id } = stanza;
  const carried = stanza.child('properties', XMLNS);
  const userProperties = (carried?.getChildren('property', XMLNS) ?? []).map((property): UserProperty => {
    const name: unknown = property.attrs['name'];
    return [typeof name === 'string' ? name : '', property.getText()];
  });
  return {
    ...(from === undefined ? {} : { responseTopic: `${root}/send/${topicLevel(from.full)}` }),
    ...(id === undefined ? {} : { correlationData: Buffer.from(id) }),
    ...(messageExpiry === undefined ? {} : { messageExpiry }),
    ...(userProperties.length === 0 ? {} : { userProperties }),
  };
}

/** XEP-0079 section 3.3.2, and XEP-0023, in which seconds count from when it was sent. */
function expiryOf(stanza: Stanza): number | undefined {
  const rules = stanza.child('amp', AMP)?.getChildren('rule', AMP) ?? [];
  const value: unknown = rules.find(({ attrs }) => attrs['condition'] === 'expire-at')?.attrs['value'];
  const at = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}

/** The members of the inbox's JSON; undefined for a stanza that says none of them. */
function jsonOf(stanza: Stanza): Readonly<Record<string, unknown>> | undefined {
  const { from, id, lang, to, type } = stanza;
  const said = saidIn(stanza);
  if (Object.keys(said).length === 0) return undefined;
  const thread = stanza.child('thread')?.getText();
  const receipt = stanza.child('request', RECEIPTS) !== undefined;
  const markable = stanza.child('markable', MARKERS) !== undefined;
  const stamp: unknown = stanza.child('delay', 'urn:xmpp:delay')?.attrs['stamp'];
  const stanzaId: unknown = stanza.child('stanza-id', 'urn:xmpp:sid:0')?.attrs['id'];
  return {
    ...(id === undefined ? {} : { id }),
    ...(from === undefined ? {} : { from: from.full }),
    ...(to === undefined ? {} : { to: to.full }),
    type: type ?? 'normal',
    ...said,
    ...(thread === undefined ? {} : { thread }),
    ...(lang === undefined ? {} : { lang }),
    ...(receipt ? { receipt } : {}),
    ...(markable ? { markable } : {}),
    ts: typeof stamp === 'string' ? stamp : new Date().toISOString(),
    ...(typeof stanzaId === 'string' ? { stanza_id: stanzaId } : {}),
  };
}

function saidIn(stanza: Stanza): Readonly<Record<string, unknown>> {
  const refusal = refusalIn(stanza);
  if (refusal !== undefined) return { error: refusal };
  const bodies = stanza.element.getChildren('body', 'jabber:client');
  const body = (bodies.find(({ attrs }) => attrs['xml:lang'] === undefined) ?? bodies[0])?.getText();
  const subject = stanza.child('subject')?.getText();
  const received: unknown =
    stanza.child('received', RECEIPTS)?.attrs['id'] ?? stanza.child('received', MARKERS)?.attrs['id'];
  const displayed: unknown = stanza.child('displayed', MARKERS)?.attrs['id'];
  const state = chatStates.find((name) => stanza.child(name, CHAT_STATES) !== undefined);
  return {
    ...(body === undefined ? {} : { body }),
    ...(subject === undefined ? {} : { subject }),
    ...(typeof received === 'string' ? { received } : {}),
    ...(typeof displayed === 'string' ? { displayed } : {}),
    ...(state === undefined ? {} : { state }),
  };
}
