import type { ExecutionContext } from 'ava';
import test from 'ava';
import { type HttpTimes, HttpService } from '#src/net/http.ts';
import { Listeners } from '#src/net/listeners.ts';
import { dial, plain, read, secure, tlsFor, untilClosed } from './kit.ts';

async function serve(
  t: ExecutionContext,
  paths: Readonly<Record<string, string>>,
  more: { readonly times?: HttpTimes; readonly tls?: 'direct'; readonly proxy?: boolean } = {},
) {
  const faults: unknown[] = [];
  const http = new HttpService(
    () => new Map(Object.entries(paths)),
    (error) => faults.push(error),
    more.times,
  );
  const listeners = new Listeners({
    tls: more.tls === undefined ? undefined : tlsFor(t, ['localhost']),
    limits: { total: 100, perIp: 100 },
    refuses: () => false,
    fault: (error) => t.fail(error.message),
  });
  listeners.serve('test', http);
  t.teardown(() => {
    listeners.stop();
    listeners.destroyAll();
  });
  await listeners.apply([{ ...plain, tls: more.tls ?? 'off', proxyProtocol: more.proxy ?? false }]);
  return { faults, http, listeners, port: listeners.bound[0]?.boundPort ?? 0 };
}

const text = (body: string) => ({ status: 200, type: 'text/plain', body });

/** Sends a request as it stands and gives all that comes back before the connection closes. */
async function ask(t: ExecutionContext, port: number, request: string): Promise<string> {
  const socket = await dial(t, port);
  socket.write(request);
  return untilClosed(socket);
}

const get = (path: string, method = 'GET'): string =>
  `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;

test('the handler that the listener names answers, with the address of the peer', async (t) => {
  const { http, port } = await serve(t, { '/metrics': 'metrics' });
  http.handle('metrics', ({ connection, method, path, query }) =>
    text(
      `${method} ${path} ${query.get('name') ?? ''} ${connection?.remoteAddress ?? ''} ${String(connection?.loopback)}`,
    ),
  );
  const answer = await ask(t, port, get('/metrics?name=up'));
  t.regex(answer, /^HTTP\/1\.1 200 OK\r\n/);
  t.regex(answer, /\r\nContent-Type: text\/plain\r\n/);
  t.true(answer.endsWith('\r\n\r\nGET /metrics up 127.0.0.1 true'));
  t.regex(await ask(t, port, get('/metrics', 'HEAD')), /Content-Length: \d+\r\n[\s\S]*\r\n\r\n$/);
});

test('two requests on one connection are answered in order', async (t) => {
  const { http, port } = await serve(t, { '/a': 'a', '/b': 'b' });
  http.handle('a', async () => text('first'));
  http.handle('b', () => text('second'));
  const answer = await ask(t, port, `GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n${get('/b')}`);
  t.true(answer.indexOf('first') < answer.indexOf('second'));
});

for (const [path, answer] of [
  ['/api', 'api'],
  ['/api/', 'api'],
  ['/api/users', 'api'],
  ['/api/exact', 'exact'],
  ['/api/exact/more', 'api'],
  ['/apix', '404'],
  ['/', '404'],
  ['/absent', '404'],
] as const) {
  test(`the longest path wins: ${path} is ${answer}`, async (t) => {
    const { http, port } = await serve(t, { '/api': 'api', '/api/exact': 'exact', '/absent': 'nobody' });
    http.handle('api', () => text('api'), { below: true });
    http.handle('exact', () => text('exact'));
    t.regex(await ask(t, port, get(path)), new RegExp(answer === '404' ? '^HTTP/1.1 404 ' : `\r\n\r\n${answer}$`));
  });
}

test('a method that is not for the handler is answered 405 with those that are', async (t) => {
  const { http, port } = await serve(t, { '/metrics': 'metrics' });
  http.handle('metrics', () => text('x'));
  const answer = await ask(t, port, get('/metrics', 'DELETE'));
  t.regex(answer, /^HTTP\/1\.1 405 /);
  t.regex(answer, /\r\nAllow: GET, HEAD\r\n/);
});

test('bodies are read up to their bound, whether told beforehand or not', async (t) => {
  const { http, port } = await serve(t, { '/post': 'post' });
  http.handle('post', ({ body }) => text(`got ${body.toString()}`), { methods: ['POST'], maxBody: 8 });
  const post = (headers: string, body: string) =>
    `POST /post HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n\r\n${body}`;
  t.regex(await ask(t, port, post('Content-Length: 8', '12345678')), /got 12345678$/);
  t.regex(await ask(t, port, post('Content-Length: 9', '123456789')), /^HTTP\/1\.1 413 /);
  t.regex(await ask(t, port, post('Transfer-Encoding: chunked', '3\r\nabc\r\n0\r\n\r\n')), /got abc$/);
  t.regex(await ask(t, port, post('Transfer-Encoding: chunked', '9\r\n123456789\r\n0\r\n\r\n')), /^HTTP\/1\.1 413 /);
});

test('a handler that throws is answered 500, and told of', async (t) => {
  const { faults, http, port } = await serve(t, { '/bad': 'bad' });
  http.handle('bad', () => {
    throw new Error('the secret of the house');
  });
  const answer = await ask(t, port, get('/bad'));
  t.regex(answer, /^HTTP\/1\.1 500 /);
  t.false(answer.includes('secret'));
  t.is(faults.length, 1);
});

for (const [name, request, status] of [
  ['garbage', 'hello\r\n\r\n', 400],
  ['two lengths', 'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
  ['no host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['a header that is too large', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
] as const) {
  test(`${name} is answered ${status}`, async (t) => {
    const { port } = await serve(t, {});
    t.regex(await ask(t, port, request), new RegExp(`^HTTP/1.1 ${status} `));
  });
}

test('a header that never ends is answered 408', async (t) => {
  const { port } = await serve(
    t,
    {},
    { times: { headersTimeout: 40, requestTimeout: 60, connectionsCheckingInterval: 10 } },
  );
  t.regex(await ask(t, port, 'GET / HTTP/1.1\r\nX: '), /^HTTP\/1\.1 408 /);
});

test('an upgrade goes to its handler, which owns the connection', async (t) => {
  const { http, port } = await serve(t, { '/ws': 'ws' });
  http.upgrade('ws', (request, socket, head, connection) => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade ?? ''}\r\n\r\n`,
    );
    socket.write(`${head.toString()} from ${connection.remoteAddress}`);
    socket.end();
  });
  const upgrade = (path: string) =>
    `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhead`;
  t.regex(await ask(t, port, upgrade('/ws')), /^HTTP\/1\.1 101 [\s\S]*head from 127\.0\.0\.1$/);
  t.regex(await ask(t, port, upgrade('/other')), /^HTTP\/1\.1 404 /);
  t.deepEqual([http.counters.upgrades, http.counters.notFound], [1, 1]);
});

test('a name is taken once, and free again when its handler leaves', async (t) => {
  const { http, port } = await serve(t, { '/a': 'a' });
  const registration = http.handle('a', () => text('first'));
  t.throws(() => http.handle('a', () => text('second')), { message: /two HTTP handlers/ });
  registration[Symbol.dispose]();
  t.regex(await ask(t, port, get('/a')), /^HTTP\/1\.1 404 /);
  http.handle('a', () => text('third'));
  t.regex(await ask(t, port, get('/a')), /third$/);
});

test('HTTP over TLS', async (t) => {
  const { http, port } = await serve(t, { '/a': 'a' }, { tls: 'direct' });
  http.handle('a', ({ connection }) => text(`secured ${String(connection?.secured)}`));
  const socket = await secure(t, { port, ALPNProtocols: ['http/1.1'] });
  socket.write(get('/a'));
  t.regex(await read(socket, 'secured'), /secured true$/);
});

test('behind a balancer the handler sees the address that the PROXY header tells', async (t) => {
  const { http, port } = await serve(t, { '/a': 'a' }, { proxy: true });
  http.handle('a', ({ connection }) => text(`from ${connection?.remoteAddress ?? ''} ${String(connection?.loopback)}`));
  t.regex(await ask(t, port, `PROXY TCP4 192.0.2.7 192.0.2.1 1234 80\r\n${get('/a')}`), /from 192\.0\.2\.7 false$/);
});

test('a client that hangs up in the middle of a body does no harm', async (t) => {
  const { faults, http, port } = await serve(t, { '/post': 'post' });
  const arrived = Promise.withResolvers<void>();
  http.handle('post', () => text('never'), { methods: ['POST'], maxBody: 100 });
  http.handle('get', () => text('alive'));
  const socket = await dial(t, port);
  socket.write('POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nhalf', () => arrived.resolve());
  await arrived.promise;
  socket.destroy();
  t.regex(await ask(t, port, get('/other')), /^HTTP\/1\.1 404 /);
  t.deepEqual(faults, []);
});

test('connections that wait for another request are let go, those that are answered are not', async (t) => {
  const { http, listeners, port } = await serve(t, { '/a': 'a', '/slow': 'slow' });
  const release = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  http.handle('a', () => text('quick'));
  http.handle('slow', async () => {
    asked.resolve();
    await release.promise;
    return text('at last');
  });
  const idle = await dial(t, port);
  idle.write('GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await read(idle, 'quick');
  const busy = await dial(t, port);
  busy.write(get('/slow'));
  await asked.promise;
  listeners.stop();
  http.closeIdle();
  await untilClosed(idle);
  release.resolve();
  t.regex(await untilClosed(busy), /at last$/);
  await listeners.drained(600_000);
  t.is(listeners.connections, 0);
});
