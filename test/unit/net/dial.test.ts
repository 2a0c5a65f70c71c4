import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import test, { type ExecutionContext } from 'ava';
import type { Connection } from '#src/net/connection.ts';
import { type Destination, dial, DialError } from '#src/net/dial.ts';
import { type Harness, certificates, harness, plain, Recorder, tlsOptions } from './kit.ts';
import { TlsService } from '#src/net/tls.ts';

const here = (port: number, more: Partial<Destination> = {}): Destination => {
  return { name: 'uplink', kind: 'test', host: '127.0.0.1', port, timeout: 60_000, ...more };
};

/** A connection that is closed after the test. */
async function dialled(t: ExecutionContext, to: Destination): Promise<Connection> {
  const connection = await dial(to);
  t.teardown(() => connection.destroy());
  return connection;
}

async function failure(t: ExecutionContext, to: Destination, signal?: AbortSignal): Promise<DialError> {
  const error = await t.throwsAsync(dial(to, signal), { instanceOf: DialError });
  if (error === undefined) throw new Error('it connected');
  return error;
}

/** A server of direct TLS, with the PEM of its certificate. */
async function secured(
  t: ExecutionContext,
  options: Partial<typeof tlsOptions> = {},
): Promise<Harness & { readonly pem: string }> {
  const [certificate] = certificates(t, 'localhost');
  if (certificate === undefined) throw new Error('no certificate was made');
  const tls = new TlsService({ ...tlsOptions, ...options });
  tls.load([certificate]);
  const made = await harness(t, [{ ...plain, tls: 'direct' }], { tls, alpn: ['mqtt'] });
  return { ...made, pem: certificate.chain };
}

test('a connection that is dialled serves as one that is accepted', async (t) => {
  const { next, port } = await harness(t, [plain]);
  const connection = await dialled(t, here(port()));
  t.false(connection.secured);
  t.is(connection.remoteAddress, '127.0.0.1');
  t.is(connection.remotePort, port());
  t.true(connection.loopback);
  t.regex(connection.id, /^uplink-/);
  const peer = await next();
  peer.connection.write('from the server');
  const recorder = new Recorder(connection);
  connection.resume();
  connection.write('from the client');
  await recorder.got('from the server');
  await peer.got('from the client');
  connection.end('bye');
  await peer.got('bye');
  t.is(await recorder.closed.promise, undefined);
  t.true(connection.closed);
});

test('what the server says at once waits for who listens', async (t) => {
  const greeting = createServer((socket) => socket.end('hello'));
  const port = await listening(t, greeting);
  const connection = await dialled(t, here(port));
  await new Promise((resolve) => setImmediate(resolve));
  const recorder = new Recorder(connection);
  connection.resume();
  await recorder.got('hello');
  t.is(recorder.received, 'hello');
});

test('TLS: the certificate is verified against the authorities that are given', async (t) => {
  const { next, pem, port } = await secured(t);
  const tls = { serverName: 'localhost', authorities: [pem], alpn: ['mqtt'] };
  const connection = await dialled(t, here(port(), { tls }));
  t.true(connection.secured);
  t.is(connection.tls?.alpn, 'mqtt');
  t.true(connection.tls?.peerVerified);
  const peer = await next();
  t.is(peer.connection.tls?.serverName, 'localhost');
  const recorder = new Recorder(connection);
  connection.resume();
  peer.connection.write('welcome');
  await recorder.got('welcome');
});

test('TLS: a certificate of an unknown authority is refused', async (t) => {
  const { accepted, port } = await secured(t);
  const error = await failure(t, here(port(), { tls: { serverName: 'localhost' } }));
  t.is(error.reason, 'tls');
  t.regex(error.message, /self-signed/);
  t.is(accepted.length, 0);
});

test('TLS: a certificate of another name is refused; the name is the host unless another is given', async (t) => {
  const { pem, port } = await secured(t);
  const error = await failure(t, here(port(), { tls: { serverName: 'elsewhere.example', authorities: [pem] } }));
  t.is(error.reason, 'tls');
  t.regex(error.message, /ERR_TLS_CERT_ALTNAME_INVALID/);
  t.true((await dialled(t, here(port(), { host: 'localhost', tls: { authorities: [pem] } }))).tls?.peerVerified);
});

test('TLS: any certificate is taken when that is asked for', async (t) => {
  const { port } = await secured(t);
  const connection = await dialled(t, here(port(), { tls: { unverified: true } }));
  t.true(connection.secured);
  t.false(connection.tls?.peerVerified);
});

test('TLS: our own certificate is shown', async (t) => {
  const [own] = certificates(t, 'client.example');
  if (own === undefined) throw new Error('no certificate was made');
  const { next, port } = await secured(t, { clientCertificates: 'require', clientAuthorities: [own.chain] });
  const certificate = { chain: own.chain, key: own.key };
  await dialled(t, here(port(), { tls: { unverified: true, certificate } }));
  const peer = await next();
  t.true(peer.connection.tls?.peerVerified);
  t.is(peer.connection.tls?.peerCertificate?.fingerprint256, own.leaf.fingerprint256);
});

test('TLS: a key that cannot be read is an error, not an exception of the caller', async (t) => {
  const error = await failure(t, here(1, { tls: { certificate: { chain: 'none', key: 'none' } } }));
  t.is(error.reason, 'tls');
});

test('nobody listens there', async (t) => {
  const server = createServer();
  const port = await listening(t, server);
  server.close();
  await once(server, 'close');
  const error = await failure(t, here(port));
  t.is(error.reason, 'refused');
  t.is(error.message, `127.0.0.1:${port} refuses connections`);
});

test('a server that does not finish the handshake is given up after the timeout', async (t) => {
  const sockets: Socket[] = [];
  const port = await listening(
    t,
    createServer((socket) => sockets.push(socket)),
  );
  const error = await failure(t, here(port, { timeout: 20, tls: {} }));
  t.is(error.reason, 'timeout');
});

test('a server that hangs up during the handshake', async (t) => {
  const port = await listening(
    t,
    createServer((socket) => socket.destroy()),
  );
  const error = await failure(t, here(port, { tls: {} }));
  t.true(['failed', 'tls'].includes(error.reason), error.message);
});

test('an attempt can be given up', async (t) => {
  const connected = Promise.withResolvers<Socket>();
  const port = await listening(t, createServer(connected.resolve));
  const abort = new AbortController();
  const failed = failure(t, here(port, { tls: {} }), abort.signal);
  const socket = await connected.promise;
  abort.abort();
  t.is((await failed).reason, 'aborted');
  socket.resume();
  if (!socket.closed) await once(socket, 'close');
  t.is((await failure(t, here(port), AbortSignal.abort())).reason, 'aborted');
});

async function listening(t: ExecutionContext, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
  });
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new Error('no port');
  return bound.port;
}
