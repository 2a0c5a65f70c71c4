import { createHash, type X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { ExecutionContext } from 'ava';
import test from 'ava';
import { readCertificates } from '#src/net/certificates.ts';
import { writeSelfSigned } from '#src/net/self-signed.ts';
import { TlsService } from '#src/net/tls.ts';
import { certificates, dial, directory, harness, plain, read, secure, tlsFor, tlsOptions, untilClosed } from './kit.ts';

const CONTEXT = Buffer.alloc(0);
const optional = { ...plain, tls: 'optional' as const };

/** A connection that became TLS by STARTTLS: both sides of it. */
async function upgraded(t: ExecutionContext, tls: TlsService, options: ConnectionOptions = {}, host?: string) {
  const { listeners, next, port } = await harness(t, [optional], { tls });
  const socket = await dial(t, port());
  const peer = await next();
  socket.write('starttls');
  await peer.got('starttls');
  t.true(peer.connection.canStartTls);
  peer.connection.write('proceed');
  peer.connection.startTls(host);
  t.false(peer.connection.canStartTls);
  t.false(peer.connection.secured);
  await read(socket, 'proceed');
  const client = await secure(t, { socket, ...options });
  await peer.secured.promise;
  return { client, listeners, peer };
}

const fingerprint = ({ leaf }: { readonly leaf: X509Certificate }): string => leaf.fingerprint256;
const presented = (client: TLSSocket): string => client.getPeerCertificate().fingerprint256;

test('STARTTLS: the plain connection becomes a secured one', async (t) => {
  const tls = tlsFor(t, ['localhost']);
  const { client, peer } = await upgraded(t, tls, { servername: 'localhost' });
  t.true(peer.connection.secured);
  t.is(peer.connection.tls?.protocol, 'TLSv1.3');
  t.is(peer.connection.tls?.cipher, client.getCipher().name);
  t.is(peer.connection.tls?.serverName, 'localhost');
  client.write('over TLS');
  await peer.got('over TLS');
  peer.connection.write('understood');
  t.is(await read(client, 'understood'), 'understood');
  client.end();
  t.is(await peer.closed.promise, undefined);
});

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${version}: both ends export the same keying material (RFC 5705, RFC 9266)`, async (t) => {
    const tls = tlsFor(t, ['localhost']);
    const { client, peer } = await upgraded(t, tls, { maxVersion: version });
    const info = peer.connection.tls;
    t.is(info?.protocol, version);
    const ours = info?.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', CONTEXT);
    t.is(ours?.length, 32);
    t.deepEqual(ours, client.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', CONTEXT));
    t.notDeepEqual(ours, info?.exportKeyingMaterial(32, 'EXPORTER-Other', CONTEXT));
  });
}

test('tls-server-end-point is the hash of the certificate that this handshake used (RFC 5929 section 4)', async (t) => {
  const [first, second] = certificates(t, 'one.example', 'two.example');
  if (first === undefined || second === undefined) return t.fail();
  const tls = new TlsService(tlsOptions);
  tls.load([first, second]);
  const { client, peer } = await upgraded(t, tls, { servername: 'two.example' });
  t.is(presented(client), fingerprint(second));
  const expected = createHash('sha256').update(second.leaf.raw).digest();
  t.deepEqual(peer.connection.tls?.serverEndPoint(), expected);
  // A reload is for new handshakes.
  tls.load(certificates(t, 'two.example'));
  t.deepEqual(peer.connection.tls?.serverEndPoint(), expected);
});

test('the name asked for chooses the certificate', async (t) => {
  const hosts = ['one.example', 'two.example', 'chat.two.example', 'xn--bcher-kva.example'];
  const loaded = certificates(t, ...hosts);
  const service = new TlsService(tlsOptions);
  service.load(loaded);
  const [a, b, c, d] = loaded.map(fingerprint);
  for (const [asked, expected] of [
    ['one.example', a],
    ['ONE.example', a],
    ['two.example', b],
    ['muc.two.example', b],
    ['chat.two.example', c],
    ['deep.muc.two.example', a],
    ['other.example', a],
    ['', a],
    ['bücher.example', d],
    ['xn--bcher-kva.example', d],
  ] as const) {
    t.is(service.certificateFor(asked)?.fingerprint256, expected, asked);
  }
});

test('SNI on the wire: exact, wildcard, unknown and absent names', async (t) => {
  const loaded = certificates(t, 'one.example', 'two.example');
  const [one, two] = loaded.map(fingerprint);
  const tls = new TlsService(tlsOptions);
  tls.load(loaded, 'two.example');
  const { port } = await harness(t, [{ ...plain, tls: 'direct' }], { tls });
  for (const [servername, expected] of [
    ['one.example', one],
    ['muc.one.example', one],
    ['two.example', two],
    ['unknown.example', two],
    [undefined, two],
  ] as const) {
    const client = await secure(t, { port: port(), ...(servername === undefined ? {} : { servername }) });
    t.is(presented(client), expected ?? '', servername ?? 'none');
  }
});

test('a peer that asks for no name gets the certificate of the host its stream is for', async (t) => {
  const loaded = certificates(t, 'one.example', 'two.example');
  const tls = new TlsService(tlsOptions);
  tls.load(loaded);
  const { client } = await upgraded(t, tls, {}, 'two.example');
  t.is(presented(client), loaded.map(fingerprint)[1] ?? '');
});

test('of several certificates for a name a valid one is used, wherever it stands', async (t) => {
  const path = directory(t);
  const longAgo = new Date();
  longAgo.setUTCFullYear(longAgo.getUTCFullYear() - 11);
  writeSelfSigned(path, 'one.example', longAgo);
  const { certificates: expired } = readCertificates([path]);
  const valid = certificates(t, 'one.example');
  const tls = new TlsService(tlsOptions);
  for (const order of [
    [...expired, ...valid],
    [...valid, ...expired],
  ]) {
    tls.load(order);
    t.is(tls.certificateFor('one.example')?.fingerprint256, valid.map(fingerprint)[0] ?? '');
  }
  tls.load(expired);
  t.is(tls.certificateFor('one.example')?.fingerprint256, expired.map(fingerprint)[0] ?? '');
});

test('a reload: new handshakes get the new certificate, old connections live on', async (t) => {
  const tls = tlsFor(t, ['localhost']);
  const { next, port } = await harness(t, [{ ...plain, tls: 'direct' }], { tls });
  const old = await secure(t, { port: port(), servername: 'localhost' });
  const oldPeer = await next();
  const fresh = certificates(t, 'localhost');
  tls.load(fresh);
  const client = await secure(t, { port: port(), servername: 'localhost' });
  t.is(presented(client), fresh.map(fingerprint)[0] ?? '');
  t.not(presented(old), presented(client));
  old.write('still here');
  await oldPeer.got('still here');
});

test('a certificate that cannot be used leaves the old ones in force', async (t) => {
  const tls = tlsFor(t, ['localhost']);
  const before = tls.certificateFor('localhost')?.fingerprint256;
  const [broken] = certificates(t, 'localhost');
  if (broken === undefined) return t.fail();
  t.throws(() => tls.load([{ ...broken, key: 'no key' }]));
  t.is(tls.certificateFor('localhost')?.fingerprint256, before);
});

test('versions below 1.2 are refused by default, 1.2 where 1.3 is asked for', async (t) => {
  const lowest = tlsFor(t, ['localhost']);
  const { listeners, port } = await harness(t, [{ ...plain, tls: 'direct' }], { tls: lowest });
  const old = { minVersion: 'TLSv1' as const, maxVersion: 'TLSv1.1' as const, ciphers: 'DEFAULT@SECLEVEL=0' };
  await t.throwsAsync(secure(t, { port: port(), ...old }), { message: /alert|protocol/i });
  t.is(listeners.counters.tlsErrors, 1);
  const strict = tlsFor(t, ['localhost'], { minVersion: '1.3' });
  const { port: strictPort } = await harness(t, [{ ...plain, tls: 'direct' }], { tls: strict });
  await t.throwsAsync(secure(t, { port: strictPort(), maxVersion: 'TLSv1.2' }), { message: /alert|protocol/i });
});

test('sessions are resumed with tickets, over a reload of the certificate too', async (t) => {
  const tls = tlsFor(t, ['localhost']);
  const { next, port } = await harness(t, [{ ...plain, tls: 'direct' }], { tls });
  const first = await secure(t, { port: port(), servername: 'localhost' });
  const session = once(first, 'session');
  const peer = await next();
  peer.connection.write('x');
  const [ticket] = (await session) as [Buffer];
  const again = await secure(t, { port: port(), servername: 'localhost', session: ticket });
  t.true(again.isSessionReused());
  tls.load(certificates(t, 'localhost'));
  const later = await secure(t, { port: port(), servername: 'localhost', session: ticket });
  t.true(later.isSessionReused());
});

test('client certificates: requested, verified, told apart', async (t) => {
  const [trusted, stranger] = certificates(t, 'juliet.example', 'romeo.example');
  if (trusted === undefined || stranger === undefined) return t.fail();
  const tls = tlsFor(t, ['localhost'], { clientCertificates: 'request', clientAuthorities: [trusted.chain] });
  const known = await upgraded(t, tls, { cert: trusted.chain, key: trusted.key });
  t.is(known.peer.connection.tls?.peerCertificate?.fingerprint256, trusted.leaf.fingerprint256);
  t.true(known.peer.connection.tls?.peerVerified);
  const unknown = await upgraded(t, tls, { cert: stranger.chain, key: stranger.key });
  t.is(unknown.peer.connection.tls?.peerCertificate?.fingerprint256, stranger.leaf.fingerprint256);
  t.false(unknown.peer.connection.tls?.peerVerified);
  const none = await upgraded(t, tls);
  t.is(none.peer.connection.tls?.peerCertificate, undefined);
  t.false(none.peer.connection.tls?.peerVerified);
});

test('client certificates: required, on direct TLS and on STARTTLS', async (t) => {
  const [trusted, stranger] = certificates(t, 'juliet.example', 'romeo.example');
  if (trusted === undefined || stranger === undefined) return t.fail();
  const tls = tlsFor(t, ['localhost'], { clientCertificates: 'require', clientAuthorities: [trusted.chain] });
  const { accepted, listeners, next, port } = await harness(t, [{ ...plain, tls: 'direct' }], { tls });
  for (const identity of [{}, { cert: stranger.chain, key: stranger.key }]) {
    const client = connect({ port: port(), host: '127.0.0.1', rejectUnauthorized: false, ...identity });
    client.on('error', () => undefined);
    await untilClosed(client);
  }
  t.is(accepted.length, 0);
  t.is(listeners.counters.tlsErrors, 2);
  await secure(t, { port: port(), cert: trusted.chain, key: trusted.key });
  t.true((await next()).connection.tls?.peerVerified);

  const starting = await harness(t, [optional], { tls });
  const socket = await dial(t, starting.port());
  const peer = await starting.next();
  peer.connection.startTls();
  const client = connect({ socket, rejectUnauthorized: false });
  client.on('error', () => undefined);
  t.regex((await peer.closed.promise)?.message ?? '', /no certificate/);
  t.is(starting.listeners.counters.tlsErrors, 1);
});

test('STARTTLS followed by garbage closes with an error, and is counted', async (t) => {
  const tls = tlsFor(t, ['localhost']);
  const { listeners, next, port } = await harness(t, [optional], { tls });
  const socket = await dial(t, port());
  const peer = await next();
  peer.connection.startTls();
  socket.write('<auth xmlns="urn:ietf:params:xml:ns:xmpp-sasl"/>');
  await untilClosed(socket);
  const error = await peer.closed.promise;
  t.like(error, { code: 'ERR_SSL_WRONG_VERSION_NUMBER' });
  t.is(peer.received, '');
  t.is(listeners.counters.tlsErrors, 1);
  t.is(listeners.connections, 0);
});

test('STARTTLS with a peer that hangs up in the handshake', async (t) => {
  const tls = tlsFor(t, ['localhost']);
  const { listeners, next, port } = await harness(t, [optional], { tls });
  const socket = await dial(t, port());
  const peer = await next();
  peer.connection.startTls();
  socket.write(Buffer.from('16030102', 'hex'));
  socket.end();
  await peer.closed.promise;
  t.is(listeners.counters.tlsErrors, 1);
  t.is(listeners.connections, 0);
});

test('a connection without certificates offers no TLS', async (t) => {
  const { next, port } = await harness(t, [optional]);
  await dial(t, port());
  const { connection } = await next();
  t.false(connection.canStartTls);
  t.is(connection.tls, undefined);
  t.throws(() => connection.startTls(), { message: /no TLS/ });
});

test('nobody renegotiates (RFC 9325 section 3.5)', async (t) => {
  const tls = tlsFor(t, ['localhost']);
  const { client, peer } = await upgraded(t, tls, { maxVersion: 'TLSv1.2' });
  const refused = Promise.withResolvers<unknown>();
  client.on('error', refused.resolve);
  client.on('close', refused.resolve);
  client.renegotiate({}, (error) => refused.resolve(error));
  const outcome = await refused.promise;
  t.truthy(outcome);
  t.is(peer.received, 'starttls');
});

test('names that strangers ask for are not remembered without bound', async (t) => {
  const tls = tlsFor(t, ['localhost']);
  for (let index = 0; index < 5000; index++) tls.certificateFor(`name${index}.example`);
  t.is(tls.counters.unknownNames, 5000);
});

test('a unix socket can be upgraded as well', async (t) => {
  const tls = tlsFor(t, ['localhost']);
  const path = join(directory(t), 'c2s.sock');
  const { next } = await harness(t, [{ ...optional, path, port: undefined }], { tls });
  const socket = await dial(t, path);
  const peer = await next();
  peer.connection.startTls();
  const client = await secure(t, { socket });
  client.write('hello');
  await peer.got('hello');
  t.true(peer.connection.secured);
});
