import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import test from 'ava';
import { ReadBuffers, readInto } from '#src/net/read-buffers.ts';

/** Both ends of a connection: the one that was accepted, and the other. */
async function pair(t: {
  teardown(end: () => void): void;
}): Promise<readonly [accepted: Socket, peer: Socket, server: Server]> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const peer = connect({ port: typeof address === 'object' && address !== null ? address.port : 0, host: '127.0.0.1' });
  const [accepted] = (await once(server, 'connection')) as [Socket];
  t.teardown(() => {
    peer.destroy();
    accepted.destroy();
    server.close();
  });
  return [accepted, peer, server];
}

test('a buffer is used again when it was given back, and only one of these', (t) => {
  const buffers = new ReadBuffers();
  const one = buffers.take();
  buffers.give(one.subarray(3, 7));
  t.is(buffers.take().buffer, one.buffer);
  const other = buffers.take();
  t.not(other.buffer, one.buffer);
  const foreign = Buffer.alloc(65_536);
  buffers.give(foreign);
  t.not(buffers.take().buffer, foreign.buffer);
});

test('what comes is read into the buffers; pausing holds it; both sockets end together', async (t) => {
  const [accepted, peer, server] = await pair(t);
  const buffers = new ReadBuffers();
  const chunks: Buffer[] = [];
  let came = Promise.withResolvers<void>();
  const fresh = readInto(buffers, accepted, (chunk) => {
    chunks.push(chunk);
    came.resolve();
  });
  if (fresh === undefined) return void t.fail('this Node cannot do it: the bytestreams of the proxy cost more memory');
  fresh.resume();
  peer.write('one');
  await came.promise;
  t.is(Buffer.concat(chunks).toString(), 'one');
  t.is(chunks[0]?.buffer.byteLength, 65_536);
  fresh.pause();
  peer.write('two');
  fresh.write('back');
  t.is(String((await once(peer, 'data'))[0]), 'back');
  t.is(chunks.length, 1);
  came = Promise.withResolvers();
  fresh.resume();
  await came.promise;
  t.is(chunks.at(-1)?.toString(), 'two');
  const closed = once(accepted, 'close');
  peer.end();
  await closed;
  t.true(fresh.destroyed);
  t.is(await new Promise((resolve) => server.getConnections((_, count) => resolve(count))), 0);
});

test('a socket with bytes that nobody has read stays as it is', async (t) => {
  const [accepted, peer] = await pair(t);
  peer.write('waiting');
  accepted.pause();
  await once(accepted, 'readable');
  t.is(
    readInto(new ReadBuffers(), accepted, () => undefined),
    undefined,
  );
  t.is(String(accepted.read()), 'waiting');
});
