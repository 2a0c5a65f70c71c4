import test from 'ava';
import { dial, harness, plain, read, secure, tlsFor, untilClosed } from './kit.ts';

test('TLS from the first byte: the front end sees the connection when the handshake is done', async (t) => {
  const tls = tlsFor(t, ['localhost']);
  const { next, port } = await harness(t, [{ ...plain, tls: 'direct' }], { tls });
  const socket = await secure(t, { port: port(), servername: 'localhost' });
  const peer = await next();
  t.true(peer.connection.secured);
  t.is(peer.connection.tls?.serverName, 'localhost');
  t.is(peer.connection.remotePort, socket.localPort ?? 0);
  socket.write('hello');
  await peer.got('hello');
  peer.connection.write('welcome');
  t.is(await read(socket, 'welcome'), 'welcome');
});

test('direct TLS without a handshake: garbage and hang-ups are counted and leave nothing behind', async (t) => {
  const tls = tlsFor(t, ['localhost']);
  const { accepted, listeners, port } = await harness(t, [{ ...plain, tls: 'direct' }], { tls });
  const garbage = await dial(t, port());
  garbage.write('<stream:stream xmlns="jabber:client">\r\n\r\n');
  await untilClosed(garbage);
  t.is(listeners.counters.tlsErrors, 1);
  const silent = await dial(t, port());
  silent.destroy();
  const half = await dial(t, port());
  half.write(Buffer.from('1603010200', 'hex'));
  half.end();
  await untilClosed(half);
  await listeners.drained(600_000);
  t.is(listeners.connections, 0);
  t.is(accepted.length, 0);
});

test('direct TLS without a certificate refuses', async (t) => {
  const { listeners, port } = await harness(t, [{ ...plain, tls: 'direct' }]);
  await untilClosed(await dial(t, port()));
  t.is(listeners.counters.tlsErrors, 1);
});

for (const [offered, chosen] of [
  [['xmpp-client'], 'xmpp-client'],
  [['h2', 'xmpp-client'], 'xmpp-client'],
  [undefined, undefined],
] as const) {
  test(`ALPN ${offered?.join(', ') ?? 'absent'} is taken`, async (t) => {
    const tls = tlsFor(t, ['localhost']);
    const { next, port } = await harness(t, [{ ...plain, tls: 'direct' }], { tls, alpn: ['xmpp-client'] });
    await secure(t, { port: port(), ...(offered === undefined ? {} : { ALPNProtocols: [...offered] }) });
    t.is((await next()).connection.tls?.alpn, chosen);
  });
}

test('ALPN with nothing but unknown protocols is refused by alert (RFC 7301 section 3.2)', async (t) => {
  const tls = tlsFor(t, ['localhost']);
  const { listeners, port } = await harness(t, [{ ...plain, tls: 'direct' }], { tls, alpn: ['xmpp-client'] });
  await t.throwsAsync(secure(t, { port: port(), ALPNProtocols: ['h2'] }), { message: /no application protocol/ });
  await listeners.drained(600_000);
  t.is(listeners.counters.tlsErrors, 1);
});
