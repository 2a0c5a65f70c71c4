import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Flusher } from '#src/net/flusher.ts';
import { Listeners } from '#src/net/listeners.ts';
import { Timers } from '#src/net/timers.ts';
import { MESSAGE_LIMITS } from '#protocols/sip/message/limits.ts';
import { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import type { Malformed } from '#protocols/sip/message/parse.ts';
import type { Flow } from '#protocols/sip/transport/flow.ts';
import { Transports } from '#protocols/sip/transport/transports.ts';
import { plain } from '../../net/kit.ts';

const HOST = '127.0.0.1';

/** What came up, in order; waits for more. */
class Heard {
  readonly requests: { request: SipRequest; flow: Flow }[] = [];
  readonly responses: SipResponse[] = [];
  readonly malformed: Malformed[] = [];
  #wake: (() => void)[] = [];

  onRequest(request: SipRequest, flow: Flow): void {
    this.requests.push({ request, flow });
    this.#told();
  }

  onResponse(response: SipResponse): void {
    this.responses.push(response);
    this.#told();
  }

  onMalformed(malformed: Malformed): void {
    this.malformed.push(malformed);
    this.#told();
  }

  async request(n = 0): Promise<{ request: SipRequest; flow: Flow }> {
    for (;;) {
      const found = this.requests[n];
      if (found !== undefined) return found;
      await this.next();
    }
  }

  next(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #told(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const one of wake) one();
  }
}

interface Stage {
  readonly heard: Heard;
  readonly transports: Transports;
  readonly udp: number;
  readonly tcp: number;
  readonly timers: Timers;
}

async function stage(t: ExecutionContext): Promise<Stage> {
  const heard = new Heard();
  const timers = new Timers((error) => t.fail(String(error)));
  const transports = new Transports({
    handler: heard,
    limits: MESSAGE_LIMITS,
    flusher: new Flusher(),
    timers,
    names: () => ['example.org'],
  });
  const listeners = new Listeners({
    tls: undefined,
    limits: { total: 100, perIp: 100, perIpBeforeAuth: 100 },
    refuses: () => false,
    fault: (error) => t.fail(String(error)),
  });
  listeners.serve('sip', transports.connections);
  listeners.serveDatagrams('sip', transports.datagrams);
  const config = { ...plain, kind: 'sip', address: HOST, port: 0 };
  await listeners.apply([
    { ...config, name: 'tcp' },
    { ...config, name: 'udp', transport: 'udp' },
  ]);
  t.teardown(() => {
    transports.close();
    listeners.stop();
    listeners.destroyAll();
    timers[Symbol.dispose]();
  });
  const portOf = (name: string): number => listeners.bound.find((one) => one.name === name)?.boundPort ?? 0;
  return { heard, transports, timers, udp: portOf('udp'), tcp: portOf('tcp') };
}

async function udpPeer(t: ExecutionContext): Promise<UdpSocket> {
  const socket = createSocket('udp4');
  socket.bind(0, HOST);
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  return socket;
}

async function tcpServer(t: ExecutionContext): Promise<{ server: Server; port: number }> {
  const server = createServer();
  server.listen(0, HOST);
  await once(server, 'listening');
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { server, port: (server.address() as AddressInfo).port };
}

async function tcpPeer(t: ExecutionContext, port: number): Promise<Socket> {
  const socket = connect(port, HOST);
  await once(socket, 'connect');
  t.teardown(() => socket.destroy());
  return socket;
}

function options(via: string, more: readonly (readonly [string, string])[] = [], body?: Buffer): SipRequest {
  return SipRequest.make(
    'OPTIONS',
    'sip:example.org',
    [
      ['Via', via],
      ['From', '<sip:a@example.net>;tag=1'],
      ['To', '<sip:example.org>'],
      ['Call-ID', 'c1'],
      ['CSeq', '1 OPTIONS'],
      ['Max-Forwards', '70'],
      ...more,
    ],
    body === undefined ? undefined : { type: 'text/plain', bytes: body },
  );
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
  const { port, server } = await tcpServer(t);
  const connections: Socket[] = [];
  server.on('connection', (socket) => connections.push(socket));
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
  const peer = await tcpPeer(t, tcp);
  peer.write(options('SIP/2.0/TCP 127.0.0.1;branch=z9hG4bKa').toBytes());
  while (transports.streams === 0) await new Promise((resolve) => setImmediate(resolve));
  t.true(transports.isOwn(HOST, tcp));
  t.deepEqual(transports.sentBy('udp'), { host: HOST, port: udp });
  t.deepEqual(transports.sentBy('tcp').port, tcp);
});
