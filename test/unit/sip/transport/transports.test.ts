import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { SipResponse } from '#protocols/sip/message/message.ts';
import { HOST, options, stage, tcpPeer, tcpServer } from './kit.ts';

async function udpPeer(t: ExecutionContext): Promise<UdpSocket> {
  const socket = createSocket('udp4');
  socket.bind(0, HOST);
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  return socket;
}

const VIA = 'SIP/2.0/UDP client.invalid:5070;branch=z9hG4bKa';

const arrivals: readonly (readonly [title: string, via: (port: number) => string, noted: (port: number) => string])[] =
  [
    ['a name: received', () => VIA, () => `${VIA};received=127.0.0.1`],
    [
      'the very address: nothing',
      () => `SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKa`,
      () => `SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKa`,
    ],
    [
      'another address: received',
      () => 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa',
      () => 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa;received=127.0.0.1',
    ],
    [
      'rport: port and received, also where the address is right (RFC 3581 section 4)',
      () => 'SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa;rport',
      (port) => `SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa;rport=${port};received=127.0.0.1`,
    ],
  ];
for (const [title, via, noted] of arrivals) {
  test(`a request arrives by UDP (RFC 3261 section 18.2.1): ${title}`, async (t) => {
    const { heard, udp } = await stage(t);
    const peer = await udpPeer(t);
    const { port } = peer.address();
    peer.send(options(via(port)).toBytes(), udp, HOST);
    const { flow, request } = await heard.request();
    t.is(request.get('Via'), noted(port));
    t.is(flow.remotePort, port);
    t.false(flow.reliable);
  });
}

test('responses by UDP: to rport where it is asked for, else to the port in sent-by', async (t) => {
  const { heard, transports, udp } = await stage(t);
  const behindNat = await udpPeer(t);
  const answerPlace = await udpPeer(t);
  const { port } = answerPlace.address();
  behindNat.send(options(`SIP/2.0/UDP 192.0.2.1:${port};branch=z9hG4bKa;rport`).toBytes(), udp, HOST);
  const first = await heard.request();
  const symmetric = once(behindNat, 'message');
  void transports.respond(SipResponse.to(first.request, 200), first.flow);
  t.regex(String((await symmetric)[0]), /^SIP\/2\.0 200 OK/);
  behindNat.send(options(`SIP/2.0/UDP 127.0.0.1:${port};branch=z9hG4bKb`).toBytes(), udp, HOST);
  const second = await heard.request(1);
  const elsewhere = once(answerPlace, 'message');
  void transports.respond(SipResponse.to(second.request, 200), second.flow);
  t.regex(String((await elsewhere)[0]), /^SIP\/2\.0 200 OK/);
});

test('UDP: keep-alives are swallowed, STUN is answered, what is damaged is handed up with what can be answered', async (t) => {
  const { heard, transports, udp } = await stage(t);
  const peer = await udpPeer(t);
  peer.send('\r\n\r\n', udp, HOST);
  const stun = Buffer.alloc(20);
  stun.writeUInt16BE(1, 0);
  stun.writeUInt32BE(0x2112a442, 4);
  const binding = once(peer, 'message');
  peer.send(stun, udp, HOST);
  t.is(((await binding)[0] as Buffer).readUInt16BE(0), 0x0101);
  peer.send(
    'OPTIONS sip:example.org SIP/2.0\r\nVia: SIP/2.0/UDP a.invalid;branch=z9hG4bKx;rport\r\nCSeq: x\r\n\r\n',
    udp,
    HOST,
  );
  while (heard.malformed.length === 0) await heard.next();
  t.is(heard.malformed[0]?.status, 400);
  t.is(transports.counters.keepAlives, 1);
  t.is(heard.requests.length, 0);
});

test('TCP: framing, ping and pong, responses on the same connection, the flow closes with it', async (t) => {
  const { heard, tcp, transports } = await stage(t);
  const peer = await tcpPeer(t, tcp);
  const bytes = options('SIP/2.0/TCP client.invalid;branch=z9hG4bKa', [], Buffer.from('hello')).toBytes();
  for (const byte of bytes) peer.write(Buffer.of(byte));
  const { flow, request } = await heard.request();
  t.is(String(request.body), 'hello');
  t.true(flow.reliable);
  t.is(transports.flow(flow.id), flow);
  peer.write('\r\n\r\n');
  t.is(String((await once(peer, 'data'))[0]), '\r\n');
  void transports.respond(SipResponse.to(request, 200), flow);
  t.regex(String((await once(peer, 'data'))[0]), /^SIP\/2\.0 200 OK/);
  const closed = new Promise<void>((resolve) => void flow.watch(resolve));
  peer.end();
  await closed;
  t.false(flow.open);
  t.is(transports.flow(flow.id), undefined);
  t.false(flow.send(bytes));
  t.throws(() => transports.send(request, { flow }), { message: /closed/ });
});

test('TCP: a message that cannot be framed ends the connection, when it has been answered', async (t) => {
  const { heard, tcp, transports } = await stage(t);
  const peer = await tcpPeer(t, tcp);
  const ended = once(peer, 'end');
  peer.resume();
  peer.write('OPTIONS sip:example.org SIP/2.0\r\nVia: SIP/2.0/TCP a.invalid;branch=z9hG4bKx\r\n\r\n');
  await ended;
  t.is(heard.malformed[0]?.reason, 'Missing Content-Length');
  t.is(transports.streams, 0);
});

test('a response whose connection has gone opens one to sent-by (section 18.2.2)', async (t) => {
  const { heard, tcp, transports } = await stage(t);
  const { port, server } = await tcpServer(t);
  const peer = await tcpPeer(t, tcp);
  peer.write(options(`SIP/2.0/TCP 127.0.0.1:${port};branch=z9hG4bKa`).toBytes());
  const { flow, request } = await heard.request();
  const closed = new Promise<void>((resolve) => void flow.watch(resolve));
  peer.destroy();
  await closed;
  const connected = once(server, 'connection');
  await transports.respond(SipResponse.to(request, 200), flow);
  const [socket] = (await connected) as [Socket];
  t.regex(String((await once(socket, 'data'))[0]), /^SIP\/2\.0 200 OK/);
});

test('a request dials, and the next one uses the connection; a place where nobody listens is an error', async (t) => {
  const { transports } = await stage(t);
  const { connections, port, server } = await tcpServer(t);
  const to = { transport: 'tcp', address: HOST, port } as const;
  const request = options('SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKa');
  const [first, second] = await Promise.all([transports.send(request, to), transports.send(request, to)]);
  t.is(first, second);
  t.is(await transports.send(request, to), first);
  t.is(connections.length, 1);
  server.close();
  connections[0]?.destroy();
  await new Promise<void>((resolve) => void first.watch(resolve));
  await t.throwsAsync(async () => await transports.send(request, to), { message: /refuses/ });
  t.is(transports.counters.dialsFailed, 1);
});

test('a request that is too long for a datagram goes by TCP, or by UDP where nobody takes TCP (section 18.1.1)', async (t) => {
  const { transports } = await stage(t);
  const long = options('SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa', [], Buffer.alloc(1300, 'x'));
  const { port, server } = await tcpServer(t);
  const connected = once(server, 'connection');
  const flow = await transports.send(long, { transport: 'udp', address: HOST, port });
  t.is(flow.transport, 'tcp');
  const [socket] = (await connected) as [Socket];
  const text = String((await once(socket, 'data'))[0]);
  t.regex(text, /^Via: SIP\/2\.0\/TCP 127\.0\.0\.1;branch=z9hG4bKa\r$/m);
  const peer = await udpPeer(t);
  const got = once(peer, 'message');
  const other = await transports.send(long, { transport: 'udp', address: HOST, port: peer.address().port });
  t.is(other.transport, 'udp');
  t.regex(String((await got)[0]), /^Via: SIP\/2\.0\/UDP 127\.0\.0\.1/m);
  const again = transports.send(long, { transport: 'udp', address: HOST, port: peer.address().port });
  t.false(again instanceof Promise, 'it is remembered that nobody takes TCP there');
});

test('so does one to a phone near by that was heard over UDP: it may listen on TCP as well', async (t) => {
  const { transports } = await stage(t);
  const long = options('SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKa', [], Buffer.alloc(1300, 'x'));
  const { port } = await tcpServer(t);
  const heard = transports.datagramFlow(HOST, port);
  if (heard === undefined) throw new Error('there is no UDP listener');
  t.is((await transports.send(long, { flow: heard })).transport, 'tcp');
  const short = options('SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKb');
  t.is((await transports.send(short, { flow: heard })).transport, 'udp');
});

test('what stands for this server: its hosts and addresses, with the ports it listens on', async (t) => {
  const { tcp, transports, udp } = await stage(t);
  const rows: readonly (readonly [string, number | undefined, boolean])[] = [
    ['example.org', undefined, true],
    ['EXAMPLE.org', udp, true],
    [HOST, udp, true],
    [HOST, 1, false],
    ['other.example', undefined, false],
    ['192.0.2.77', undefined, false],
  ];
  for (const [host, port, own] of rows) t.is(transports.isOwn(host, port), own, `${host}:${port}`);
  t.true(transports.isOwn(HOST, tcp));
  t.deepEqual(transports.sentBy('udp'), { host: HOST, port: udp });
  t.deepEqual(transports.sentBy('tcp').port, tcp);
});
