import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { channelNumber } from '#protocols/stun/attributes/channel-number.ts';
import { connectionId } from '#protocols/stun/attributes/connection-id.ts';
import { dontFragment } from '#protocols/stun/attributes/dont-fragment.ts';
import { evenPort } from '#protocols/stun/attributes/even-port.ts';
import { lifetime } from '#protocols/stun/attributes/lifetime.ts';
import { xorPeerAddress } from '#protocols/stun/attributes/xor-peer-address.ts';
import { xorRelayedAddress } from '#protocols/stun/attributes/xor-relayed-address.ts';
import { classes, methods } from '#protocols/stun/methods.ts';
import { Framing } from '#protocols/turn/links/framing.ts';
import { codeOf, Peer, type TurnTestClient, TurnTestServer, v4 } from '#test/helpers/turn.ts';

const TCP = 6;

/** A peer that takes connections, and says what it hears. */
async function listener(): Promise<{ port: number; next(): Promise<Socket>; close(): void }> {
  const server = createServer();
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    async next() {
      while (sockets.length === 0) await once(server, 'connection');
      const socket = sockets.shift();
      if (socket === undefined) throw new Error('no connection');
      return socket;
    },
    close: () => server.close(),
  };
}

async function heard(socket: Socket, length: number): Promise<Buffer> {
  let bytes = Buffer.alloc(0);
  while (bytes.length < length) bytes = Buffer.concat([bytes, ((await once(socket, 'data')) as [Buffer])[0]]);
  return bytes;
}

const connectTo = (client: TurnTestClient, port: number) =>
  client.request(methods.connect, (writer) => writer.add(xorPeerAddress, v4('127.0.0.1', port)));

/** Binds a data connection. @returns it, once its bytes are a peer's */
async function bindData(t: ExecutionContext, server: TurnTestServer, control: TurnTestClient, id: number) {
  const client = await server.client('tcp');
  client.nonce = control.nonce;
  t.is(codeOf(await client.request(methods.connectionBind, (writer) => writer.add(connectionId, id))), 0);
  client.raw = Buffer.alloc(0);
  return client;
}

test('RFC 6062: a connection to a peer, from the relayed address, whose bytes go as they are', async (t) => {
  await using server = await TurnTestServer.start();
  const control = await server.client('tcp');
  const relayed = (await control.allocate(undefined, undefined, TCP)).get(xorRelayedAddress);
  const peer = await listener();
  const answer = await connectTo(control, peer.port);
  t.is(codeOf(answer), 0);
  const id = answer.get(connectionId) ?? 0;
  const socket = await peer.next();
  t.is(socket.remotePort, relayed?.port);
  t.is(codeOf(await connectTo(control, peer.port)), 446, 'there is one already');
  // What the peer says before the connection is bound waits for the client.
  socket.write('early');
  const data = await bindData(t, server, control, id);
  await data.until('what waited', () => (data.raw?.toString() === 'early' ? true : undefined));
  const big = randomBytes(1_000_000);
  data.write(big);
  t.true((await heard(socket, big.length)).equals(big));
  data.raw = Buffer.alloc(0);
  socket.write(big);
  await data.until('all of it', () => ((data.raw?.length ?? 0) >= big.length ? true : undefined));
  t.true(data.raw.equals(big));
  socket.end();
  await data.until('the end', () => (data.closed ? true : undefined));
  // The same peer may be connected to again.
  t.is(codeOf(await connectTo(control, peer.port)), 0);
  control.close();
  peer.close();
});

test('RFC 6062: a peer connects, if it has a permission', async (t) => {
  await using server = await TurnTestServer.start();
  const control = await server.client('tcp');
  const { port = 0 } = (await control.allocate(undefined, undefined, TCP)).get(xorRelayedAddress) ?? {};
  const stranger = connect(port, '127.0.0.1');
  await once(stranger, 'close');
  await control.permit(v4('127.0.0.1', 0));
  const peer = connect(port, '127.0.0.1');
  const got = await control.next();
  if (!('message' in got)) return t.fail();
  t.is(got.message.method, methods.connectionAttempt);
  t.is(got.message.class, classes.indication);
  t.is(got.message.get(xorPeerAddress)?.port, peer.localPort);
  const data = await bindData(t, server, control, got.message.get(connectionId) ?? 0);
  data.write(Buffer.from('welcome'));
  t.is((await heard(peer, 7)).toString(), 'welcome');
  // The allocation ends, and with it its connections.
  const closed = once(peer, 'close');
  await control.request(methods.refresh, (writer) => writer.add(lifetime, 0));
  await closed;
  await data.until('the end', () => (data.closed ? true : undefined));
  control.close();
});

test('RFC 6062: what is refused', async (t) => {
  await using server = await TurnTestServer.start();
  await server.server.core.accounts.create('localhost', 'romeo', 'montague');
  const control = await server.client('tcp');
  t.is(codeOf(await control.allocate((writer) => writer.add(evenPort, false), undefined, TCP)), 400);
  t.is(codeOf(await control.allocate((writer) => writer.add(dontFragment, true), undefined, TCP)), 400);
  t.is(codeOf(await control.allocate(undefined, undefined, TCP)), 0);
  t.is(codeOf(await control.request(methods.connect)), 400);
  const bound = await listener();
  const { port } = bound;
  const id = (await connectTo(control, port)).get(connectionId) ?? 0;
  const other = await server.client('tcp');
  const bind = (fill: number | undefined, as?: { name: string; password: string }) =>
    other.request(
      methods.connectionBind,
      (writer) => (fill === undefined ? writer : writer.add(connectionId, fill)),
      as,
    );
  t.is(codeOf(await bind(undefined)), 400);
  t.is(codeOf(await bind((id ^ 1) >>> 0)), 400);
  t.is(codeOf(await bind(id, { name: 'romeo', password: 'montague' })), 441);
  const udp = await server.client('udp');
  t.is(codeOf(await udp.request(methods.connectionBind, (writer) => writer.add(connectionId, id))), 400);
  t.is(codeOf(await udp.request(methods.connect, (writer) => writer.add(xorPeerAddress, v4('127.0.0.1', port)))), 437);
  bound.close();
  const closed = await listener();
  closed.close();
  t.is(codeOf(await connectTo(control, closed.port)), 447);
  const udpRelay = await server.client('tcp');
  await udpRelay.relay();
  t.is(codeOf(await connectTo(udpRelay, port)), 437);
  for (const client of [control, other, udp, udpRelay]) client.close();
});

test('messages are found however the stream is cut', async (t) => {
  await using server = await TurnTestServer.start();
  const client = await server.client('tcp');
  const peer = await Peer.open();
  await client.relay();
  await client.request(methods.channelBind, (w) => w.add(channelNumber, 0x4000).add(xorPeerAddress, peer.at));
  const refresh = client.signed(methods.refresh, (writer) => writer);
  const parts: Buffer[] = [];
  for (const size of [0, 1, 2, 3, 5]) {
    const message = Buffer.alloc((size + 7) & ~3, 0x78);
    message.writeUInt16BE(0x4000, 0);
    message.writeUInt16BE(size, 2);
    parts.push(message, refresh);
  }
  const all = Buffer.concat(parts);
  for (const cut of [1, 2, 3, 7, 19, 20, 21, 64, all.length]) {
    for (let at = 0; at < all.length; at += cut) {
      client.write(all.subarray(at, at + cut));
      if (cut < 4) await new Promise((resolve) => setImmediate(resolve));
    }
    for (let n = 0; n < 5; n++) t.is(codeOf(await client.answer(refresh.subarray(8, 20))), 0);
    for (const size of [0, 1, 2, 3, 5]) t.is((await peer.next()).bytes.toString(), 'x'.repeat(size));
  }
  client.close();
  peer.close();
});

test('a stream that is no STUN is ended', async (t) => {
  await using server = await TurnTestServer.start();
  const hostile = [
    Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    Buffer.from('1603010200010001fc0303', 'hex'),
    Buffer.from('000100032112a442', 'hex'),
    Buffer.from('0001fffc2112a442', 'hex'),
    Buffer.from('0001000000000000000000000000000000000000', 'hex'),
    Buffer.alloc(64, 0xff),
  ];
  for (const bytes of hostile) {
    const client = await server.client('tcp');
    client.write(bytes);
    await client.until(`the end after ${bytes.toString('hex')}`, () => (client.closed ? true : undefined));
  }
  t.is(server.turn.counters.malformed, hostile.length);
});

test('framing: every cut of two messages and what follows the first one', (t) => {
  const stun = Buffer.from('000100002112a442000102030405060708090a0b', 'hex');
  const data = Buffer.from('4001000361626300', 'hex');
  const all = Buffer.concat([stun, data, stun]);
  for (let cut = 0; cut <= all.length; cut++) {
    for (let next = cut; next <= all.length; next += 3) {
      const told: string[] = [];
      const framing = new Framing(
        {
          onMessage: (bytes) => void told.push(bytes.toString('hex')),
          onChannelData: (channel, bytes) => void told.push(`${channel} ${bytes.toString()}`),
          onGarbage: () => void told.push('garbage'),
        },
        1000,
      );
      for (const part of [all.subarray(0, cut), all.subarray(cut, next), all.subarray(next)]) framing.push(part);
      if (told.join() !== [stun.toString('hex'), '16385 abc', stun.toString('hex')].join()) t.fail(`${cut} ${next}`);
    }
  }
  t.pass();
});
