import { Duplex } from 'node:stream';
import test from 'ava';
import { parseBlock } from '#src/address/ip.ts';
import { readProxyHeader } from '#src/net/proxy-protocol.ts';
import { dial, harness, plain, secure, tlsFor, untilClosed } from './kit.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const proxied = (ip: string, port: number) => ({ kind: 'proxied', address: { ip, port } });
const v1 = (text: string): Buffer => Buffer.from(`${text}\r\n`, 'latin1');
/** Version and command, family and transport, then the block with its length. */
const v2 = (head: string, block: string): Buffer =>
  Buffer.from(`${SIGNATURE}${head}${(block.length / 2).toString(16).padStart(4, '0')}${block}`, 'hex');

/** Source and destination, then their ports: 192.0.2.7, 192.0.2.1, 1234, 5222. */
const ADDRESSES4 = 'c0000207c000020104d21466';
const ADDRESSES6 = '20010db800000000000000000000000120010db800000000000000000000000204d21466';
const UNIX = '2f'.repeat(216);

const good: readonly (readonly [name: string, header: Buffer, expected: object])[] = [
  ['v1 TCP4', v1('PROXY TCP4 192.0.2.7 192.0.2.1 1234 5222'), proxied('192.0.2.7', 1234)],
  ['v1 TCP6', v1('PROXY TCP6 2001:db8::1 2001:DB8::2 1234 5222'), proxied('2001:db8::1', 1234)],
  ['v1 TCP6, not shortened', v1('PROXY TCP6 2001:0db8:0:0:0:0:0:1 ::1 1 2'), proxied('2001:db8::1', 1)],
  ['v1 TCP6 with an IPv4 address in it', v1('PROXY TCP6 ::ffff:192.0.2.7 ::1 1 2'), proxied('192.0.2.7', 1)],
  [
    'v1, the longest',
    v1(`PROXY TCP6 ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535`),
    proxied('ffff:'.repeat(7) + 'ffff', 65535),
  ],
  ['v1, ports 0 and 65535', v1('PROXY TCP4 0.0.0.0 255.255.255.255 0 65535'), proxied('0.0.0.0', 0)],
  ['v1 UNKNOWN', v1('PROXY UNKNOWN'), { kind: 'unknown' }],
  ['v1 UNKNOWN with anything behind', v1('PROXY UNKNOWN ffff:: junk 1 2 3'), { kind: 'unknown' }],
  ['v2 TCP over IPv4', v2('2111', ADDRESSES4), proxied('192.0.2.7', 1234)],
  ['v2 TCP over IPv6', v2('2121', ADDRESSES6), proxied('2001:db8::1', 1234)],
  ['v2 with extensions behind', v2('2111', `${ADDRESSES4}030004a1b2c3d4040001ff`), proxied('192.0.2.7', 1234)],
  ['v2 LOCAL', v2('2000', ''), { kind: 'local' }],
  ['v2 LOCAL whatever its family', v2('20ff', 'ffff'), { kind: 'local' }],
  ['v2 unspecified', v2('2100', ''), { kind: 'unknown' }],
  ['v2 unspecified with a block', v2('2100', '00112233'), { kind: 'unknown' }],
  ['v2 unix stream', v2('2131', UNIX), { kind: 'unknown' }],
  ['v2 with as many extensions as we take', v2('2111', ADDRESSES4 + '00'.repeat(4084)), proxied('192.0.2.7', 1234)],
];

for (const [name, header, expected] of good) {
  test(`${name} is read, however it is cut`, (t) => {
    const wire = Buffer.concat([header, Buffer.from('<stream:stream>')]);
    t.deepEqual(readProxyHeader(wire), { ...expected, length: header.length } as ReturnType<typeof readProxyHeader>);
    for (let end = 0; end < Math.min(header.length, 300); end++)
      t.is(readProxyHeader(wire.subarray(0, end)).kind, 'more', `after ${end} bytes`);
  });
}

const bad: readonly (readonly [name: string, header: Buffer])[] = [
  ['an XMPP stream', Buffer.from("<?xml version='1.0'?>")],
  ['a TLS handshake', Buffer.from('16030100', 'hex')],
  ['lower case', v1('proxy TCP4 192.0.2.7 192.0.2.1 1234 5222')],
  ['v1 without a protocol', v1('PROXY ')],
  ['v1 UDP', v1('PROXY UDP4 192.0.2.7 192.0.2.1 1234 5222')],
  ['v1 with two spaces', v1('PROXY TCP4  192.0.2.7 192.0.2.1 1234 5222')],
  ['v1 with a field too many', v1('PROXY TCP4 192.0.2.7 192.0.2.1 1234 5222 1')],
  ['v1 with a space at the end', v1('PROXY TCP4 192.0.2.7 192.0.2.1 1234 5222 ')],
  ['v1 with a field too few', v1('PROXY TCP4 192.0.2.7 192.0.2.1 1234')],
  ['v1 TCP4 with IPv6', v1('PROXY TCP4 2001:db8::1 192.0.2.1 1234 5222')],
  ['v1 TCP6 with IPv4', v1('PROXY TCP6 192.0.2.7 192.0.2.1 1234 5222')],
  ['v1 with leading zeros in the address', v1('PROXY TCP4 192.000.2.7 192.0.2.1 1234 5222')],
  ['v1 with a name', v1('PROXY TCP4 localhost 192.0.2.1 1234 5222')],
  ['v1 with a zone', v1('PROXY TCP6 fe80::1%eth0 ::1 1234 5222')],
  ['v1 with a leading zero in the port', v1('PROXY TCP4 192.0.2.7 192.0.2.1 01234 5222')],
  ['v1 with a port above 65535', v1('PROXY TCP4 192.0.2.7 192.0.2.1 65536 5222')],
  ['v1 with a negative port', v1('PROXY TCP4 192.0.2.7 192.0.2.1 -1 5222')],
  ['v1 with a port in hex', v1('PROXY TCP4 192.0.2.7 192.0.2.1 0x10 5222')],
  ['v1 with a bad port of ours', v1('PROXY TCP4 192.0.2.7 192.0.2.1 1234 x')],
  ['v1 with LF alone', Buffer.from(`PROXY TCP4 192.0.2.7 192.0.2.1 1234 5222\n${'x'.repeat(80)}`)],
  ['v1 without an end', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(93)}`)],
  ['v2 with a broken signature', Buffer.from('0d0a0d0a000d0a515549540b', 'hex')],
  ['v2 of version 1', v2('1111', ADDRESSES4)],
  ['v2 of version 3', v2('3111', ADDRESSES4)],
  ['v2 with an unknown command', v2('2211', ADDRESSES4)],
  ['v2 with an unknown family', v2('2141', ADDRESSES4)],
  ['v2 UDP', v2('2112', ADDRESSES4)],
  ['v2 unspecified transport over IPv4', v2('2110', ADDRESSES4)],
  ['v2 with too few bytes for IPv4', v2('2111', ADDRESSES4.slice(2))],
  ['v2 with too few bytes for IPv6', v2('2121', ADDRESSES4)],
  ['v2 that promises 64 KB', Buffer.from(`${SIGNATURE}2111ffff`, 'hex')],
];

for (const [name, header] of bad) {
  test(`${name} is refused`, (t) => {
    t.is(readProxyHeader(header).kind, 'invalid');
  });
}

const behind = { ...plain, proxyProtocol: true };

test('the peer is who the header says, and what follows it is read', async (t) => {
  const asked: string[] = [];
  const { next, port } = await harness(t, [behind], {
    refuses(ip) {
      asked.push(ip);
      return false;
    },
  });
  const socket = await dial(t, port());
  socket.write(v1('PROXY TCP4 127.0.0.1 192.0.2.1 1234 5222'));
  const first = await next();
  socket.write('hello');
  await first.got('hello');
  const { loopback, remoteAddress, remotePort } = first.connection;
  t.deepEqual(
    { loopback, remoteAddress, remotePort },
    { loopback: false, remoteAddress: '127.0.0.1', remotePort: 1234 },
  );
  const other = await dial(t, port());
  other.write(Buffer.concat([v2('2121', ADDRESSES6), Buffer.from('in one piece')]));
  const second = await next();
  await second.got('in one piece');
  other.write(', and more');
  await second.got('in one piece, and more');
  t.is(second.connection.remoteAddress, '2001:db8::1');
  t.deepEqual(asked, ['127.0.0.1', '2001:db8::1']);
});

test('a header that comes byte by byte is read', async (t) => {
  const { next, port } = await harness(t, [behind]);
  const socket = await dial(t, port());
  const header = Buffer.concat([v1('PROXY TCP4 192.0.2.7 192.0.2.1 1234 5222'), Buffer.from('hello')]);
  for (const byte of header) await new Promise((resolve) => socket.write(Buffer.from([byte]), resolve));
  const peer = await next();
  await peer.got('hello');
  t.is(peer.connection.remoteAddress, '192.0.2.7');
});

test('LOCAL is the balancer itself, on loopback too; UNKNOWN is not', async (t) => {
  const { next, port } = await harness(t, [behind]);
  const check = await dial(t, port());
  check.write(v2('2000', ''));
  const local = (await next()).connection;
  t.deepEqual([local.loopback, local.remotePort], [true, check.localPort ?? 0]);
  const stranger = await dial(t, port());
  stranger.write(v1('PROXY UNKNOWN'));
  t.false((await next()).connection.loopback);
});

test('the limits count the addresses behind the balancer, not its own', async (t) => {
  const { listeners, next, port } = await harness(t, [behind], { limits: { total: 100, perIp: 1 } });
  for (const ip of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
    const socket = await dial(t, port());
    socket.write(v1(`PROXY TCP4 ${ip} 192.0.2.9 1234 5222`));
    t.is((await next()).connection.remoteAddress, ip);
  }
  const again = await dial(t, port());
  again.write(v1('PROXY TCP4 192.0.2.1 192.0.2.9 1234 5222'));
  await untilClosed(again);
  t.is(listeners.counters.overLimit, 1);
});

test('a peer without a header, or with a bad one, is disconnected and counted', async (t) => {
  const { accepted, listeners, port } = await harness(t, [behind]);
  const socket = await dial(t, port());
  socket.write('<stream:stream>');
  t.is(await untilClosed(socket), '');
  const quick = await dial(t, port());
  quick.write('PROXY T');
  quick.end();
  await untilClosed(quick);
  await listeners.drained(600_000);
  t.is(listeners.counters.proxyErrors, 1);
  t.is(accepted.length, 0);
});

test('only trusted balancers may send headers', async (t) => {
  const blocks = ['192.0.2.0/24', '2001:db8::/32'].flatMap((text) => parseBlock(text) ?? []);
  const { listeners, next, port } = await harness(t, [{ ...behind, proxies: blocks }]);
  const socket = await dial(t, port());
  socket.write(v1('PROXY TCP4 192.0.2.7 192.0.2.1 1234 5222'));
  t.is(await untilClosed(socket), '');
  t.is(listeners.counters.proxyErrors, 1);
  await listeners.apply([
    { ...behind, proxies: [...blocks, ...['127.0.0.0/8'].flatMap((text) => parseBlock(text) ?? [])] },
  ]);
  const trusted = await dial(t, port());
  trusted.write(v1('PROXY TCP4 192.0.2.7 192.0.2.1 1234 5222'));
  t.is((await next()).connection.remoteAddress, '192.0.2.7');
});

test('TLS behind a PROXY header', async (t) => {
  const tls = tlsFor(t, ['localhost']);
  const { next, port } = await harness(t, [{ ...behind, tls: 'direct' }], { tls });
  const socket = await dial(t, port());
  socket.write(v2('2111', ADDRESSES4));
  const client = await secure(t, { socket, servername: 'localhost' });
  const peer = await next();
  client.write('hello');
  await peer.got('hello');
  t.is(peer.connection.remoteAddress, '192.0.2.7');
  t.true(peer.connection.secured);
});

test('header and ClientHello in one piece', async (t) => {
  const tls = tlsFor(t, ['localhost']);
  const { next, port } = await harness(t, [{ ...behind, tls: 'direct' }], { tls });
  const socket = await dial(t, port());
  let first = true;
  const wire = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, done) {
      socket.write(first ? Buffer.concat([v1('PROXY TCP4 192.0.2.7 192.0.2.1 1234 5222'), chunk]) : chunk, done);
      first = false;
    },
  });
  socket.on('data', (chunk: Buffer) => wire.push(chunk));
  const client = await secure(t, { socket: wire, servername: 'localhost' });
  client.write('hello');
  const peer = await next();
  await peer.got('hello');
  t.is(peer.connection.remoteAddress, '192.0.2.7');
});
