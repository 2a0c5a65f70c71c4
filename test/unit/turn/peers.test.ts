import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import test from 'ava';
import { channelNumber } from '#protocols/stun/attributes/channel-number.ts';
import { data } from '#protocols/stun/attributes/data.ts';
import { requestedAddressFamily } from '#protocols/stun/attributes/requested-address-family.ts';
import { xorPeerAddress } from '#protocols/stun/attributes/xor-peer-address.ts';
import { classes, methods } from '#protocols/stun/methods.ts';
import { Writer } from '#protocols/stun/writer.ts';
import { codeOf, LOOPBACK, TurnTestServer, v4, v6 } from '#test/helpers/turn.ts';

/** The first, the last and another address of every range that is refused; the neighbours that are not. */
const REFUSED_V4 = [
  ...['0.0.0.0', '0.1.2.3', '0.255.255.255', '10.0.0.0', '10.1.2.3', '10.255.255.255'],
  ...['100.64.0.0', '100.100.100.200', '100.127.255.255', '127.0.0.1', '127.255.255.255'],
  ...['169.254.0.1', '169.254.169.254', '172.16.0.0', '172.31.255.255', '192.0.0.8', '192.0.2.200', '192.88.99.1'],
  ...['192.168.0.0', '192.168.255.255', '198.18.0.1', '198.19.255.255', '198.51.100.7', '203.0.113.7'],
  ...['224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
];
const TAKEN_V4 = [
  ...['1.1.1.1', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.0'],
  ...['169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.0', '192.167.255.255', '192.169.0.0'],
  ...['198.17.255.255', '198.20.0.0', '223.255.255.255'],
];
const REFUSED_V6 = [
  ...['::', '::1', '::127.0.0.1', '::7f00:1', '::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:169.254.169.254'],
  ...['::ffff:1.1.1.1', '64:ff9b::7f00:1', '64:ff9b::1.1.1.1', '64:ff9b:1::1', '100::1', '2001::1', '2001:0:53aa::1'],
  ...['2001:1ff:ffff::1', '2001:db8::1', '2002:7f00:1::1', '2002:a00:1::', '3fff::1', 'fc00::1', 'fd00:ec2::254'],
  ...['fdff:ffff::1', 'fe80::1', 'febf::1', 'fec0::1', 'ff02::1', 'ff0e::1'],
];
const TAKEN_V6 = ['2001:200::1', '2606:4700::1111', '2003::1', '2a00:1450::1', 'fbff::1'];

const PLAIN = "relay_address: [127.0.0.1, '::1']";

test('every range that is not the Internet is refused, by permission and by channel', async (t) => {
  await using server = await TurnTestServer.start(PLAIN);
  const client = await server.client();
  await client.relay();
  const channel = (address: string, number: number) =>
    client.request(methods.channelBind, (writer) =>
      writer.add(channelNumber, number).add(xorPeerAddress, v4(address, 9)),
    );
  for (const address of REFUSED_V4.filter((each) => each !== '127.0.0.1')) {
    t.is(codeOf(await client.permit(v4(address, 9))), 403, address);
    t.is(codeOf(await channel(address, 0x4000)), 403, address);
  }
  for (const address of TAKEN_V4) t.is(codeOf(await client.permit(v4(address, 9))), 0, address);
  // One that is refused refuses all.
  t.is(codeOf(await client.permit(v4('9.9.9.9', 1), v4('10.0.0.1', 1))), 403);
  client.close();
});

test('the same for IPv6, and for addresses of IPv4 within it', async (t) => {
  await using server = await TurnTestServer.start(PLAIN);
  const client = await server.client('udp6');
  await client.relay((writer) => writer.add(requestedAddressFamily, 6));
  for (const address of REFUSED_V6.filter((each) => each !== '::1'))
    t.is(codeOf(await client.permit(v6(address, 9))), 403, address);
  for (const address of TAKEN_V6) t.is(codeOf(await client.permit(v6(address, 9))), 0, address);
  client.close();
});

test('our own addresses: the relays there may be reached, and nothing else', async (t) => {
  await using server = await TurnTestServer.start(PLAIN);
  const first = await server.client();
  const second = await server.client();
  const [here, there] = [await first.relay(), await second.relay()];
  const bind = async (port: number, number: number): Promise<number> =>
    codeOf(
      await first.request(methods.channelBind, (writer) =>
        writer.add(channelNumber, number).add(xorPeerAddress, v4('127.0.0.1', port)),
      ),
    );
  t.is(await bind(server.port('udp'), 0x4000), 403);
  t.is(await bind(80, 0x4000), 403);
  t.is(await bind(there.port, 0x4000), 0);
  t.is(codeOf(await second.permit(here)), 0);
  const before = server.turn.counters.dropped.forbidden;
  const send = (port: number) =>
    first.write(
      new Writer(methods.send, classes.indication, randomBytes(12))
        .add(xorPeerAddress, v4('127.0.0.1', port))
        .add(data, Buffer.from('hello')).bytes,
    );
  send(server.port('udp'));
  send(there.port);
  const got = await second.next();
  t.true('message' in got && got.message.get(data)?.toString() === 'hello');
  t.is(server.turn.counters.dropped.forbidden, before + 1);
  first.close();
  second.close();
});

test('what the operator allows is allowed, and what the operator denies is denied', async (t) => {
  await using server = await TurnTestServer.start(`${LOOPBACK}, deny_peers: [127.0.0.9, 8.8.8.0/24]`);
  const client = await server.client();
  await client.relay();
  t.is(codeOf(await client.permit(v4('127.0.0.1', 9))), 0);
  t.is(codeOf(await client.permit(v4('127.0.0.9', 9))), 403);
  t.is(codeOf(await client.permit(v4('8.8.8.8', 9))), 403);
  t.is(codeOf(await client.permit(v4('10.0.0.1', 9))), 403);
  client.close();
});

test('TCP connections go nowhere else either', async (t) => {
  await using server = await TurnTestServer.start(PLAIN);
  const client = await server.client('tcp');
  await client.allocate(undefined, undefined, 6);
  for (const address of ['10.0.0.1', '169.254.169.254', '0.0.0.0', '127.0.0.2']) {
    const answer = await client.request(methods.connect, (writer) => writer.add(xorPeerAddress, v4(address, 80)));
    t.is(codeOf(answer), 403, address);
  }
  // The port of the administrator's own services on our own address.
  const own = await client.request(methods.connect, (writer) =>
    writer.add(xorPeerAddress, v4('127.0.0.1', server.port('tcp'))),
  );
  t.is(codeOf(own), 403);
  client.close();
});
