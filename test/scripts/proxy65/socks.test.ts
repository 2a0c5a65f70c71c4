/** SOCKS version 5 (RFC 1928) with user name and password (RFC 1929) at the proxy for bytestreams. */
import test from 'ava';
import { hashOf } from '#protocols/proxy65/bytestreams.ts';
import { ProxyTestServer } from '#test/helpers/proxy65.ts';

const hash = hashOf('s', 'juliet@localhost/x', 'romeo@localhost/x');

const malformed: readonly (readonly [what: string, bytes: readonly number[]])[] = [
  ['SOCKS 4', [4, 1, 0, 80, 127, 0, 0, 1, 0]],
  ['HTTP', [...Buffer.from('GET / HTTP/1.0\r\n\r\n')]],
  ['TLS', [0x16, 3, 1, 2, 0, 1]],
  ['a stream header', [...Buffer.from("<?xml version='1.0'?>")]],
  ['no methods', [5, 0]],
];

test('what is not SOCKS 5 is cut off without a word', async (t) => {
  await using server = await ProxyTestServer.start();
  for (const [what, bytes] of malformed) {
    const client = await server.dial();
    client.send(bytes);
    t.is((await client.closed()).length, 0, what);
  }
  t.is(server.proxy.counters.rejected.get('malformed'), malformed.length);
  t.is(server.proxy.links.size, 0);
});

const name = (text: string): readonly number[] => [3, text.length, ...Buffer.from(text)];
const requests: readonly (readonly [what: string, bytes: readonly number[], reply: number | undefined])[] = [
  ['BIND', [5, 2, 0, ...name(hash), 0, 0], 7],
  ['UDP ASSOCIATE', [5, 3, 0, ...name(hash), 0, 0], 7],
  ['an IPv4 address', [5, 1, 0, 1, 127, 0, 0, 1, 0, 80], 8],
  ['an IPv6 address', [5, 1, 0, 4, ...Array.from({ length: 16 }, () => 0), 0, 80], 8],
  ['a host', [5, 1, 0, ...name('example.org'), 0, 80], 2],
  ['a port', [5, 1, 0, ...name(hash), 0, 80], 2],
  ['no hexadecimal', [5, 1, 0, ...name('g'.repeat(40)), 0, 0], 2],
  ['another length', [5, 1, 0, ...name('a'.repeat(41)), 0, 0], 2],
  ['an unknown type of address', [5, 1, 0, 2, 0, 0], undefined],
  ['an empty name', [5, 1, 0, 3, 0, 0, 0], undefined],
  ['another version', [4, 1, 0, ...name(hash), 0, 0], undefined],
];

test('requests that open no bytestream are refused: the proxy connects to nowhere', async (t) => {
  await using server = await ProxyTestServer.start();
  for (const [what, bytes, reply] of requests) {
    const client = await server.dial();
    t.is(await client.greet(), 0);
    client.send(bytes);
    const told = await client.closed();
    t.is(told[1], reply, what);
  }
  t.is(server.proxy.streams.size, 0);
});

test('greeting and request may come together, or octet by octet', async (t) => {
  await using server = await ProxyTestServer.start();
  const bytes = [5, 2, 0, 2, 5, 1, 0, ...name(hash), 0, 0];
  const quick = await server.dial();
  quick.send(bytes);
  t.is((await quick.read(2 + 47))[3], 0);
  const slow = await server.dial();
  for (const byte of bytes) slow.send([byte]);
  t.is((await slow.read(2 + 47))[3], 0);
  t.true([...server.proxy.streams][0]?.paired);
});

test('without authentication nobody is asked for a password', async (t) => {
  await using server = await ProxyTestServer.start();
  const client = await server.dial();
  t.is(await client.greet(2), 0xff);
  t.is((await client.closed()).length, 0);
});

test('where it is required, an account proves itself (RFC 1929)', async (t) => {
  await using server = await ProxyTestServer.start('proxy65: { authentication: required }');
  const nobody = await server.dial();
  t.is(await nobody.greet(0), 0xff);
  const wrong = await server.dial();
  t.is(await wrong.greet(0, 2), 2);
  t.is(await wrong.authenticate('juliet@localhost', 'guess'), 1);
  await wrong.closed();
  const stranger = await server.dial();
  await stranger.greet(2);
  t.is(await stranger.authenticate('juliet@elsewhere.example', 'secret'), 1);
  for (const username of ['juliet@localhost', 'juliet', 'tybalt@other.example']) {
    const client = await server.dial();
    await client.greet(2);
    t.is(await client.authenticate(username, 'secret'), 0, username);
    const own = hashOf(username, 'a', 'b');
    t.is(await client.request(own), 0);
  }
  const disabled = await server.dial();
  server.server.core.accounts.ban('localhost', 'romeo', 'test', 'test');
  await disabled.greet(2);
  t.is(await disabled.authenticate('romeo@localhost', 'secret'), 1);
});

test('optional: from this machine a password is taken, and not having one is fine', async (t) => {
  await using server = await ProxyTestServer.start('proxy65: { authentication: optional }');
  const client = await server.dial();
  t.is(await client.greet(2), 2);
  t.is(await client.authenticate('juliet', 'secret'), 0);
  const other = await server.dial();
  t.is(await other.greet(0, 2), 0);
});
