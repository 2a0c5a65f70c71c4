import { Buffer } from 'node:buffer';
import test from 'ava';
import { encodeClient } from '#protocols/mqtt/packet/client-encoder.ts';
import { Decoder } from '#protocols/mqtt/packet/decoder.ts';
import { encode } from '#protocols/mqtt/packet/encoder.ts';
import { encodePublish } from '#protocols/mqtt/packet/publish.ts';
import { ServerPacketDecoder } from '#protocols/mqtt/packet/server-decoder.ts';
import type { ClientPacket, Publish, ServerPacket, Version } from '#protocols/mqtt/packet/types.ts';
import { bytes } from '#test/vectors/mqtt/bytes.ts';
import { CONNECTS } from '#test/vectors/mqtt/malformed.ts';
import { CLIENT_PACKETS, SERVER_PACKETS } from '#test/vectors/mqtt/packets.ts';

const LIMITS = { maxConnectSize: 65_536, maxPacketSize: 65_536, maxTopicLevels: 200, topicAliasMaximum: 5 };
const CONNACKS: Readonly<Record<Version, string>> = { 3: `20 02 0000`, 4: `20 02 0000`, 5: `20 03 0000 00` };
const NAMES = { 3: '3.1', 4: '3.1.1', 5: '5.0' } as const;

const onFault = (reason: number, text: string): never => {
  throw new Error(`${reason.toString(16)}: ${text}`);
};

/** What the server reads, one packet given in chunks. */
const readByServer = (version: Version, chunks: readonly Buffer[], first: boolean): ClientPacket[] => {
  const packets: ClientPacket[] = [];
  const decoder = new Decoder({ onPacket: (packet) => packets.push(packet), onFault }, LIMITS);
  if (!first) decoder.push(bytes(CONNECTS[version]));
  packets.splice(0);
  for (const chunk of chunks) decoder.push(chunk);
  return packets;
};

const readByClient = (version: Version, chunks: readonly Buffer[], first: boolean): (ServerPacket | Publish)[] => {
  const packets: (ServerPacket | Publish)[] = [];
  const decoder = new ServerPacketDecoder({ onPacket: (packet) => packets.push(packet), onFault }, version, LIMITS);
  if (!first) decoder.push(bytes(CONNACKS[version]));
  packets.splice(0);
  for (const chunk of chunks) decoder.push(chunk);
  return packets;
};

const alone = (packet: Buffer): Buffer[] => Array.from(packet, (byte) => Buffer.from([byte]));

for (const { version, name, bytes: notation, packet, readOnly } of CLIENT_PACKETS) {
  test(`a client's ${name}, ${NAMES[version]}`, (t) => {
    const wire = bytes(notation);
    const first = packet.type === 'connect';
    t.deepEqual(readByServer(version, [wire], first), [packet]);
    t.deepEqual(readByServer(version, alone(wire), first), [packet], 'a byte at a time');
    if (!readOnly) t.is(encodeClient(packet, version).toString('hex'), wire.toString('hex'));
  });
}

for (const { version, name, bytes: notation, packet, readOnly } of SERVER_PACKETS) {
  test(`a server's ${name}, ${NAMES[version]}`, (t) => {
    const wire = bytes(notation);
    const first = packet.type === 'connack';
    t.deepEqual(readByClient(version, [wire], first), [packet]);
    t.deepEqual(readByClient(version, alone(wire), first), [packet], 'a byte at a time');
    if (readOnly) return;
    const written = packet.type === 'publish' ? encodePublish(packet, version) : encode(packet, version);
    t.is(written?.toString('hex'), wire.toString('hex'));
  });
}

test('a DISCONNECT with an expiry is taken after a CONNECT with one', (t) => {
  const connect = bytes(`10 [ "MQTT" 05 02 003c ( 11 00000001 ) "c" ]`);
  const packets = readByServer(5, [connect, bytes(`e0 [ 00 ( 11 0000003c ) ]`)], true);
  t.like(packets[1], { type: 'disconnect', sessionExpiry: 60 });
});

test('nothing is read behind DISCONNECT', (t) => {
  const packets = readByServer(4, [bytes(`e0 00 c0 00`), bytes(`c0 00 ff`)], false);
  t.deepEqual(
    packets.map(({ type }) => type),
    ['disconnect'],
  );
});

test('an alias stands for the topic that last came with it', (t) => {
  const stream = `30 [ "a" ( 23 0001 ) ] 30 [ "b" ( 23 0005 ) ] 30 [ "" ( 23 0001 ) ] 30 [ "c" ( 23 0001 ) ] 30 [ "" ( 23 0001 ) ] 30 [ "" ( 23 0005 ) ]`;
  const packets = readByServer(5, [bytes(stream)], false) as Publish[];
  t.deepEqual(
    packets.map(({ topic }) => topic),
    ['a', 'b', 'a', 'c', 'c', 'b'],
  );
});

test('the topic of a packet is never taken from another that only begins or ends alike', (t) => {
  const topics = ['a/b', 'a/c', 'a/b', 'a/', 'a/b/', 'é', '\u00e9\u00e9', 'a/b', 'a/b', 'b/b'];
  const stream = topics.map((topic) => bytes(`30 [ "${topic}" ]`));
  const packets = readByServer(4, [Buffer.concat(stream)], false) as Publish[];
  t.deepEqual(
    packets.map(({ topic }) => topic),
    topics,
  );
});

test('a topic that is remembered does not make the bytes of its characters valid', (t) => {
  const decoder = new Decoder({ onPacket: () => undefined, onFault }, LIMITS);
  decoder.push(bytes(CONNECTS[4]));
  decoder.push(bytes(`30 [ "é" ]`));
  t.throws(() => decoder.push(bytes(`30 [ 0001 e9 ]`)), { message: /not UTF-8/ });
});

test('the payload of a packet within a chunk is a view of the chunk', (t) => {
  const wire = bytes(`30 [ "a" 'payload' ]`);
  const [packet] = readByServer(4, [wire], false) as Publish[];
  t.is(packet?.payload.buffer, wire.buffer);
});
