import { Buffer } from 'node:buffer';
import test from 'ava';
import fc from 'fast-check';
import { EncodedPublish, encodePublish, type Extras } from '#protocols/mqtt/packet/publish.ts';
import { ServerPacketDecoder } from '#protocols/mqtt/packet/server-decoder.ts';
import type { Message, QoS, Version } from '#protocols/mqtt/packet/types.ts';
import { publish } from '#test/vectors/mqtt/packets.ts';

const message = (own: Partial<Message> = {}): Message => ({
  topic: 'a/b',
  payload: Buffer.from('payload'),
  qos: 2,
  retain: true,
  properties: {},
  ...own,
});

test('subscribers at QoS 0 get the very same bytes, one buffer for each protocol and RETAIN', (t) => {
  const encoded = new EncodedPublish(message());
  const four = encoded.packet(4, 0, false, 0, false);
  t.is(four.toString('hex'), '300c0003612f627061796c6f6164');
  t.is(encoded.packet(4, 0, false, 0, false), four);
  t.is(encoded.packet(3, 0, false, 0, false), four);
  const five = encoded.packet(5, 0, true, 0, false);
  t.is(five.toString('hex'), '310d0003612f62007061796c6f6164');
  t.is(encoded.packet(5, 0, true, 0, false), five);
});

test('subscribers at QoS 1 and 2 get their packet identifier and flags, and keep them', (t) => {
  const encoded = new EncodedPublish(message({ payload: Buffer.from('x') }));
  const one = encoded.packet(4, 1, false, 1, false);
  const two = encoded.packet(4, 2, true, 0xabcd, true);
  const three = encoded.packet(5, 1, false, 3, false);
  t.is(one.toString('hex'), '32080003612f62000178');
  t.is(two.toString('hex'), '3d080003612f62abcd78');
  t.is(three.toString('hex'), '32090003612f6200030078');
});

test('a large payload is handed on as it is', (t) => {
  const payload = Buffer.alloc(5000, 1);
  const encoded = new EncodedPublish(message({ payload }));
  for (const qos of [0, 1] as const) {
    const pieces: Buffer[] = [];
    encoded.send(pieces, 5, qos, false, 7, false);
    t.is(pieces.length, 2);
    t.is(pieces[1], payload);
  }
});

test('the expiry that is left takes the place of the message’s', (t) => {
  const encoded = new EncodedPublish(message({ payload: Buffer.alloc(0), properties: { messageExpiry: 60 } }));
  const fresh = encoded.packet(5, 0, false, 0, false);
  t.is(fresh.toString('hex'), '300b0003612f6205020000003c');
  t.is(encoded.packet(5, 0, false, 0, false, { messageExpiry: 5 }).toString('hex'), '300b0003612f62050200000005');
  t.is(encoded.packet(5, 0, false, 0, false), fresh);
});

test('an alias that the client knows stands for the topic, and not before MQTT 5', (t) => {
  const encoded = new EncodedPublish(message({ payload: Buffer.alloc(0) }));
  t.is(encoded.packet(5, 0, false, 0, false, { topicAlias: 3 }).toString('hex'), '30090003612f6203230003');
  const known: Extras = { topicAlias: 3, aliasKnown: true };
  t.is(encoded.packet(5, 0, false, 0, false, known).toString('hex'), '3006000003230003');
  t.is(encoded.packet(4, 0, false, 0, false, known).toString('hex'), '30050003612f62');
});

const versions = fc.constantFrom<Version>(3, 4, 5);
const levels = fc.constantFrom<QoS>(0, 1, 2);
const some = fc.string({ unit: 'grapheme', maxLength: 5 }).map((text) => text.replaceAll('\u0000', ''));
const messages: fc.Arbitrary<Message> = fc.record({
  topic: some.map((text) => `t/${text.replaceAll(/[#+]/g, '')}`),
  payload: fc
    .oneof(fc.uint8Array({ maxLength: 20 }), fc.uint8Array({ minLength: 1000, maxLength: 1100 }))
    .map((bytes) => Buffer.from(bytes)),
  qos: levels,
  retain: fc.boolean(),
  properties: fc.record(
    {
      messageExpiry: fc.nat(),
      contentType: some,
      responseTopic: fc.constant('r'),
      correlationData: fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      userProperties: fc.array(fc.tuple(some, some), { minLength: 1, maxLength: 3 }),
    },
    { requiredKeys: [] },
  ),
});
const extras: fc.Arbitrary<Extras> = fc.record(
  {
    topicAlias: fc.integer({ min: 1, max: 65_535 }),
    subscriptionIds: fc.array(fc.integer({ min: 1, max: 268_435_455 }), { minLength: 1, maxLength: 4 }),
    messageExpiry: fc.nat(),
  },
  { requiredKeys: [] },
);

/** The packet as a client reads it. */
const read = (version: Version, bytes: Buffer): unknown => {
  const packets: unknown[] = [];
  const handler = {
    onPacket: (packet: unknown) => packets.push(packet),
    onFault: (_: number, text: string) => packets.push(text),
  };
  const limits = { maxPacketSize: 1 << 20, maxTopicLevels: 200, topicAliasMaximum: 65_535 };
  const decoder = new ServerPacketDecoder(handler, version, limits);
  decoder.push(Buffer.from(version === 5 ? '2003000000' : '20020000', 'hex'));
  decoder.push(bytes);
  return packets.slice(1);
};

test('every subscriber reads the message as it was, with what is its own, in as many bytes as were said', (t) => {
  const deliveries = fc.array(fc.tuple(versions, levels, fc.boolean(), fc.boolean(), fc.option(extras)), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(messages, deliveries, (each, list) => {
      const encoded = new EncodedPublish(each);
      for (const [version, qos, retain, dup, own] of list) {
        const packetId = qos > 0 ? 4660 : 0;
        const { messageExpiry, ...ids } = own ?? {};
        const properties = { ...each.properties, ...(messageExpiry !== undefined && { messageExpiry }) };
        const bare = publish({ ...each, properties: {}, qos, retain, dup: dup && qos > 0, packetId });
        const plain = version === 5 ? { ...bare, ...ids, properties } : bare;
        const bytes = encoded.packet(version, qos, retain, packetId, dup, own ?? undefined);
        t.deepEqual(read(version, bytes), [plain]);
        t.deepEqual(read(version, encodePublish(plain, version)), [plain]);
        t.is(encoded.size(version, qos, own ?? undefined), bytes.length);
      }
    }),
  );
});
