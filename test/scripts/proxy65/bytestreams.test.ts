/** XEP-0065 through the proxy, as clients see it: requests over XMPP, bytes over SOCKS. */
import { createHash, randomBytes } from 'node:crypto';
import test from 'ava';
import type { Element } from 'ltx';
import { hashOf } from '#protocols/proxy65/bytestreams.ts';
import { BYTESTREAMS } from '#protocols/proxy65/xep0065-bytestreams.ts';
import { ProxyTestServer } from '#test/helpers/proxy65.ts';

const INFO = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
const ITEMS = "<query xmlns='http://jabber.org/protocol/disco#items'/>";
const ADDRESS = `<query xmlns='${BYTESTREAMS}'/>`;
const ROMEO = 'romeo@localhost/x';

const conditionOf = (answer: Element): string | undefined =>
  answer.getChild('error')?.getChildByAttr('xmlns', 'urn:ietf:params:xml:ns:xmpp-stanzas')?.getName();

test('section 4: the host lists the proxy, which tells what it is and where (Y1)', async (t) => {
  await using server = await ProxyTestServer.start();
  const juliet = await server.login('juliet@localhost');
  const items = await server.ask(juliet, 'get', ITEMS, 'localhost');
  const jids = items
    .getChild('query')
    ?.getChildren('item')
    .map(({ attrs }) => String(attrs['jid']));
  t.deepEqual(jids, ['proxy.localhost']);
  const info = (await server.ask(juliet, 'get', INFO)).getChild('query');
  t.deepEqual(info?.getChild('identity')?.attrs, {
    category: 'proxy',
    type: 'bytestreams',
    name: 'SOCKS5 Bytestreams',
  });
  const features = info?.getChildren('feature').map(({ attrs }) => String(attrs['var']));
  t.true(features?.includes(BYTESTREAMS));
  const hosts = (await server.ask(juliet, 'get', ADDRESS)).getChild('query')?.getChildren('streamhost');
  t.deepEqual(
    hosts?.map(({ attrs }) => attrs),
    [{ jid: 'proxy.localhost', host: 'localhost', port: String(server.port('proxy65')) }],
  );
});

test('the address that clients are told can be set, several too (Y4)', async (t) => {
  await using server = await ProxyTestServer.start(
    "modules: { proxy65: { subdomain: files, addresses: [192.0.2.7, '2001:db8::7'], port: 1080 } }",
  );
  const juliet = await server.login('juliet@localhost');
  const hosts = (await server.ask(juliet, 'get', ADDRESS, 'files.localhost'))
    .getChild('query')
    ?.getChildren('streamhost');
  t.deepEqual(
    hosts?.map(({ attrs }) => `${attrs['host']} ${attrs['port']}`),
    ['192.0.2.7 1080', '2001:db8::7 1080'],
  );
});

test('what the proxy does not know is refused', async (t) => {
  await using server = await ProxyTestServer.start();
  const juliet = await server.login('juliet@localhost');
  const node = "<query xmlns='http://jabber.org/protocol/disco#info' node='n'/>";
  t.is(conditionOf(await server.ask(juliet, 'get', node)), 'item-not-found');
  t.is(conditionOf(await server.ask(juliet, 'get', "<query xmlns='jabber:iq:version'/>")), 'service-unavailable');
  t.is(conditionOf(await server.ask(juliet, 'get', ADDRESS, 'someone@proxy.localhost')), 'service-unavailable');
  t.is(conditionOf(await server.ask(juliet, 'set', ADDRESS)), 'bad-request');
  const noJid = `<query xmlns='${BYTESTREAMS}' sid='s'><activate>@</activate></query>`;
  t.is(conditionOf(await server.ask(juliet, 'set', noJid)), 'jid-malformed');
});

test('an initiator whom the rules do not allow is forbidden to know and to activate (Y1)', async (t) => {
  await using server = await ProxyTestServer.start(
    'access: { bytestreams: [{ deny: friends }, { allow: local }] }\nacl: { friends: [{ user: juliet }] }',
  );
  const juliet = await server.login('juliet@localhost');
  const romeo = await server.login('romeo@localhost');
  t.is(conditionOf(await server.ask(juliet, 'get', ADDRESS)), 'forbidden');
  t.is((await server.ask(romeo, 'get', ADDRESS)).attrs['type'], 'result');
  const hash = hashOf('s', 'juliet@localhost/x', ROMEO);
  const one = await server.join(hash);
  await server.join(hash);
  t.is(conditionOf(await server.activate(juliet, 's', ROMEO)), 'forbidden');
  one.send('x');
  t.is(server.proxy.streams.open, 0);
});

test('section 6: bytes go both ways once the initiator has activated the stream, and are counted (Y2, Y3)', async (t) => {
  await using server = await ProxyTestServer.start();
  const juliet = await server.login('juliet@localhost');
  const romeo = await server.login('romeo@localhost');
  const hash = hashOf('s', 'juliet@localhost/x', ROMEO);
  t.is(conditionOf(await server.activate(juliet, 's', ROMEO)), 'item-not-found');
  const target = await server.join(hash);
  t.is(conditionOf(await server.activate(juliet, 's', ROMEO)), 'not-allowed');
  // The hash in capitals is the same hash.
  const initiator = await server.join(hash.toUpperCase());
  t.is(conditionOf(await server.activate(romeo, 's', ROMEO)), 'item-not-found');
  t.is((await server.activate(juliet, 's', ROMEO)).attrs['type'], 'result');
  t.is((await server.activate(juliet, 's', ROMEO)).attrs['type'], 'result');
  initiator.send('hello');
  t.is(String(await target.read(5)), 'hello');
  target.send('you too');
  t.is(String(await initiator.read(7)), 'you too');
  const [row] = (await server.command('proxy65_streams')) as readonly Record<string, unknown>[];
  t.like(row, {
    sid: 's',
    initiator: 'juliet@localhost/x',
    target: ROMEO,
    proxy: 'proxy.localhost',
    state: 'open',
    bytes: 12,
  });
  initiator.end();
  t.is(String(await target.closed()), '');
  await initiator.closed();
  await t.notThrowsAsync(() => server.left(0));
});

test('bytes before the activation are ignored; many of them end the stream (XEP-0065 section 10.1)', async (t) => {
  await using server = await ProxyTestServer.start();
  const juliet = await server.login('juliet@localhost');
  const hash = hashOf('s', 'juliet@localhost/x', ROMEO);
  const target = await server.join(hash);
  const initiator = await server.join(hash);
  initiator.send('too early');
  // They have come: a later connection is served.
  await server.join(hashOf('other', 'a@b/c', ROMEO));
  t.is((await server.activate(juliet, 's', ROMEO)).attrs['type'], 'result');
  initiator.send('in time');
  t.is(String(await target.read(7)), 'in time');
  const flood = await server.join(hashOf('third', 'a@b/c', ROMEO));
  flood.send(Buffer.alloc(200_000));
  await flood.closed();
});

test('a third connection to a hash is refused and closed, before and after the activation (Y2)', async (t) => {
  await using server = await ProxyTestServer.start();
  const juliet = await server.login('juliet@localhost');
  const hash = hashOf('s', 'juliet@localhost/x', ROMEO);
  const one = await server.join(hash);
  const two = await server.join(hash);
  for (const when of ['before', 'after']) {
    const third = await server.dial();
    await third.greet();
    t.is(await third.request(hash), 2, when);
    t.is((await third.closed()).length, 0);
    if (when === 'before') await server.activate(juliet, 's', ROMEO);
  }
  one.send('still');
  t.is(String(await two.read(5)), 'still');
});

test('a side that leaves before the activation may come again', async (t) => {
  await using server = await ProxyTestServer.start();
  const juliet = await server.login('juliet@localhost');
  const hash = hashOf('s', 'juliet@localhost/x', ROMEO);
  const target = await server.join(hash);
  const first = await server.join(hash);
  first.end();
  await first.closed();
  const again = await server.join(hash);
  t.is((await server.activate(juliet, 's', ROMEO)).attrs['type'], 'result');
  again.send('here');
  t.is(String(await target.read(4)), 'here');
});

test('a stream that nobody activates is closed, and so is a negotiation that stops (Y3)', async (t) => {
  await using server = await ProxyTestServer.start('proxy65: { activation_timeout: 1s }\nlimits: { auth_timeout: 1s }');
  const hash = hashOf('s', 'juliet@localhost/x', ROMEO);
  const one = await server.join(hash);
  const two = await server.join(hash);
  const alone = await server.join(hashOf('t', 'juliet@localhost/x', ROMEO));
  const mute = await server.dial();
  const halfway = await server.dial();
  await halfway.greet();
  for (const client of [one, two, alone, mute, halfway]) t.is((await client.closed()).length, 0);
  t.is(server.proxy.streams.size, 0);
  t.is(server.proxy.streams.counters.ended.get('not activated'), 2);
});

test('an idle stream is closed (Y3)', async (t) => {
  await using server = await ProxyTestServer.start('proxy65: { idle_timeout: 1s }');
  const juliet = await server.login('juliet@localhost');
  const [one, other] = await server.stream(juliet, 's');
  await one.closed();
  await other.closed();
  t.is(server.proxy.streams.counters.ended.get('idle'), 1);
});

test('an initiator has so many streams at once and no more (Y3)', async (t) => {
  await using server = await ProxyTestServer.start('access: { max_bytestreams: [{ value: 1, for: all }] }');
  const juliet = await server.login('juliet@localhost');
  const romeo = await server.login('romeo@localhost');
  const [one, other] = await server.stream(juliet, 'first');
  const hash = hashOf('second', 'juliet@localhost/x', ROMEO);
  await server.join(hash);
  await server.join(hash);
  t.is(conditionOf(await server.activate(juliet, 'second', ROMEO)), 'resource-constraint');
  await server.stream(romeo, 'his');
  one.end();
  await one.closed();
  await other.closed();
  await server.left(2);
  t.is((await server.activate(juliet, 'second', ROMEO)).attrs['type'], 'result');
});

test('all streams together have a bound', async (t) => {
  await using server = await ProxyTestServer.start('proxy65: { max_streams: 1 }');
  await server.join(hashOf('a', 'b', 'c'));
  const more = await server.dial();
  await more.greet();
  t.is(await more.request(hashOf('d', 'e', 'f')), 2);
});

test('one proxy serves all hosts, over IPv6 too (Y4)', async (t) => {
  await using server = await ProxyTestServer.start();
  const tybalt = await server.login('tybalt@other.example');
  const hash = hashOf('s', 'tybalt@other.example/x', ROMEO);
  const target = await server.join(hash, '::1');
  const initiator = await server.join(hash);
  t.is((await server.activate(tybalt, 's', ROMEO, 'proxy.localhost')).attrs['type'], 'result');
  initiator.send('over');
  t.is(String(await target.read(4)), 'over');
  t.is((await server.ask(tybalt, 'get', ADDRESS, 'proxy.other.example')).attrs['type'], 'result');
});

test('an operator sees the streams and cuts them off', async (t) => {
  await using server = await ProxyTestServer.start();
  const juliet = await server.login('juliet@localhost');
  const [one, other] = await server.stream(juliet, 'sid-1');
  t.is(await server.command('proxy65_kill', { sid: 'sid-1' }), 1);
  await one.closed();
  await other.closed();
  t.deepEqual(await server.command('proxy65_streams'), []);
  await t.throwsAsync(() => server.command('proxy65_kill', { sid: 'sid-1' }), { message: /there is no bytestream/ });
});

test('megabytes arrive as they were sent, although the receiver reads late', async (t) => {
  await using server = await ProxyTestServer.start('proxy65: { buffer: 64KB }');
  const juliet = await server.login('juliet@localhost');
  const [target, initiator] = await server.stream(juliet, 's');
  target.socket.pause();
  const file = randomBytes(16 * 1024 * 1024);
  initiator.send(file);
  initiator.end();
  // As much as the system's buffers hold has gone through; then the sender is held, and what waits inside is bounded.
  let before = -1;
  while (server.proxy.streams.counters.bytes !== before || before < 65_536) {
    before = server.proxy.streams.counters.bytes;
    for (let turns = 0; turns < 50; turns++) await server.ask(juliet, 'get', INFO);
  }
  t.true(before < file.length);
  const [stream] = server.proxy.streams;
  for (const { buffered } of stream?.connections ?? []) t.true(buffered <= 64 * 1024 + 131_072);
  target.socket.resume();
  const received = createHash('sha256')
    .update(await target.read(file.length))
    .digest('hex');
  t.is(received, createHash('sha256').update(file).digest('hex'));
  await target.closed();
});

test('a shaper holds the rate: the sender is read no faster (Y3)', async (t) => {
  await using server = await ProxyTestServer.start(
    'access: { bytestreams_shaper: [{ value: slow, for: all }] }\nshapers: { slow: { rate: 100KB/s, burst: 1KB } }',
  );
  const juliet = await server.login('juliet@localhost');
  const [target, initiator] = await server.stream(juliet, 's');
  initiator.send(Buffer.alloc(4 * 1024 * 1024, 1));
  await target.read(1024);
  // The first chunk is a debt that takes time to pay: meanwhile nothing more is read.
  const { bytes } = server.proxy.streams.counters;
  for (let turns = 0; turns < 20; turns++) await server.ask(juliet, 'get', INFO);
  t.true(bytes <= 2 * 65_536);
});
