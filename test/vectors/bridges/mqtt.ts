/** Publications as stanzas, and stanzas as publications: the payloads and properties of MQTT 5. */
import { Buffer } from 'node:buffer';
import type { MessageProperties } from '#protocols/mqtt/packet/types.ts';

const FROM = 'door@localhost/front';
const TO = 'juliet@localhost';
const addressed = `from='${FROM}' to='${TO}'`;

export interface PublishCase {
  readonly title: string;
  readonly payload: string | Buffer;
  readonly properties?: MessageProperties;
  /** Undefined: it is refused. */
  readonly stanza: string | undefined;
}

/** All at 2026-11-21T12:00:00Z. */
export const published: readonly PublishCase[] = [
  { title: 'text', payload: 'Ahoj <&>', stanza: `<message ${addressed} type='chat'><body>Ahoj &lt;&amp;&gt;</body></message>` },
  {
    title: 'text with User Properties for attributes and others',
    payload: 'Ahoj',
    properties: {
      contentType: 'text/plain; charset=utf-8',
      userProperties: [
        ['lang', 'cs'],
        ['type', 'normal'],
        ['room', 'kitchen'],
        ['id', 'u1'],
      ],
    },
    stanza: `<message ${addressed} type='normal' id='u1' xml:lang='cs'><body>Ahoj</body><properties xmlns='urn:trivium:mqtt:0'><property name='room'>kitchen</property></properties></message>`,
  },
  {
    title: 'JSON, all of it',
    payload: JSON.stringify({
      id: 'm1',
      from: 'door@localhost',
      to: TO,
      type: 'chat',
      body: 'Ahoj',
      subject: 'Door',
      thread: 't1',
      lang: 'cs',
      receipt: true,
      markable: true,
    }),
    stanza: `<message ${addressed} type='chat' id='m1' xml:lang='cs'><subject>Door</subject><thread>t1</thread><body>Ahoj</body><request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/></message>`,
  },
  {
    title: 'a receipt',
    payload: '{"received":"a&b"}',
    stanza: `<message ${addressed} type='chat'><received xmlns='urn:xmpp:receipts' id='a&amp;b'/></message>`,
  },
  {
    title: 'a marker',
    payload: '{"displayed":"a"}',
    stanza: `<message ${addressed} type='chat'><displayed xmlns='urn:xmpp:chat-markers:0' id='a'/></message>`,
  },
  {
    title: 'a typing state',
    payload: ' {"state":"composing"}',
    stanza: `<message ${addressed} type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>`,
  },
  {
    title: 'Correlation Data is the id, Message Expiry Interval a time',
    payload: 'x',
    properties: { correlationData: Buffer.from('c1'), messageExpiry: 60 },
    stanza: `<message ${addressed} type='chat' id='c1'><body>x</body><amp xmlns='http://jabber.org/protocol/amp'><rule action='drop' condition='expire-at' value='2026-11-21T12:01:00.000Z'/></amp></message>`,
  },
  {
    title: 'Correlation Data that is no text is base64',
    payload: 'x',
    properties: { correlationData: Buffer.from([0, 255]) },
    stanza: `<message ${addressed} type='chat' id='AP8='><body>x</body></message>`,
  },
  {
    title: 'a stanza',
    payload: `<message xmlns='jabber:client' type='headline' id='r1' to='${TO}'><body>raw</body><p:x xmlns:p='urn:example'/></message>`,
    properties: { contentType: 'application/xmpp+xml' },
    stanza: `<message ${addressed} type='headline' id='r1'><body>raw</body><x xmlns='urn:example'/></message>`,
  },
  {
    title: 'a request',
    payload: "<iq type='get' id='q1'><query xmlns='jabber:iq:version'/></iq>",
    properties: { contentType: 'application/xmpp+xml' },
    stanza: `<iq ${addressed} type='get' id='q1'><query xmlns='jabber:iq:version'/></iq>`,
  },
  {
    title: 'other bytes',
    payload: Buffer.from([1, 2, 255]),
    properties: { contentType: 'image/x' },
    stanza: `<message ${addressed} type='chat'><body>[image/x, 3 bytes]</body><data xmlns='urn:trivium:mqtt:0' content-type='image/x' qos='1' retain='false'>AQL/</data></message>`,
  },
  { title: 'nothing', payload: '', stanza: undefined },
  { title: 'no JSON', payload: '{', stanza: undefined },
  { title: 'JSON with a member that nobody knows', payload: '{"body":"x","cc":"y"}', stanza: undefined },
  { title: 'JSON that says nothing', payload: '{"thread":"x"}', stanza: undefined },
  { title: 'JSON of another type', payload: '{"body":["x"]}', stanza: undefined },
  { title: 'JSON with the name of a prototype', payload: '{"body":"x","__proto__":{"state":"gone"}}', stanza: undefined },
  { title: 'an array', payload: '[]', properties: { contentType: 'application/json' }, stanza: undefined },
  { title: 'another sender', payload: '{"body":"x","from":"romeo@localhost"}', stanza: undefined },
  { title: 'another recipient', payload: '{"body":"x","to":"romeo@localhost"}', stanza: undefined },
  { title: 'an error', payload: "<message type='error'/>", properties: { contentType: 'application/xmpp+xml' }, stanza: undefined },
  { title: 'presence', payload: '<presence/>', properties: { contentType: 'application/xmpp+xml' }, stanza: undefined },
  {
    title: 'an entity',
    payload: "<!DOCTYPE m [<!ENTITY a 'b'>]><message><body>&a;</body></message>",
    properties: { contentType: 'application/xmpp+xml' },
    stanza: undefined,
  },
  {
    title: 'what says that it is text and is not',
    payload: Buffer.from([0xff]),
    properties: { payloadFormat: 1 },
    stanza: undefined,
  },
];

export interface InboxCase {
  readonly title: string;
  readonly stanza: string;
  /** JSON without `ts`; a text for one that is not given. */
  readonly json: Readonly<Record<string, unknown>> | 'expired' | 'nothing';
  readonly properties?: MessageProperties;
}

const incoming = "from='juliet@localhost/balcony' to='door@localhost'";
const known = { from: 'juliet@localhost/balcony', to: 'door@localhost' };

export const inbox: readonly InboxCase[] = [
  {
    title: 'a message',
    stanza: `<message ${incoming} type='chat' id='m1' xml:lang='en'><subject>s</subject><thread>t</thread><body>b</body><request xmlns='urn:xmpp:receipts'/></message>`,
    json: { ...known, id: 'm1', type: 'chat', body: 'b', subject: 's', thread: 't', lang: 'en', receipt: true },
    properties: {
      responseTopic: 'xmpp/send/juliet@localhost%2Fbalcony',
      correlationData: Buffer.from('m1'),
      payloadFormat: 1,
      contentType: 'application/json',
    },
  },
  {
    title: 'the type that is the default',
    stanza: `<message ${incoming}><body>b</body></message>`,
    json: { ...known, type: 'normal', body: 'b' },
  },
  {
    title: 'an error',
    stanza: `<message ${incoming} type='error' id='m1'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:x@example.org</gone></error></message>`,
    json: { ...known, id: 'm1', type: 'error', error: { condition: 'gone', address: 'xmpp:x@example.org' } },
  },
  {
    title: 'a receipt',
    stanza: `<message ${incoming} type='chat'><received xmlns='urn:xmpp:receipts' id='a'/></message>`,
    json: { ...known, type: 'chat', received: 'a' },
  },
  {
    title: 'a typing state',
    stanza: `<message ${incoming} type='chat'><paused xmlns='http://jabber.org/protocol/chatstates'/></message>`,
    json: { ...known, type: 'chat', state: 'paused' },
  },
  {
    title: 'what expires later',
    stanza: `<message ${incoming} type='chat'><body>b</body><amp xmlns='http://jabber.org/protocol/amp'><rule action='drop' condition='expire-at' value='2026-11-21T12:01:00Z'/></amp></message>`,
    json: { ...known, type: 'chat', body: 'b' },
    properties: {
      responseTopic: 'xmpp/send/juliet@localhost%2Fbalcony',
      messageExpiry: 60,
      payloadFormat: 1,
      contentType: 'application/json',
    },
  },
  {
    title: 'what has expired',
    stanza: `<message ${incoming} type='chat'><body>b</body><amp xmlns='http://jabber.org/protocol/amp'><rule action='drop' condition='expire-at' value='2026-11-21T11:00:00Z'/></amp></message>`,
    json: 'expired',
  },
  {
    title: 'properties that came from MQTT',
    stanza: `<message ${incoming} type='chat'><body>b</body><properties xmlns='urn:trivium:mqtt:0'><property name='room'>kitchen</property></properties></message>`,
    json: { ...known, type: 'chat', body: 'b' },
    properties: {
      responseTopic: 'xmpp/send/juliet@localhost%2Fbalcony',
      userProperties: [['room', 'kitchen']],
      payloadFormat: 1,
      contentType: 'application/json',
    },
  },
  { title: 'what says nothing to a thing', stanza: `<message ${incoming}><x xmlns='urn:example'/></message>`, json: 'nothing' },
];
