import { linkSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { dial, directory, harness, plain, read, untilClosed } from './kit.ts';

test('a connection tells where it comes from and passes bytes both ways', async (t) => {
  const { next, port, listeners } = await harness(t, [plain]);
  const socket = await dial(t, port());
  const peer = await next();
  t.is(peer.connection.remoteAddress, '127.0.0.1');
  t.is(peer.connection.remotePort, socket.localPort ?? 0);
  t.is(peer.connection.localPort, port());
  t.true(peer.connection.loopback);
  t.false(peer.connection.secured);
  t.regex(peer.connection.id, /^test-/);
  socket.write('hello');
  await peer.got('hello');
  peer.connection.write(Buffer.from('welcome'));
  t.is(await read(socket, 'welcome'), 'welcome');
  t.is(listeners.connections, 1);
  socket.end();
  t.is(await peer.closed.promise, undefined);
  t.true(peer.connection.closed);
  t.is(listeners.connections, 0);
});

test('a paused connection delivers nothing until it is resumed', async (t) => {
  const { next, port } = await harness(t, [plain]);
  const socket = await dial(t, port());
  const peer = await next();
  peer.connection.pause();
  await new Promise((resolve) => socket.write('held', resolve));
  const other = await dial(t, port());
  const second = await next();
  other.write('passed');
  await second.got('passed');
  t.is(peer.received, '');
  peer.connection.resume();
  await peer.got('held');
  t.is(peer.received, 'held');
});

test('end writes what waits, then closes', async (t) => {
  const { next, port } = await harness(t, [plain]);
  const socket = await dial(t, port());
  const peer = await next();
  const text = 'x'.repeat(1 << 20);
  peer.connection.write(text);
  peer.connection.end('bye');
  t.false(peer.connection.write('after the end'));
  t.is(await untilClosed(socket), `${text}bye`);
  t.is(await peer.closed.promise, undefined);
});

test('what a peer says after end is not heard', async (t) => {
  const { next, port } = await harness(t, [plain]);
  const socket = await dial(t, port());
  const peer = await next();
  peer.connection.end('bye');
  socket.write('still talking');
  await untilClosed(socket);
  await peer.closed.promise;
  t.is(peer.received, '');
});

test('a reset by the peer is told once, and throws nothing', async (t) => {
  const { next, port } = await harness(t, [plain]);
  const socket = await dial(t, port());
  const peer = await next();
  socket.resetAndDestroy();
  const error = await peer.closed.promise;
  t.like(error, { code: 'ECONNRESET' });
  t.false(peer.connection.write('too late'));
});

test('a unix socket has the mode that was asked for, and its peers are local', async (t) => {
  const path = join(directory(t), 'admin.sock');
  const { next, listeners } = await harness(t, [{ ...plain, path, port: undefined, mode: 0o600 }]);
  t.is(statSync(path).mode & 0o777, 0o600);
  const socket = await dial(t, path);
  const peer = await next();
  t.true(peer.connection.loopback);
  t.is(peer.connection.remoteAddress, '');
  socket.write('status');
  await peer.got('status');
  listeners.stop();
  t.is(statSync(path, { throwIfNoEntry: false }), undefined);
});

test('the socket file of a dead process is replaced, that of a living one is not', async (t) => {
  const path = join(directory(t), 'admin.sock');
  const living = createServer();
  await new Promise<void>((resolve) => living.listen(path, resolve));
  const first = await t.throwsAsync(harness(t, [{ ...plain, path, port: undefined }]));
  t.regex(first?.message ?? '', /admin\.sock: it is in use/);
  // Its file stays behind, as after kill -9, when it is put back by hand.
  const stale = join(directory(t), 'stale.sock');
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(stale, resolve));
  const left = `${stale}.left`;
  linkSync(stale, left);
  await new Promise((resolve) => dead.close(resolve));
  const { next } = await harness(t, [{ ...plain, path: left, port: undefined }]);
  await dial(t, left);
  t.true((await next()).connection.loopback);
  await new Promise((resolve) => living.close(resolve));
});

test('a port in use stops the start with the name and the place of the listener', async (t) => {
  const { port } = await harness(t, [plain]);
  const error = await t.throwsAsync(harness(t, [{ ...plain, name: 'second', port: port() }]));
  t.is(error?.message, `listener second cannot listen on 127.0.0.1:${port()}: it is in use by another program`);
});

test('all listeners that cannot be opened are named, the others stand', async (t) => {
  const taken = (await harness(t, [plain])).port();
  const { listeners, port } = await harness(t, []);
  const error = await t.throwsAsync(
    listeners.apply([
      { ...plain, name: 'bad', port: taken },
      { ...plain, name: 'good' },
      { ...plain, name: 'elsewhere', address: '192.0.2.1', port: 1 },
    ]),
  );
  t.regex(
    error?.message ?? '',
    /bad .*; listener elsewhere cannot listen on 192\.0\.2\.1:1: this machine does not have/,
  );
  await dial(t, port('good'));
  t.pass();
});

test(':: takes IPv4 as well', async (t) => {
  const { next, port } = await harness(t, [{ ...plain, address: '::' }]);
  await dial(t, port());
  const peer = await next();
  t.is(peer.connection.remoteAddress, '127.0.0.1');
  t.true(peer.connection.loopback);
});

test('a reload opens what is new, closes what is gone and keeps what is the same', async (t) => {
  const stays = { ...plain, name: 'stays' };
  const { listeners, next, port } = await harness(t, [stays, { ...plain, name: 'goes' }]);
  const kept = port('stays');
  const gone = port('goes');
  const old = await dial(t, gone);
  const oldPeer = await next();
  await listeners.apply([
    { ...stays, tls: 'optional' },
    { ...plain, name: 'comes' },
  ]);
  t.is(port('stays'), kept);
  await t.throwsAsync(dial(t, gone), { code: 'ECONNREFUSED' });
  await dial(t, port('comes'));
  t.is((await next()).connection.listener.name, 'comes');
  await dial(t, kept);
  t.is((await next()).connection.listener.tls, 'optional');
  old.write('still here');
  await oldPeer.got('still here');
  t.is(oldPeer.connection.closed, false);
});

test('a reload can put another address in the place of the old one', async (t) => {
  const { listeners, next, port } = await harness(t, [plain]);
  const number = port();
  const old = await dial(t, number);
  const oldPeer = await next();
  await listeners.apply([{ ...plain, address: '0.0.0.0', port: number }]);
  await dial(t, number);
  await next();
  old.write('still here');
  await oldPeer.got('still here');
  t.deepEqual(
    listeners.bound.map(({ address, boundPort }) => [address, boundPort]),
    [['0.0.0.0', number]],
  );
});

test('stop takes no new connections, drained waits for the old ones and then cuts them off', async (t) => {
  const { listeners, next, port } = await harness(t, [plain]);
  const number = port();
  const polite = await dial(t, number);
  const first = await next();
  listeners.stop();
  await t.throwsAsync(dial(t, number), { code: 'ECONNREFUSED' });
  const drained = listeners.drained(600_000);
  first.connection.end('bye');
  t.is(await untilClosed(polite), 'bye');
  await drained;
  t.is(listeners.connections, 0);
});

test('drained cuts off who stays longer than the grace', async (t) => {
  const { listeners, next, port } = await harness(t, [plain]);
  const socket = await dial(t, port());
  await next();
  await listeners.drained(1);
  await untilClosed(socket);
  t.pass();
});

test('two listeners share a port with reusePort', async (t) => {
  const shared = { ...plain, reusePort: true };
  const { port } = await harness(t, [shared]);
  const { listeners } = await harness(t, [{ ...shared, port: port() }]);
  t.is(listeners.bound[0]?.boundPort, port());
});

test('nobody gets in beyond the total, and a place is free again when one leaves', async (t) => {
  const { listeners, next, port } = await harness(t, [plain], { limits: { total: 2, perIp: 10 } });
  const first = await dial(t, port());
  const recorder = await next();
  await dial(t, port());
  await next();
  await untilClosed(await dial(t, port()));
  t.is(listeners.counters.overLimit, 1);
  first.destroy();
  await recorder.closed.promise;
  await dial(t, port());
  await next();
  t.is(listeners.connections, 2);
});

test('an origin has so many connections, and fewer before it has logged in', async (t) => {
  const { listeners, next, port } = await harness(t, [plain], { limits: { total: 100, perIp: 3, perIpBeforeAuth: 2 } });
  await dial(t, port());
  const first = await next();
  await dial(t, port());
  await next();
  await untilClosed(await dial(t, port()));
  first.connection.authenticated();
  first.connection.authenticated();
  await dial(t, port());
  await next();
  await untilClosed(await dial(t, port()));
  t.is(listeners.counters.overLimit, 2);
  listeners.limit({ total: 100, perIp: 4, perIpBeforeAuth: 4 });
  await dial(t, port());
  await next();
});

test('an origin that connects too fast is refused', async (t) => {
  const limits = { total: 100, perIp: 100, rate: { perSecond: 0.001, burst: 2 } };
  const { listeners, next, port } = await harness(t, [plain], { limits });
  for (let count = 0; count < 2; count++) {
    const socket = await dial(t, port());
    const peer = await next();
    socket.destroy();
    await peer.closed.promise;
  }
  await untilClosed(await dial(t, port()));
  t.is(listeners.counters.overRate, 1);
});

test('the ban list is asked before anything else, with address and listener', async (t) => {
  const asked: string[] = [];
  const { accepted, listeners, port } = await harness(t, [plain], {
    refuses(ip, { name }) {
      asked.push(`${ip} ${name}`);
      return true;
    },
  });
  await untilClosed(await dial(t, port()));
  t.deepEqual(asked, ['127.0.0.1 test']);
  t.is(accepted.length, 0);
  t.is(listeners.counters.refused, 1);
});

test('the rule of a listener says which addresses may come; a reload puts another one in force', async (t) => {
  const asked: string[] = [];
  const allows = (ip: string, rule: string): boolean => {
    asked.push(`${ip} ${rule}`);
    return rule === 'here';
  };
  const { listeners, next, port } = await harness(t, [{ ...plain, access: 'elsewhere' }], { allows });
  t.is(await untilClosed(await dial(t, port())), '');
  t.is(listeners.counters.denied, 1);
  await listeners.apply([{ ...plain, access: 'here' }]);
  await dial(t, port());
  await next();
  t.deepEqual(asked, ['127.0.0.1 elsewhere', '127.0.0.1 here']);
});
