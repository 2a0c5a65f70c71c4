import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import test from 'ava';
import { addressErrorCode } from '#protocols/stun/attributes/address-error-code.ts';
import { additionalAddressFamily } from '#protocols/stun/attributes/additional-address-family.ts';
import { channelNumber } from '#protocols/stun/attributes/channel-number.ts';
import { data } from '#protocols/stun/attributes/data.ts';
import { evenPort } from '#protocols/stun/attributes/even-port.ts';
import { lifetime } from '#protocols/stun/attributes/lifetime.ts';
import { requestedAddressFamily } from '#protocols/stun/attributes/requested-address-family.ts';
import { requestedTransport } from '#protocols/stun/attributes/requested-transport.ts';
import { reservationToken } from '#protocols/stun/attributes/reservation-token.ts';
import { unknownAttributes } from '#protocols/stun/attributes/unknown-attributes.ts';
import { xorMappedAddress } from '#protocols/stun/attributes/xor-mapped-address.ts';
import { xorPeerAddress } from '#protocols/stun/attributes/xor-peer-address.ts';
import { xorRelayedAddress } from '#protocols/stun/attributes/xor-relayed-address.ts';
import { dontFragment } from '#protocols/stun/attributes/dont-fragment.ts';
import { classes, methods } from '#protocols/stun/methods.ts';
import { Writer } from '#protocols/stun/writer.ts';
import { codeOf, LOOPBACK, Peer, type TurnTestClient, TurnTestServer, v4, v6 } from '#test/helpers/turn.ts';

const channelMessage = (channel: number, bytes: Buffer, pad = false): Buffer => {
  const message = Buffer.alloc(pad ? (bytes.length + 7) & ~3 : bytes.length + 4);
  message.writeUInt16BE(channel, 0);
  message.writeUInt16BE(bytes.length, 2);
  bytes.copy(message, 4);
  return message;
};

const sendIndication = (peer: { family: 4 | 6; address: string; port: number }, bytes: Buffer): Buffer =>
  new Writer(methods.send, classes.indication, randomBytes(12)).add(xorPeerAddress, peer).add(data, bytes).bytes;

async function bind(client: TurnTestClient, number: number, peer: { family: 4 | 6; address: string; port: number }) {
  return codeOf(
    await client.request(methods.channelBind, (writer) => writer.add(channelNumber, number).add(xorPeerAddress, peer)),
  );
}

for (const transport of ['udp', 'tcp', 'tls', 'udp6'] as const) {
  test(`${transport}: data goes to a peer and back by indications, then by a channel`, async (t) => {
    await using server = await TurnTestServer.start();
    const client = await server.client(transport);
    const peer = await Peer.open();
    const relayed = await client.relay();
    t.is(relayed.address, '127.0.0.1');
    t.is(codeOf(await client.permit(peer.at)), 0);
    for (const size of [0, 1, 2, 3, 4, 172, 1400]) {
      const bytes = randomBytes(size);
      client.write(sendIndication(peer.at, bytes));
      t.deepEqual(await peer.next(), { bytes, port: relayed.port });
      peer.send(bytes, relayed);
      const got = await client.next();
      if (!('message' in got)) return t.fail('a Data indication was expected');
      t.is(got.message.method, methods.data);
      t.is(got.message.class, classes.indication);
      t.deepEqual(got.message.get(xorPeerAddress), peer.at);
      t.deepEqual(got.message.get(data), bytes);
    }
    t.is(await bind(client, 0x4000, peer.at), 0);
    for (const size of [0, 1, 2, 3, 4, 172, 1400]) {
      const bytes = randomBytes(size);
      client.write(channelMessage(0x4000, bytes, transport.startsWith('t')));
      t.deepEqual(await peer.next(), { bytes, port: relayed.port });
      peer.send(bytes, relayed);
      t.deepEqual(await client.next(), { channel: 0x4000, data: bytes });
    }
    client.close();
    peer.close();
  });
}

test('what a channel has no binding for, and who has no permission, is dropped', async (t) => {
  await using server = await TurnTestServer.start();
  const client = await server.client();
  const peer = await Peer.open();
  const relayed = await client.relay();
  client.write(sendIndication(peer.at, Buffer.from('no permission')));
  client.write(channelMessage(0x4001, Buffer.from('no channel')));
  peer.send('nobody asked', relayed);
  while (server.turn.counters.dropped.permission < 3) await client.settled();
  t.is(codeOf(await client.permit(peer.at)), 0);
  client.write(sendIndication(peer.at, Buffer.from('now')));
  t.is((await peer.next()).bytes.toString(), 'now');
  t.deepEqual(peer.heard, []);
  t.deepEqual(client.received, []);
  client.close();
  peer.close();
});

test('a channel is bound to one peer, and a peer to one channel', async (t) => {
  await using server = await TurnTestServer.start();
  const client = await server.client();
  await client.relay();
  const first = v4('127.0.0.1', 40_000);
  t.is(await bind(client, 0x4000, first), 0);
  t.is(await bind(client, 0x4000, first), 0, 'refreshed');
  t.is(await bind(client, 0x4000, v4('127.0.0.1', 40_001)), 400);
  t.is(await bind(client, 0x4001, first), 400);
  t.is(await bind(client, 0x3fff, v4('127.0.0.1', 40_002)), 400);
  t.is(await bind(client, 0x7ffe, v4('127.0.0.1', 40_003)), 0, 'RFC 5766 has channels above 0x4FFF');
  t.is(await bind(client, 0x8000, v4('127.0.0.1', 40_004)), 400);
  t.is(await bind(client, 0x4002, v6('::1', 40_000)), 443);
  t.is(codeOf(await client.request(methods.channelBind, (writer) => writer.add(channelNumber, 0x4003))), 400);
  client.close();
});

test('a channel can be refreshed when there is no room for another', async (t) => {
  await using server = await TurnTestServer.start(`${LOOPBACK}, max_permissions: 1`);
  const client = await server.client();
  await client.relay();
  t.is(await bind(client, 0x4000, v4('127.0.0.1', 40_000)), 0);
  t.is(await bind(client, 0x4000, v4('127.0.0.1', 40_000)), 0);
  t.is(await bind(client, 0x4001, v4('127.0.0.1', 40_001)), 508);
  // It has expired: both the number and the peer are free again.
  server.passes(601_000);
  t.is(await bind(client, 0x4001, v4('127.0.0.1', 40_000)), 0);
  t.is(await bind(client, 0x4000, v4('127.0.0.1', 40_001)), 508);
  client.close();
});

test('permissions end after five minutes, channels after ten', async (t) => {
  await using server = await TurnTestServer.start();
  const client = await server.client();
  const peer = await Peer.open();
  await client.relay((writer) => writer.add(lifetime, 3600));
  await bind(client, 0x4000, peer.at);
  server.passes(299_000);
  client.write(channelMessage(0x4000, Buffer.from('in time')));
  t.is((await peer.next()).bytes.toString(), 'in time');
  server.passes(2000);
  client.write(channelMessage(0x4000, Buffer.from('late')));
  await client.settled();
  // The channel lasts: with a new permission it serves again.
  await client.permit(peer.at);
  client.write(channelMessage(0x4000, Buffer.from('again')));
  t.is((await peer.next()).bytes.toString(), 'again');
  server.passes(300_000);
  await client.permit(peer.at);
  client.write(channelMessage(0x4000, Buffer.from('over')));
  await client.settled();
  t.deepEqual(peer.heard, []);
  client.close();
  peer.close();
});

test('the largest datagrams of IPv4 and IPv6 harm nobody', async (t) => {
  await using server = await TurnTestServer.start();
  for (const address of ['127.0.0.1', '::1']) {
    const client = await server.client('tcp');
    const peer = await Peer.open(address);
    const relayed = await client.relay((writer) => writer.add(requestedAddressFamily, peer.at.family));
    await client.permit(peer.at);
    for (const size of [65_504, address === '::1' ? 65_527 : 65_507]) peer.send(randomBytes(size), relayed);
    const got = await client.next();
    t.is('message' in got ? got.message.get(data)?.length : 0, 65_504);
    await bind(client, 0x4000, peer.at);
    peer.send(randomBytes(65_507), relayed);
    const whole = await client.until('the largest', () =>
      client.received.find((each) => 'channel' in each && each.data.length === 65_507),
    );
    t.truthy(whole);
    client.close();
    peer.close();
  }
});

test('an allocation tells where it is, what the client looks like, and how long it lasts', async (t) => {
  await using server = await TurnTestServer.start();
  const client = await server.client();
  const answer = await client.allocate((writer) => writer.add(lifetime, 30));
  t.is(codeOf(answer), 0);
  t.is(answer.get(lifetime), 600);
  t.deepEqual(answer.get(xorMappedAddress), v4('127.0.0.1', client.pipe.port));
  const { port = 0 } = answer.get(xorRelayedAddress) ?? {};
  t.true(port >= 49_152);
  const lasts = async (seconds: number) =>
    (await client.request(methods.refresh, (writer) => writer.add(lifetime, seconds))).get(lifetime);
  t.is(await lasts(1200), 1200);
  t.is(await lasts(86_400), 3600);
  t.is(await lasts(1), 600);
  t.is(await lasts(0), 0);
  t.is(codeOf(await client.request(methods.refresh)), 437);
  t.is(server.turn.allocations.size, 0);
  client.close();
});

test('a repeated Allocate request gets the same answer; another one on the 5-tuple 437', async (t) => {
  await using server = await TurnTestServer.start();
  const client = await server.client();
  await client.challenge();
  const bytes = client.signed(methods.allocate, (writer) => writer.add(requestedTransport, 17));
  client.write(bytes);
  client.write(bytes);
  const first = await client.answer(bytes.subarray(8, 20));
  client.write(bytes);
  const second = await client.answer(bytes.subarray(8, 20));
  t.deepEqual(second.get(xorRelayedAddress), first.get(xorRelayedAddress));
  t.is(codeOf(await client.allocate()), 437);
  t.is(server.turn.allocations.size, 1);
  client.close();
});

test('both families at once, and each by itself', async (t) => {
  await using server = await TurnTestServer.start();
  const dual = await server.client();
  const answer = await dual.allocate((writer) => writer.add(additionalAddressFamily, 6));
  t.deepEqual(
    answer.all(xorRelayedAddress)?.map(({ address }) => address),
    ['127.0.0.1', '::1'],
  );
  const peers = [await Peer.open(), await Peer.open('::1')];
  t.is(codeOf(await dual.permit(...peers.map(({ at }) => at))), 0);
  for (const peer of peers) {
    dual.write(sendIndication(peer.at, Buffer.from('both')));
    t.is((await peer.next()).bytes.toString(), 'both');
    peer.close();
  }
  const six = await server.client();
  t.is((await six.relay((writer) => writer.add(requestedAddressFamily, 6))).address, '::1');
  t.is(codeOf(await six.permit(v4('127.0.0.1', 1))), 443);
  t.is(codeOf(await six.request(methods.refresh, (writer) => writer.add(requestedAddressFamily, 4))), 443);
  t.is(codeOf(await six.request(methods.refresh, (writer) => writer.add(requestedAddressFamily, 6))), 0);
  dual.close();
  six.close();
});

test('a family that there is none of: 440, or an ADDRESS-ERROR-CODE beside the other', async (t) => {
  await using server = await TurnTestServer.start("relay_address: [127.0.0.1], public_address: ['127.0.0.1']");
  // Whatever addresses this machine has.
  t.true(
    Reflect.set(server.turn.addresses, 'of', (family: number) =>
      family === 4 ? { local: '127.0.0.1', public: '127.0.0.1' } : undefined,
    ),
  );
  const client = await server.client();
  t.is(codeOf(await client.allocate((writer) => writer.add(requestedAddressFamily, 6))), 440);
  const answer = await client.allocate((writer) => writer.add(additionalAddressFamily, 6));
  t.is(answer.get(addressErrorCode)?.code, 440);
  client.close();
});

test('an even port, and the next one reserved', async (t) => {
  await using server = await TurnTestServer.start();
  const client = await server.client();
  const answer = await client.allocate((writer) => writer.add(evenPort, true));
  const { port = 1 } = answer.get(xorRelayedAddress) ?? {};
  t.is(port % 2, 0);
  const token = answer.get(reservationToken) ?? Buffer.alloc(8);
  const other = await server.client('tcp');
  t.is(codeOf(await other.allocate((writer) => writer.add(reservationToken, token).add(evenPort, false))), 400);
  t.is((await other.relay((writer) => writer.add(reservationToken, token))).port, port + 1);
  const third = await server.client();
  t.is(codeOf(await third.allocate((writer) => writer.add(reservationToken, token))), 508);
  t.is((await third.relay((writer) => writer.add(evenPort, false))).port % 2, 0);
  for (const each of [client, other, third]) each.close();
});

test('malformed wishes', async (t) => {
  await using server = await TurnTestServer.start();
  const client = await server.client();
  t.is(codeOf(await client.request(methods.allocate)), 400, 'no REQUESTED-TRANSPORT');
  t.is(codeOf(await client.allocate(undefined, undefined, 132)), 442, 'SCTP');
  t.is(codeOf(await client.allocate(undefined, undefined, 6)), 400, 'TCP, asked for over UDP');
  const both = await client.allocate((writer) => writer.add(requestedAddressFamily, 4).add(additionalAddressFamily, 6));
  t.is(codeOf(both), 400);
  t.is(codeOf(await client.allocate((writer) => writer.add(additionalAddressFamily, 4))), 400);
  t.is(codeOf(await client.allocate((writer) => writer.raw(lifetime.type, Buffer.alloc(3)))), 400);
  const fragment = await client.allocate((writer) => writer.add(dontFragment, true));
  t.is(codeOf(fragment), 420);
  t.deepEqual(fragment.get(unknownAttributes), [dontFragment.type]);
  const unknown = await client.allocate((writer) => writer.raw(0x7f01, Buffer.alloc(4)).raw(0xff01, Buffer.alloc(4)));
  t.is(codeOf(unknown), 420);
  t.deepEqual(unknown.get(unknownAttributes), [0x7f01]);
  t.is(codeOf(await client.permit()), 437);
  t.is(server.turn.allocations.size, 0);
  await client.relay();
  t.is(codeOf(await client.permit()), 400);
  t.is(codeOf(await client.request(methods.createPermission, (w) => w.raw(xorPeerAddress.type, Buffer.alloc(5)))), 400);
  client.close();
});

test('quotas: 486 for a user, 508 for the server and for permissions', async (t) => {
  await using server = await TurnTestServer.start(
    `${LOOPBACK}, max_allocations_per_user: 2, max_allocations: 3, max_permissions: 2, secret: hush`,
  );
  const first = await server.client();
  const others = [await server.client(), await server.client(), await server.client(), await server.client()] as const;
  const [second, third, fourth, fifth] = others;
  t.is(codeOf(await first.allocate()), 0);
  t.is(codeOf(await second.allocate()), 0);
  t.is(codeOf(await third.allocate()), 486);
  const { username: name, password } = server.turn.credentials.mint('romeo', 60_000);
  t.is(codeOf(await fourth.allocate(undefined, { name, password })), 0);
  t.is(codeOf(await fifth.allocate(undefined, { name, password })), 508);
  t.is(codeOf(await first.permit(v4('127.0.0.1', 1), v4('127.0.0.2', 1))), 0);
  t.is(codeOf(await first.permit(v4('127.0.0.3', 1))), 508);
  // An allocation that is deleted makes room.
  await first.request(methods.refresh, (writer) => writer.add(lifetime, 0));
  t.is(codeOf(await third.allocate()), 0);
  for (const client of [first, ...others]) client.close();
});

test('what is more than the bandwidth is dropped', async (t) => {
  await using server = await TurnTestServer.start(`${LOOPBACK}, bandwidth_per_user: 1000`);
  const client = await server.client();
  const peer = await Peer.open();
  await client.relay();
  await client.permit(peer.at);
  for (let n = 0; n < 20; n++) client.write(sendIndication(peer.at, Buffer.alloc(300)));
  await client.settled();
  t.true(server.turn.counters.dropped.bandwidth >= 16);
  t.true(server.turn.counters.sentPackets <= 4);
  client.close();
  peer.close();
});
