import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { ExecutionContext } from 'ava';
import { type Certificate, readCertificates } from '#src/net/certificates.ts';
import type { Connection, ConnectionHandler } from '#src/net/connection.ts';
import { type Acceptor, type ListenerConfig, Listeners, type ListenersOptions } from '#src/net/listeners.ts';
import { writeSelfSigned } from '#src/net/self-signed.ts';
import { type TlsOptions, TlsService } from '#src/net/tls.ts';

const CIPHERS = 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256';

export const tlsOptions: TlsOptions = {
  minVersion: '1.2',
  ciphers: CIPHERS,
  curves: 'auto',
  clientCertificates: 'off',
  clientAuthorities: [],
};

/** An empty directory, gone after the test. */
export function directory(t: ExecutionContext): string {
  const path = mkdtempSync(join(tmpdir(), 'trivium-net-'));
  t.teardown(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Self-signed certificates for these hosts, in this order. */
export function certificates(t: ExecutionContext, ...hosts: readonly string[]): readonly Certificate[] {
  const path = directory(t);
  for (const host of hosts) writeSelfSigned(path, host, new Date());
  return hosts.flatMap((host) => readCertificates([join(path, `${host}.crt`)]).certificates);
}

export function tlsFor(t: ExecutionContext, hosts: readonly string[], options: Partial<TlsOptions> = {}): TlsService {
  const service = new TlsService({ ...tlsOptions, ...options });
  service.load(certificates(t, ...hosts));
  return service;
}

export const plain: ListenerConfig = {
  name: 'test',
  kind: 'test',
  tls: 'off',
  address: '127.0.0.1',
  port: 0,
  path: undefined,
  mode: 0o600,
  proxyProtocol: false,
  backlog: 511,
};

/** A handler that remembers, and tells who waits. */
export class Recorder implements ConnectionHandler {
  readonly connection: Connection;
  readonly closed = Promise.withResolvers<Error | undefined>();
  readonly secured = Promise.withResolvers<void>();
  received = '';
  #waiting: { readonly text: string; resolve(): void } | undefined;

  constructor(connection: Connection) {
    this.connection = connection;
    connection.handler = this;
  }

  onData(chunk: Buffer): void {
    this.received += chunk.toString('latin1');
    if (this.#waiting !== undefined && this.received.includes(this.#waiting.text)) this.#waiting.resolve();
  }

  onClose(error?: Error): void {
    this.closed.resolve(error);
  }

  onSecure(): void {
    this.secured.resolve();
  }

  /** Resolves when this text has come in. */
  async got(text: string): Promise<void> {
    if (this.received.includes(text)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = { text, resolve };
    await promise;
  }
}

export interface Harness {
  readonly listeners: Listeners;
  /** The next connection that reaches the front end. */
  readonly next: () => Promise<Recorder>;
  /** Everything that reached the front end so far. */
  readonly accepted: readonly Recorder[];
  readonly port: (name?: string) => number;
}

/** Listeners with a front end that records. */
export async function harness(
  t: ExecutionContext,
  configs: readonly ListenerConfig[],
  options: Partial<ListenersOptions> & { readonly alpn?: readonly string[] } = {},
): Promise<Harness> {
  const accepted: Recorder[] = [];
  let taken = 0;
  let wake: (() => void) | undefined;
  const acceptor: Acceptor = {
    alpn: options.alpn ?? [],
    accept(connection) {
      accepted.push(new Recorder(connection));
      wake?.();
    },
  };
  const listeners = new Listeners({
    tls: undefined,
    limits: { total: 1000, perIp: 1000 },
    refuses: () => false,
    fault: (error) => t.fail(error.message),
    ...options,
  });
  listeners.serve('test', acceptor);
  t.teardown(() => {
    listeners.stop();
    listeners.destroyAll();
  });
  await listeners.apply(configs);
  return {
    listeners,
    accepted,
    async next() {
      while (accepted.length <= taken) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await promise;
      }
      const recorder = accepted[taken++];
      if (recorder === undefined) throw new Error('nothing was accepted');
      return recorder;
    },
    port(name = 'test') {
      const port = listeners.bound.find((listener) => listener.name === name)?.boundPort;
      if (port === undefined) throw new Error(`no listener ${name}`);
      return port;
    },
  };
}

/** A peer over TCP or a unix socket, destroyed after the test. */
export async function dial(t: ExecutionContext, to: number | string): Promise<Socket> {
  const socket = typeof to === 'string' ? connectTcp({ path: to }) : connectTcp({ port: to, host: '127.0.0.1' });
  t.teardown(() => socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** The client side of a handshake; rejects when it fails. */
export async function secure(t: ExecutionContext, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connectTls({ host: '127.0.0.1', rejectUnauthorized: false, ...options });
  t.teardown(() => socket.destroy());
  await once(socket, 'secureConnect');
  socket.on('error', () => undefined);
  return socket;
}

/** Resolves when the peer has been disconnected, with all it was sent. */
export async function untilClosed(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  if (!socket.closed) await once(socket, 'close').catch(() => undefined);
  return text;
}

/** Reads until the text has come. */
export async function read(socket: Socket, until: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let text = '';
  const onData = (chunk: Buffer): void => {
    text += chunk.toString('latin1');
    if (text.includes(until)) resolve(text);
  };
  socket.on('data', onData);
  socket.once('close', () => reject(new Error(`closed after ${JSON.stringify(text)}`)));
  try {
    return await promise;
  } finally {
    socket.off('data', onData);
  }
}
