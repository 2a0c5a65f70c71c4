import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls, createServer as createTls } from 'node:tls';
import test from 'ava';
import { WebSocket } from 'ws';
import { readCertificates } from '#src/net/certificates.ts';
import type { Connection } from '#src/net/connection.ts';
import { writeSelfSigned } from '#src/net/self-signed.ts';
import { SipResponse } from '#protocols/sip/message/message.ts';
import { Dialler } from '#protocols/sip/transport/dialler.ts';
import type { Flow } from '#protocols/sip/transport/flow.ts';
import { HandClock } from '../../net/hand-clock.ts';
import { directory, tlsFor } from '../../net/kit.ts';
import { HOST, options, stage, tcpPeer, tcpServer } from './kit.ts';

test('TLS: a phone comes, and its flow is secure', async (t) => {
  const { heard, tls, transports } = await stage(t, { tls: tlsFor(t, ['example.org']) });
  const peer = connectTls({ host: HOST, port: tls, rejectUnauthorized: false, ALPNProtocols: ['sip'] });
  t.teardown(() => peer.destroy());
  await once(peer, 'secureConnect');
  t.is(peer.alpnProtocol, 'sip');
  peer.write(options('SIP/2.0/TLS client.invalid;branch=z9hG4bKa').toBytes());
  const { flow, request } = await heard.request();
  t.true(flow.secure);
  t.deepEqual(transports.sentBy(flow), { host: HOST, port: tls });
  const answered = once(peer, 'data');
  void transports.respond(SipResponse.to(request, 200), flow);
  t.regex(String((await answered)[0]), /^SIP\/2\.0 200 OK/);
});

test('TLS: the certificate must be of the name that was asked for, and a connection serves that name alone', async (t) => {
  const path = directory(t);
  writeSelfSigned(path, 'one.example', new Date());
  const [one] = readCertificates([join(path, 'one.example.crt')]).certificates;
  if (one === undefined) return t.fail();
  const asked: unknown[] = [];
  const server = createTls({ cert: one.chain, key: one.key });
  server.on('secureConnection', (socket) => {
    asked.push(socket.servername);
    socket.resume();
    socket.on('error', () => undefined);
  });
  server.on('tlsClientError', () => undefined);
  const { port } = await tcpServer(t, server);
  const { transports } = await stage(t, { dialTls: () => ({ authorities: [one.chain] }) });
  const request = options('SIP/2.0/TLS 127.0.0.1;branch=z9hG4bKa');
  const to = { transport: 'tls', address: HOST, port } as const;
  const flow = await transports.send(request, { ...to, serverName: 'one.example' });
  t.true(flow.secure);
  t.is(await transports.send(request, { ...to, serverName: 'one.example' }), flow);
  await t.throwsAsync(async () => await transports.send(request, { ...to, serverName: 'two.example' }));
  await t.throwsAsync(async () => await transports.send(request, to), undefined, 'by address');
  t.deepEqual(asked.filter((name) => name !== false).slice(0, 1), ['one.example']);
  t.is(transports.counters.dialled, 1);
});

test('a request to where a connection came from goes by that connection (RFC 3261 section 18)', async (t) => {
  const { heard, tcp, transports } = await stage(t);
  const peer = await tcpPeer(t, tcp);
  peer.write(options('SIP/2.0/TCP client.invalid;branch=z9hG4bKa').toBytes());
  const { flow } = await heard.request();
  const to = { transport: 'tcp', address: HOST, port: peer.localPort ?? 0 } as const;
  t.is(await transports.send(options('SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKb'), to), flow);
  t.regex(String((await once(peer, 'data'))[0]), /^OPTIONS/);
  t.is(transports.counters.dialled, 0);
});

test('a peer that takes nothing is cut off when too much waits for it, and others are served', async (t) => {
  const { heard, tcp, transports } = await stage(t);
  const slow = await tcpPeer(t, tcp);
  slow.write(options('SIP/2.0/TCP client.invalid;branch=z9hG4bKa').toBytes());
  const { flow } = await heard.request();
  slow.pause();
  const long = options('SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKb', [], Buffer.alloc(60_000, 'x')).toBytes();
  const closed = new Promise<void>((resolve) => void flow.watch(resolve));
  const bound = setInterval(() => {
    for (let n = 0; n < 20; n++) flow.send(long);
  }, 1);
  await closed;
  clearInterval(bound);
  t.false(flow.send(long));
  const other = await tcpPeer(t, tcp);
  other.write(options('SIP/2.0/TCP client.invalid;branch=z9hG4bKc').toBytes());
  await heard.request(1);
  t.is(transports.streams, 1);
});

test('a server that accepts and is gone: the flow closes, and the next request dials again', async (t) => {
  const { connections, port, server } = await tcpServer(t, createServer());
  const { transports } = await stage(t);
  const to = { transport: 'tcp', address: HOST, port } as const;
  const request = options('SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKa');
  const first = await transports.send(request, to);
  while (connections.length === 0) await once(server, 'connection');
  const closed = new Promise<void>((resolve) => void first.watch(resolve));
  connections[0]?.resetAndDestroy();
  await closed;
  const second = await transports.send(request, to);
  t.not(second, first);
  t.is(transports.counters.dialled, 2);
});

test('many messages of one turn are one write', async (t) => {
  const { heard, tcp } = await stage(t);
  const peer = await tcpPeer(t, tcp);
  peer.write(options('SIP/2.0/TCP client.invalid;branch=z9hG4bKa').toBytes());
  const { flow, request } = await heard.request();
  const answer = SipResponse.to(request, 200).toBytes();
  const chunks: Buffer[] = [];
  peer.on('data', (chunk) => chunks.push(chunk));
  for (let n = 0; n < 10; n++) flow.send(answer);
  while (Buffer.concat(chunks).length < answer.length * 10) await once(peer, 'data');
  t.is(chunks.length, 1);
});

test('behind a NAT, peers elsewhere are told the public address, and those near by ours', async (t) => {
  const { heard, tcp, transports } = await stage(t, { advertised: '198.51.100.7' });
  const peer = await tcpPeer(t, tcp);
  peer.write(options('SIP/2.0/TCP client.invalid;branch=z9hG4bKa').toBytes());
  const { flow } = await heard.request();
  t.deepEqual(transports.sentBy(flow), { host: HOST, port: tcp });
  t.deepEqual(transports.sentBy('tcp'), { host: '198.51.100.7', port: tcp });
  t.true(transports.isOwn('198.51.100.7', tcp));
});

test('WebSocket: the subprotocol is sip or nothing; a message a frame; what is no message is handed up (RFC 7118)', async (t) => {
  const { heard, transports } = await stage(t);
  const http = createHttp();
  const upgrade = transports.webSockets;
  http.on('upgrade', (request, socket, head) => {
    const end = socket as Socket;
    const connection = {
      secured: false,
      remoteAddress: HOST,
      remotePort: end.remotePort,
      localAddress: end.localAddress,
      localPort: end.localPort,
      listener: { name: 'http' },
      loopback: true,
      authenticated: () => undefined,
    };
    // As much of a connection as a WebSocket asks for.
    upgrade(request, socket, head, connection as unknown as Connection);
  });
  http.listen(0, HOST);
  await once(http, 'listening');
  t.teardown(() => http.close());
  const url = `ws://${HOST}:${(http.address() as AddressInfo).port}/sip`;
  const refused = new WebSocket(url, 'xmpp');
  const [error] = (await once(refused, 'error')) as [Error];
  t.regex(error.message, /400/);
  const peer = new WebSocket(url, 'sip');
  t.teardown(() => peer.terminate());
  await once(peer, 'open');
  t.is(peer.protocol, 'sip');
  peer.send(String(options('SIP/2.0/WS x.invalid;branch=z9hG4bKa').toBytes()));
  const { flow, request } = await heard.request();
  t.is(flow.transport, 'ws');
  const answered = once(peer, 'message');
  void transports.respond(SipResponse.to(request, 200), flow);
  const [text, binary] = (await answered) as [Buffer, boolean];
  t.regex(String(text), /^SIP\/2\.0 200 OK/);
  t.false(binary);
  const pong = once(peer, 'message');
  peer.send('\r\n\r\n');
  t.is(String((await pong)[0]), '\r\n');
  peer.send('nonsense');
  while (heard.malformed.length === 0) await heard.next();
  const closed = new Promise<void>((resolve) => void flow.watch(resolve));
  peer.close();
  await closed;
  t.false(flow.open);
  await transports.respond(SipResponse.to(request, 200), flow);
  t.is(transports.counters.dialled, 0, 'a browser is not called back');
});

test('an answer whose connection has gone, to a place where nobody listens, is lost and no fault', async (t) => {
  const { heard, tcp, transports } = await stage(t);
  const { port, server } = await tcpServer(t);
  server.close();
  const peer = await tcpPeer(t, tcp);
  peer.write(options(`SIP/2.0/TCP 127.0.0.1:${port};branch=z9hG4bKa`).toBytes());
  const { flow, request } = await heard.request();
  const closed = new Promise<void>((resolve) => void flow.watch(resolve));
  peer.destroy();
  await closed;
  transports.answer(SipResponse.to(request, 400), flow);
  while (transports.counters.unsent === 0) await new Promise((resolve) => setImmediate(resolve));
  t.is(transports.counters.dialsFailed, 1);
});

test('what a further server made of the Via of a response leads it nowhere else', async (t) => {
  const { heard, tcp, transports } = await stage(t);
  const wanted = await tcpServer(t);
  const other = await tcpServer(t);
  const peer = await tcpPeer(t, tcp);
  peer.write(options(`SIP/2.0/TCP 127.0.0.1:${wanted.port};branch=z9hG4bKa`).toBytes());
  const { flow, request } = await heard.request();
  const closed = new Promise<void>((resolve) => void flow.watch(resolve));
  peer.destroy();
  await closed;
  const changed = SipResponse.to(request, 200)
    .edit()
    .set('Via', `SIP/2.0/TCP 127.0.0.1:${other.port};branch=z9hG4bKa`)
    .done();
  const connected = once(wanted.server, 'connection');
  await transports.respond(changed, flow, request.via);
  await connected;
  t.is(other.connections.length, 0);
});

for (const [title, prove, patience] of [
  ['a stranger', () => undefined, 120_000],
  ['an account', (flow: Flow) => flow.authenticated(), 7_200_000],
  [
    'a phone that was told to keep its flow alive (RFC 5626 section 4.4)',
    (flow: Flow) => {
      flow.authenticated();
      flow.keptAlive(120);
    },
    240_000,
  ],
] as const) {
  test(`a silent connection is closed, ${title} after ${patience / 1000} seconds`, async (t) => {
    const clock = new HandClock();
    const { heard, tcp } = await stage(t, { clock });
    const peer = await tcpPeer(t, tcp);
    peer.resume();
    peer.write(options('SIP/2.0/TCP client.invalid;branch=z9hG4bKa').toBytes());
    const { flow } = await heard.request();
    prove(flow);
    clock.pass(patience / 2);
    peer.write('\r\n\r\n');
    await once(peer, 'data');
    clock.pass(patience - 1000);
    t.true(flow.open, 'its keep-alive was heard');
    const ended = once(peer, 'end');
    clock.pass(2000);
    t.false(flow.open);
    await ended;
  });
}

test('of the connections that were made only so many stay open: the oldest gives way', async (t) => {
  const { transports } = await stage(t);
  const dialler = new Dialler(transports, () => undefined, 2);
  const places = [await tcpServer(t), await tcpServer(t), await tcpServer(t)];
  const flows = [];
  for (const { port } of places) flows.push(await dialler.connect({ transport: 'tcp', address: HOST, port }, 5000));
  t.deepEqual(
    flows.map(({ open }) => open),
    [false, true, true],
  );
});

test('a connection that was made may be silent as one of an account', async (t) => {
  const clock = new HandClock();
  const { transports } = await stage(t, { clock });
  const { port } = await tcpServer(t);
  const request = options('SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKa');
  const flow = await transports.send(request, { transport: 'tcp', address: HOST, port });
  clock.pass(3_600_000);
  t.true(flow.open);
});
