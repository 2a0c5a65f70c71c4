/** How long a relay lives, and what one branch with several dialogs shares. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import test from 'ava';
import type { RelayedDialog } from '#protocols/sip/media/dialog.ts';
import { Fork } from '#protocols/sip/media/fork.ts';
import type { RelayParts } from '#protocols/sip/media/parts.ts';
import { MediaPorts } from '#protocols/sip/media/ports.ts';
import { noneRelayed, type RelayPort } from '#protocols/sip/media/relay-port.ts';
import { readSdp, type Sdp } from '#protocols/sip/media/sdp.ts';
import { Timers } from '#src/net/timers.ts';
import { HandClock } from '#test/unit/net/hand-clock.ts';

const HERE = '127.0.0.1';
const party = { signalling: HERE, local: HERE, told: HERE };
const own = { has: (address: string) => address === HERE || address === '::1' };

function sdp(port: number, ...lines: readonly string[]): Sdp {
  const all = ['v=0', `o=- 1 1 IN IP4 ${HERE}`, 's=-', `c=IN IP4 ${HERE}`, 't=0 0', `m=audio ${port} RTP/AVP 0`];
  const read = readSdp(Buffer.from([...all, ...lines, ''].join('\r\n')));
  if (read === undefined) throw new Error('bad');
  return read;
}

class Ear {
  readonly socket: Socket;

  static async open(address: string): Promise<Ear> {
    const socket = createSocket(address === HERE ? 'udp4' : 'udp6');
    socket.bind(0, address);
    await once(socket, 'listening');
    return new Ear(socket);
  }

  private constructor(socket: Socket) {
    this.socket = socket;
  }

  get port(): number {
    return this.socket.address().port;
  }

  async hears(): Promise<string> {
    const [bytes] = (await once(this.socket, 'message', { signal: AbortSignal.timeout(5000) })) as [Buffer];
    return bytes.toString();
  }
}

class Bench implements Disposable {
  readonly clock = new HandClock();
  readonly timers = new Timers((error) => {
    throw error;
  }, this.clock);
  readonly counters = {
    ...noneRelayed(),
    silent: 0,
    noPorts: 0,
  };
  readonly ports: MediaPorts;
  readonly ended: Fork[] = [];
  /** Tags of dialogs that fell silent. */
  readonly fell: string[] = [];
  readonly fork: Fork;

  constructor(range = { from: 32_000, to: 32_767 }) {
    this.ports = new MediaPorts(() => range, this.counters);
    const rules = { counters: this.counters, anywhere: () => false, isRelay: () => false };
    const parts: RelayParts = {
      ports: this.ports,
      rules,
      own,
      timers: this.timers,
      timeout: () => 60_000,
      counters: this.counters,
      ended: (fork) => this.ended.push(fork),
      silent: ({ tag }) => this.fell.push(tag),
    };
    this.fork = new Fork({ callId: 'call', callerTag: 'caller' }, { caller: party, callee: party }, parts);
  }

  /** The callee's answer with this tag. */
  answer(tag: string, description: Sdp): RelayedDialog {
    const dialog = this.fork.dialog(tag);
    if (dialog === undefined) throw new Error('no dialog');
    dialog.read('callee', description, 'caller 1', false);
    return dialog;
  }

  /** The callee says something from a port. */
  hear(port: number): void {
    this.callee?.onDatagram(Buffer.from('x'), HERE, port);
  }

  get callee(): RelayPort | undefined {
    return this.fork.pair(0, false)?.rtp;
  }

  [Symbol.dispose](): void {
    this.fork.end();
    this.timers[Symbol.dispose]();
  }
}

test('a call that is silent for a minute is over', (t) => {
  using bench = new Bench();
  bench.fork.offer(sdp(4000));
  bench.answer('a', sdp(5000));
  // As long as it rings it may be silent.
  bench.clock.pass(180_000);
  t.is(bench.ports.size, 4);
  bench.fork.settle();
  bench.clock.pass(50_000);
  bench.hear(5000);
  bench.clock.pass(58_000);
  t.is(bench.ports.size, 4);
  bench.clock.pass(10_000);
  t.is(bench.ports.size, 0);
  t.is(bench.counters.silent, 1);
  t.deepEqual(bench.ended, [bench.fork]);
  t.deepEqual(bench.fell, ['a']);
});

test('on hold it may be silent for an hour', (t) => {
  using bench = new Bench();
  bench.fork.offer(sdp(4000, 'a=sendonly'));
  bench.answer('a', sdp(5000, 'a=recvonly'));
  bench.fork.settle();
  bench.clock.pass(3_500_000);
  t.is(bench.ports.size, 4);
  bench.clock.pass(120_000);
  t.is(bench.ports.size, 0);
  t.deepEqual(bench.fell, [], 'there never was anything');
});

test('an answer without a dialog: nothing is left', (t) => {
  using bench = new Bench();
  bench.fork.offer(sdp(4000));
  t.is(bench.ports.size, 2);
  bench.fork.settle();
  t.is(bench.ports.size, 0);
});

test('streams that nobody took give their ports back with the answer', (t) => {
  using bench = new Bench();
  const video = (port: number): string => `m=video ${port} RTP/AVP 31`;
  bench.fork.offer(sdp(4000, video(4002), video(4004)));
  t.is(bench.ports.size, 6);
  bench.answer('a', sdp(5000, video(0), video(5004)));
  t.is(bench.ports.size, 10);
  bench.fork.settle();
  t.is(bench.ports.size, 8);
});

test('a proxy behind this one forks: one port for the callees, one for the caller to each', (t) => {
  using bench = new Bench();
  bench.fork.offer(sdp(4000));
  const first = bench.answer('a', sdp(5000));
  const second = bench.answer('b', sdp(6000));
  t.is(bench.ports.size, 6);
  bench.hear(5000);
  bench.hear(6000);
  bench.hear(6000);
  t.deepEqual([first.traffic.packets, second.traffic.packets], [1, 2]);
  first.end();
  t.is(bench.ports.size, 4);
  t.is(first.traffic.packets, 1, 'what it was stays known');
  second.end();
  t.is(bench.ports.size, 0);
});

test('not without end', (t) => {
  using bench = new Bench();
  bench.fork.offer(sdp(4000));
  for (let count = 0; count < 8; count++) t.not(bench.fork.dialog(`t${count}`), undefined);
  t.is(bench.fork.dialog('t8'), undefined);
});

test('ports: even for RTP, odd for RTCP; all of a narrow range are found, and no more', (t) => {
  const counters = new Bench().counters;
  const ports = new MediaPorts(() => ({ from: 32_801, to: 32_808 }), counters);
  const pairs = [1, 2, 3, 4].map(() => ports.open(HERE));
  const opened = pairs.flatMap((pair) => (pair === undefined ? [] : [pair]));
  t.is(ports.size, opened.length * 2);
  for (const { rtcp, rtp } of opened) {
    t.is(rtp.socket.localPort % 2, 0);
    t.is(rtcp.socket.localPort, rtp.socket.localPort + 1);
    t.true(ports.has(rtp.socket.localPort) && ports.has(rtcp.socket.localPort));
  }
  t.is(pairs[3], undefined);
  for (const pair of opened) ports.close(pair);
  t.is(ports.size, 0);
});

test('an address that this machine does not have: no ports', (t) => {
  const ports = new MediaPorts(() => ({ from: 32_810, to: 32_820 }), new Bench().counters);
  t.is(ports.open('192.0.2.1'), undefined);
  t.is(ports.size, 0);
});

test('one side speaks IPv6, the other IPv4', async (t) => {
  using bench = new Bench();
  const sockets = await Promise.all(['::1', HERE].map((address) => Ear.open(address)));
  const [six, four] = sockets;
  if (six === undefined || four === undefined) return t.fail();
  const { fork } = bench;
  fork.parties.caller = { signalling: '::1', local: '::1', told: '::1' };
  const offered = fork.offer(sdp(six.port, 'c=IN IP6 ::1'))?.toString();
  t.true(offered?.includes(`c=IN IP4 ${HERE}`));
  const answered = fork.dialog('a')?.read('callee', sdp(four.port), 'caller 1', false).toString();
  t.true(answered?.includes('c=IN IP6 ::1'));
  const port = Number(/m=audio (\d+)/.exec(answered ?? '')?.[1]);
  six.socket.send('from six', port, '::1');
  t.is(await four.hears(), 'from six');
  four.socket.send('from four', fork.pair(0, false)?.rtp.socket.localPort, HERE);
  t.is(await six.hears(), 'from four');
  for (const { socket } of sockets) socket.close();
});
