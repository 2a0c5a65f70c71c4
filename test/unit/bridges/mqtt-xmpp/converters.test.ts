import { Buffer } from 'node:buffer';
import test from 'ava';
import fc from 'fast-check';
import { messageFrom } from '#bridges/mqtt-xmpp/inbox.ts';
import { stanzaFrom } from '#bridges/mqtt-xmpp/publish.ts';
import { reasonOf } from '#bridges/mqtt-xmpp/reasons.ts';
import { schemaFiles } from '#bridges/mqtt-xmpp/schemas.ts';
import { DELIVERED, DROPPED, refused, STORED } from '#src/router/outcome.ts';
import { type Condition, conditions, refuse } from '#src/stanza/conditions.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import { jid, same, stanza } from '#test/helpers/xml.ts';
import { inbox, published } from '#test/vectors/bridges/mqtt.ts';

const from = jid('door@localhost/front');
const to = jid('juliet@localhost');
const now = Date.parse('2026-11-21T12:00:00Z');
const publication = (payload: string | Buffer, properties = {}) => ({
  topic: 'xmpp/send/juliet@localhost',
  payload: Buffer.from(payload),
  qos: 1 as const,
  retain: false,
  properties,
});

for (const { payload, properties, stanza: expected, title } of published) {
  test(`published: ${title}`, (t) => {
    const result = stanzaFrom(publication(payload, properties), from, to, 65_536, now);
    if (expected === undefined) t.false(result instanceof Stanza);
    else if (result instanceof Stanza) same(t, [result], [expected]);
    else t.fail(result.text);
  });
}

for (const { json, properties, stanza: given, title } of inbox) {
  test(`for the inbox: ${title}`, (t) => {
    const message = messageFrom(stanza(given), 'xmpp/inbox', 'xmpp', now);
    if (typeof message === 'string') return void t.is<unknown, unknown>(message, json);
    const { ts, ...rest } = JSON.parse(message.payload.toString()) as Record<string, unknown>;
    t.false(Number.isNaN(Date.parse(String(ts))));
    t.deepEqual<unknown, unknown>(rest, json);
    if (properties !== undefined) t.deepEqual(message.properties, properties);
  });
}

test('bytes go through a stanza and come back', (t) => {
  const bytes = Buffer.from([0, 1, 2, 254, 255]);
  const properties = {
    contentType: 'image/jpeg',
    userProperties: [['room', 'kitchen']],
    correlationData: Buffer.from('p1'),
  };
  const sent = stanzaFrom(publication(bytes, properties), from, to, 65_536, now);
  if (!(sent instanceof Stanza)) return t.fail(sent.text);
  const message = messageFrom(stanza(sent.toString()), 'xmpp/inbox', 'xmpp', now);
  if (typeof message === 'string') return t.fail(message);
  t.deepEqual(message.payload, bytes);
  t.is(message.properties.contentType, 'image/jpeg');
  t.deepEqual(message.properties.userProperties?.at(-1), ['room', 'kitchen']);
});

test('whatever is published, the stanza is well-formed', (t) => {
  const types = fc.constantFrom(undefined, 'text/plain', 'application/json', 'application/xmpp+xml', 'x/y');
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), types, fc.string(), (text, contentType, name) => {
      const properties = {
        ...(contentType === undefined ? {} : { contentType }),
        userProperties: [[name, text] as const],
      };
      const result = stanzaFrom(publication(text, properties), from, to, 65_536, now);
      if (result instanceof Stanza) t.truthy(stanza(result.toString()).element);
    }),
    { numRuns: 500 },
  );
});

test('a payload that is too large is refused before it is read', (t) => {
  t.deepEqual(stanzaFrom(publication('x'.repeat(1025)), from, to, 1024, now), { text: 'the payload is too large' });
});

test('reasons of PUBACK (MQTT 5 section 3.4.2.1)', (t) => {
  t.is(reasonOf(DELIVERED), 0x00);
  t.is(reasonOf(STORED), 0x00);
  t.is(reasonOf(DROPPED), 0x10);
  const reasons = {
    'service-unavailable': 0x87,
    forbidden: 0x87,
    'jid-malformed': 0x90,
    'bad-request': 0x99,
    'resource-constraint': 0x97,
  } as const;
  for (const [condition, reason] of Object.entries(reasons))
    t.is(reasonOf(refused(refuse(condition as Condition))), reason);
  const allowed = new Set([0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]);
  for (const condition of Object.keys(conditions))
    t.true(allowed.has(reasonOf(refused(refuse(condition as Condition)))));
});

test('the published schemas are JSON Schema', (t) => {
  for (const [path, text] of schemaFiles()) {
    t.regex(path, /^docs\/schemas\/\w+\.schema\.json$/);
    const schema = JSON.parse(text) as Record<string, unknown>;
    t.is(schema['$schema'], 'https://json-schema.org/draft/2020-12/schema');
  }
  const send = JSON.parse(schemaFiles().get('docs/schemas/send.schema.json') ?? '{}') as Record<string, unknown>;
  t.is(send['additionalProperties'], false);
});
