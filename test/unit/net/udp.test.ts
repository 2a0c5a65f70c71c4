import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { Listeners } from '#src/net/listeners.ts';
import { type DatagramHandler, type Datagrams, openUdp } from '#src/net/udp.ts';
import { plain } from './kit.ts';

interface Heard {
  readonly text: string;
  readonly address: string;
  readonly port: number;
}

/** Keeps what came, and lets a test wait for it. */
class Ear implements DatagramHandler {
  readonly heard: Heard[] = [];
  closed = 0;
  #waiting: (() => void) | undefined = undefined;

  onDatagram(bytes: Buffer, address: string, port: number): void {
    this.heard.push({ text: bytes.toString(), address, port });
    this.#waiting?.();
  }

  onClose(): void {
    this.closed += 1;
  }

  async until(count: number): Promise<void> {
    while (this.heard.length < count) await new Promise<void>((resolve) => (this.#waiting = resolve));
  }
}

async function peer(t: ExecutionContext): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.teardown(() => socket.close());
  return socket;
}

async function open(t: ExecutionContext, address: string, ear: Ear, queue?: number): Promise<Datagrams> {
  const socket = await openUdp({ address, port: 0, ...(queue === undefined ? {} : { queue }) }, () => ear);
  t.teardown(() => socket.close());
  return socket;
}

for (const address of ['127.0.0.1', '::']) {
  test(`a datagram comes with its source, and an answer reaches it: bound to ${address}`, async (t) => {
    const ear = new Ear();
    const socket = await open(t, address, ear);
    const other = await peer(t);
    other.send('hello', socket.localPort, '127.0.0.1');
    await ear.until(1);
    t.deepEqual(ear.heard, [{ text: 'hello', address: '127.0.0.1', port: other.address().port }]);
    const answer = once(other, 'message');
    t.true(socket.send(Buffer.from('welcome'), other.address().port, '127.0.0.1'));
    t.is(String((await answer)[0]), 'welcome');
    t.deepEqual(socket.counters, { received: 1, receivedBytes: 5, sent: 1, sentBytes: 7, dropped: 0 });
  });
}

test('what cannot be sent is dropped and counted, never thrown', async (t) => {
  const ear = new Ear();
  const socket = await open(t, '127.0.0.1', ear, 100);
  t.false(socket.send(Buffer.alloc(101), 9, '127.0.0.1'), 'more than may wait');
  t.false(socket.send(Buffer.from('x'), 0, '127.0.0.1'), 'no port');
  t.is(socket.counters.dropped, 2);
  socket.close();
  t.false(socket.send(Buffer.from('x'), 9, '127.0.0.1'), 'closed');
  socket.close();
  await new Promise((resolve) => setImmediate(resolve));
  t.is(ear.closed, 1);
});

test('an address in use is the system’s error', async (t) => {
  const first = await open(t, '127.0.0.1', new Ear());
  await t.throwsAsync(
    openUdp({ address: '127.0.0.1', port: first.localPort }, () => new Ear()),
    { code: 'EADDRINUSE' },
  );
});

test('listeners: a kind on UDP beside the same port on TCP; kept, closed, and the banned are not heard', async (t) => {
  const banned = new Set<string>();
  const faults: Error[] = [];
  const listeners = new Listeners({
    tls: undefined,
    limits: { total: 10, perIp: 10, perIpBeforeAuth: 10 },
    refuses: (ip) => banned.has(ip),
    fault: (error) => faults.push(error),
  });
  t.teardown(() => listeners.stop());
  const ear = new Ear();
  let opened = 0;
  listeners.serve('test', { alpn: [], accept: (connection) => connection.destroy() });
  listeners.serveDatagrams('test', {
    bound: () => {
      opened += 1;
      return ear;
    },
  });
  t.throws(() => listeners.serveDatagrams('test', { bound: () => ear }), { message: /two front ends/ });
  const tcp = { ...plain, name: 'tcp', kind: 'test', port: 0 };
  await listeners.apply([tcp]);
  const port = listeners.bound[0]?.boundPort ?? 0;
  const udp = { ...tcp, name: 'udp', port, transport: 'udp' } as const;
  await listeners.apply([tcp, udp]);
  await listeners.apply([tcp, udp]);
  t.is(opened, 1);
  t.deepEqual(
    listeners.bound.map(({ boundPort, name }) => [name, boundPort]),
    [
      ['tcp', port],
      ['udp', port],
    ],
  );
  const other = await peer(t);
  other.send('one', port, '127.0.0.1');
  await ear.until(1);
  const blocked = new Listeners({
    tls: undefined,
    limits: { total: 10, perIp: 10, perIpBeforeAuth: 10 },
    refuses: (ip) => ip === '127.0.0.1',
    fault: (error) => faults.push(error),
  });
  t.teardown(() => blocked.stop());
  blocked.serveDatagrams('test', { bound: () => ear });
  await blocked.apply([{ ...udp, port: 0, address: '127.0.0.1' }]);
  other.send('banned', blocked.bound[0]?.boundPort ?? 0, '127.0.0.1');
  while (blocked.datagrams.refused === 0) await new Promise((resolve) => setImmediate(resolve));
  t.is(ear.heard.length, 1);
  await listeners.apply([tcp]);
  t.is(listeners.bound.length, 1);
  t.is(listeners.datagrams.counters.received, 1);
  t.deepEqual(faults, []);
});

test('the rule of a UDP listener says whose datagrams are heard; a reload puts another one in force', async (t) => {
  const ear = new Ear();
  const listeners = new Listeners({
    tls: undefined,
    limits: { total: 10, perIp: 10 },
    refuses: () => false,
    allows: (ip, rule) => ip === '127.0.0.1' && rule === 'here',
    fault: (error) => t.fail(String(error)),
  });
  t.teardown(() => listeners.stop());
  listeners.serveDatagrams('test', { bound: () => ear });
  const config = { ...plain, name: 'udp', kind: 'test', address: '127.0.0.1', port: 0, transport: 'udp' } as const;
  await listeners.apply([{ ...config, access: 'elsewhere' }]);
  const port = listeners.bound[0]?.boundPort ?? 0;
  const other = await peer(t);
  other.send('denied', port, '127.0.0.1');
  while (listeners.datagrams.denied === 0) await new Promise((resolve) => setImmediate(resolve));
  await listeners.apply([{ ...config, access: 'here' }]);
  // What a source is told holds for a moment: it tries until then.
  const tries = setInterval(() => other.send('heard', port, '127.0.0.1'), 50);
  await ear.until(1);
  clearInterval(tries);
  t.is(ear.heard[0]?.text, 'heard');
});

test('listeners: an exception of a front end costs a datagram or a connection, not the server', async (t) => {
  const faults: string[] = [];
  const listeners = new Listeners({
    tls: undefined,
    limits: { total: 10, perIp: 10, perIpBeforeAuth: 10 },
    refuses: () => false,
    fault: (error, { name }) => faults.push(`${name}: ${error.message}`),
  });
  t.teardown(() => listeners.stop());
  const bad = (): never => {
    throw new Error('a bug');
  };
  listeners.serve('test', {
    alpn: [],
    accept: (connection) => void (connection.handler = { onData: bad, onClose: () => undefined }),
  });
  listeners.serveDatagrams('test', { bound: () => ({ onDatagram: bad }) });
  const config = { ...plain, kind: 'test', address: '127.0.0.1', port: 0 };
  await listeners.apply([
    { ...config, name: 'tcp' },
    { ...config, name: 'udp', transport: 'udp' },
  ]);
  const portOf = (name: string): number => listeners.bound.find((one) => one.name === name)?.boundPort ?? 0;
  const socket = connect(portOf('tcp'), '127.0.0.1');
  socket.write('x');
  await once(socket, 'close');
  const other = await peer(t);
  other.send('x', portOf('udp'), '127.0.0.1');
  while (faults.length < 2) await new Promise((resolve) => setImmediate(resolve));
  t.deepEqual(faults, ['tcp: a bug', 'udp: a bug']);
});
