import test from 'ava';
import { type Packet, parser } from 'mqtt-packet';
import { PAYLOAD_BYTES, PublishTemplate, connect, subscribe } from '#tools/bench/mqtt/packet.ts';
import { Scanner } from '#tools/bench/mqtt/scan.ts';

function read(...parts: readonly Buffer[]): readonly Packet[] {
  const packets: Packet[] = [];
  const reader = parser({ protocolVersion: 4 });
  reader.on('packet', (packet) => packets.push(packet));
  for (const part of parts) reader.parse(part);
  return packets;
}

test('another codec reads the CONNECT', (t) => {
  const [anonymous, named] = read(connect('bench1', true, false), connect('bench2', false, true));
  t.like(anonymous, { cmd: 'connect', clientId: 'bench1', clean: true, protocolVersion: 4, keepalive: 0 });
  t.like(named, { cmd: 'connect', clientId: 'bench2', clean: false, username: 'bench2' });
});

test('and a SUBSCRIBE that is longer than 127 bytes', (t) => {
  const filters = Array.from({ length: 40 }, (_, n) => `fleet/+/d${n}/#`);
  const [packet] = read(subscribe(1, filters, 1));
  t.is(packet?.cmd, 'subscribe');
  t.deepEqual(
    packet?.cmd === 'subscribe' && packet.subscriptions.map(({ topic, qos }) => [topic, qos]),
    filters.map((topic) => [topic, 1]),
  );
});

test('a template is written again and again with another id, sender and sequence', (t) => {
  const template = new PublishTemplate('bench/x', 1);
  const bytes = Buffer.alloc(template.length * 2);
  t.is(template.write(bytes, template.write(bytes, 0, 7, 0), 7, 65_535), bytes.length);
  const packets = read(bytes);
  t.is(packets.length, 2);
  for (const [n, packet] of packets.entries()) {
    t.like(packet, { cmd: 'publish', topic: 'bench/x', qos: 1, messageId: 1 });
    const payload = packet.cmd === 'publish' && Buffer.isBuffer(packet.payload) ? packet.payload : Buffer.alloc(0);
    t.is(payload.length, PAYLOAD_BYTES);
    t.deepEqual([payload.readUInt32BE(0), payload.readUInt32BE(4)], [7, n * 65_535]);
  }
});

test('the scanner cuts the same packets however the stream is cut', (t) => {
  const template = new PublishTemplate('bench/y', 0);
  const publish = Buffer.alloc(template.length);
  template.write(publish, 0, 1, 2);
  const stream = Buffer.concat([
    Buffer.from([0x20, 2, 0, 0]),
    publish,
    Buffer.from([0xd0, 0]),
    subscribe(1, ['a'.repeat(300)], 0),
  ]);
  const cut = (size: number): readonly string[] => {
    const seen: string[] = [];
    const scanner = new Scanner((first, bytes, start, end) =>
      seen.push(`${first} ${bytes.toString('hex', start, end)}`),
    );
    for (let at = 0; at < stream.length; at += size) scanner.push(stream.subarray(at, at + size));
    return seen;
  };
  const whole = cut(stream.length);
  t.is(whole.length, 4);
  for (let size = 1; size < 20; size++) t.deepEqual(cut(size), whole);
});
