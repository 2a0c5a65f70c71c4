import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';
import type { DialTls } from '#src/net/dial.ts';
import { Flusher } from '#src/net/flusher.ts';
import { Listeners } from '#src/net/listeners.ts';
import { type Clock, Timers } from '#src/net/timers.ts';
import type { TlsService } from '#src/net/tls.ts';
import { MESSAGE_LIMITS } from '#protocols/sip/message/limits.ts';
import { SipRequest, type SipResponse } from '#protocols/sip/message/message.ts';
import type { Malformed } from '#protocols/sip/message/parse.ts';
import type { Flow } from '#protocols/sip/transport/flow.ts';
import { listeningPorts } from '#protocols/sip/transport/own-ports.ts';
import { Transports } from '#protocols/sip/transport/transports.ts';
import { plain } from '../../net/kit.ts';

export const HOST = '127.0.0.1';

/** What came up, in order; waits for more. */
export class Heard {
  readonly requests: { request: SipRequest; flow: Flow }[] = [];
  readonly responses: SipResponse[] = [];
  readonly malformed: Malformed[] = [];
  #wake: (() => void)[] = [];

  onRequest(request: SipRequest, flow: Flow): void {
    this.requests.push({ request, flow });
    this.#told();
  }

  onResponse(response: SipResponse): void {
    this.responses.push(response);
    this.#told();
  }

  onMalformed(malformed: Malformed): void {
    this.malformed.push(malformed);
    this.#told();
  }

  async request(n = 0): Promise<{ request: SipRequest; flow: Flow }> {
    for (;;) {
      const found = this.requests[n];
      if (found !== undefined) return found;
      await this.next();
    }
  }

  next(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #told(): void {
    const wake = this.#wake;
    this.#wake = [];
    for (const one of wake) one();
  }
}

export interface Stage {
  readonly heard: Heard;
  readonly transports: Transports;
  readonly udp: number;
  readonly tcp: number;
  /** 0 without a certificate. */
  readonly tls: number;
  readonly timers: Timers;
}

export interface StageOptions {
  /** The certificate of our own listener. */
  readonly tls?: TlsService;
  /** How certificates of others are verified. */
  readonly dialTls?: () => DialTls;
  readonly advertised?: string;
  readonly clock?: Clock;
  /** What the listeners are bound to. */
  readonly address?: string;
}

/** Transports with listeners on free ports of this machine, and whoever is told what comes. */
export async function stage(
  t: ExecutionContext,
  { address = HOST, advertised, clock, dialTls, tls }: StageOptions = {},
): Promise<Stage> {
  const heard = new Heard();
  const timers = new Timers((error) => t.fail(String(error)), clock);
  const listeners: Listeners = new Listeners({
    tls,
    limits: { total: 100, perIp: 100, perIpBeforeAuth: 100 },
    refuses: () => false,
    fault: (error) => t.fail(String(error)),
  });
  const transports = new Transports({
    handler: heard,
    limits: MESSAGE_LIMITS,
    flusher: new Flusher(),
    timers,
    isName: (name) => name === 'example.org',
    listening: () => listeningPorts(listeners.bound),
    advertised: () => advertised,
    ...(dialTls === undefined ? {} : { tls: dialTls }),
  });
  listeners.serve('sip', transports.connections);
  listeners.serveDatagrams('sip', transports.datagrams);
  const config = { ...plain, kind: 'sip', address, port: 0 };
  await listeners.apply([
    { ...config, name: 'tcp' },
    { ...config, name: 'udp', transport: 'udp' },
    ...(tls === undefined ? [] : [{ ...config, name: 'tls', tls: 'direct' } as const]),
  ]);
  t.teardown(() => {
    transports.close();
    listeners.stop();
    listeners.destroyAll();
    timers[Symbol.dispose]();
  });
  const portOf = (name: string): number => listeners.bound.find((one) => one.name === name)?.boundPort ?? 0;
  return { heard, transports, timers, udp: portOf('udp'), tcp: portOf('tcp'), tls: portOf('tls') };
}

export async function tcpServer(
  t: ExecutionContext,
  server: Server = createServer(),
): Promise<{ server: Server; port: number; connections: Socket[] }> {
  server.listen(0, HOST);
  await once(server, 'listening');
  const connections: Socket[] = [];
  server.on('connection', (socket) => connections.push(socket));
  t.teardown(() => {
    server.close();
    for (const socket of connections) socket.destroy();
  });
  return { server, connections, port: (server.address() as AddressInfo).port };
}

export async function tcpPeer(t: ExecutionContext, port: number): Promise<Socket> {
  const socket = connect(port, HOST);
  await once(socket, 'connect');
  t.teardown(() => socket.destroy());
  return socket;
}

export function options(via: string, more: readonly (readonly [string, string])[] = [], body?: Buffer): SipRequest {
  return SipRequest.make(
    'OPTIONS',
    'sip:example.org',
    [
      ['Via', via],
      ['From', '<sip:a@example.net>;tag=1'],
      ['To', '<sip:example.org>'],
      ['Call-ID', 'c1'],
      ['CSeq', '1 OPTIONS'],
      ['Max-Forwards', '70'],
      ...more,
    ],
    body === undefined ? undefined : { type: 'text/plain', bytes: body },
  );
}
