import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type ConnectionOptions } from 'node:tls';
import { parseIp, isLoopback } from '#src/address/ip.ts';
import { Connection, type Keeper } from './connection.ts';

/** TLS towards a server. What is left out is the safe choice: its certificate is verified against the authorities of the system. */
export interface DialTls {
  /** The name in the certificate (RFC 9525), and the one that is asked for (RFC 6066 section 3); the host when absent. */
  readonly serverName?: string;
  /** PEM of the authorities to trust in place of the system's. */
  readonly authorities?: readonly string[];
  /** Our own certificate: PEM of chain and key. */
  readonly certificate?: { readonly chain: string; readonly key: string };
  /** Takes any certificate: for tests and islands only. */
  readonly unverified?: true;
  /** Application protocols (RFC 7301), the preferred one first. */
  readonly alpn?: readonly string[];
  readonly minVersion?: '1.2' | '1.3';
}

/** Where a connection goes. */
export interface Destination {
  /** For logs, as a listener's name is for connections that come. */
  readonly name: string;
  readonly kind: string;
  /** A domain name, whose addresses are tried in turn (RFC 8305), or an IP address. */
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; absent for none. */
  readonly tls?: DialTls;
  /** Milliseconds from the call to the end of the handshake. */
  readonly timeout: number;
}

/** Why a connection could not be made, in words; `cause` is what the system said. */
export class DialError extends Error {
  readonly reason: 'name' | 'refused' | 'unreachable' | 'timeout' | 'tls' | 'aborted' | 'failed';

  constructor(reason: DialError['reason'], text: string, cause?: unknown) {
    super(text, { cause });
    this.name = 'DialError';
    this.reason = reason;
  }
}

/** Milliseconds of silence before the kernel probes. */
const KEEPALIVE = 60_000;

/**
 * Connects to a server. The connection is as an accepted one, but paused, so that nothing is lost before the caller listens: set its
 * `handler`, then `resume()`.
 * @param signal gives up when it is aborted; a connection that is made already is the caller's
 * @throws DialError
 */
export function dial(to: Destination, signal?: AbortSignal): Promise<Connection> {
  const { promise, reject, resolve } = Promise.withResolvers<Connection>();
  const options = { host: to.host, port: to.port };
  let socket: Socket;
  try {
    socket = to.tls === undefined ? connectTcp(options) : connectTls({ ...options, ...tlsOptions(to.host, to.tls) });
  } catch (error) {
    return Promise.reject(new DialError(to.tls === undefined ? 'failed' : 'tls', textOf(error), error));
  }
  const fail = (error: DialError): void => {
    clear();
    socket.on('error', ignore);
    socket.destroy();
    reject(error);
  };
  const onError = (error: Error): void => fail(explain(to, error));
  const onClose = (): void => fail(new DialError('failed', `${placeOf(to)} closed the connection`));
  const onAbort = (): void => fail(new DialError('aborted', `the connection to ${placeOf(to)} was given up`));
  const timer = setTimeout(() => fail(new DialError('timeout', `${placeOf(to)} did not answer in time`)), to.timeout);
  const ready = to.tls === undefined ? 'connect' : 'secureConnect';
  const onReady = (): void => {
    clear();
    socket.pause();
    resolve(connectionOf(socket, to));
  };
  const clear = (): void => {
    clearTimeout(timer);
    socket.off('error', onError).off('close', onClose).off(ready, onReady);
    signal?.removeEventListener('abort', onAbort);
  };
  socket.on('error', onError).on('close', onClose).on(ready, onReady);
  if (signal?.aborted === true) onAbort();
  else signal?.addEventListener('abort', onAbort);
  return promise;
}

function connectionOf(socket: Socket, { kind, name, tls }: Destination): Connection {
  // As for connections that come: small writes go at once, and a peer that is gone is found out.
  socket.setNoDelay(true).setKeepAlive(true, KEEPALIVE);
  // No two open connections that begin here have the same port.
  const keeper: Keeper = {
    serial: socket.localPort ?? 0,
    tls: undefined,
    authenticated: ignore,
    tlsFailed: ignore,
    failed,
  };
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d)/, '');
  const ip = parseIp(address);
  const loopback = ip !== undefined && isLoopback(ip);
  const listener = { name, kind, tls: tls === undefined ? 'off' : 'direct' } as const;
  return new Connection(socket, listener, keeper, { address, port: socket.remotePort ?? 0, loopback });
}

function tlsOptions(host: string, tls: DialTls): ConnectionOptions {
  const { alpn = [], authorities, certificate, minVersion = '1.2', serverName = host, unverified } = tls;
  const name = parseIp(serverName) === undefined ? { servername: serverName } : {};
  const secureContext = createSecureContext({
    minVersion: minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
    ...(authorities === undefined ? {} : { ca: [...authorities] }),
    ...(certificate === undefined ? {} : { cert: certificate.chain, key: certificate.key }),
  });
  return {
    secureContext,
    ...name,
    rejectUnauthorized: unverified !== true,
    ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
  };
}

const placeOf = ({ host, port }: Destination): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const REASONS: ReadonlyMap<string, readonly [DialError['reason'], string]> = new Map([
  ['ENOTFOUND', ['name', 'is no known name']],
  ['EAI_AGAIN', ['name', 'cannot be looked up now']],
  ['ECONNREFUSED', ['refused', 'refuses connections']],
  ['ECONNRESET', ['failed', 'cut the connection off']],
  ['EHOSTUNREACH', ['unreachable', 'cannot be reached']],
  ['ENETUNREACH', ['unreachable', 'cannot be reached']],
  ['ETIMEDOUT', ['timeout', 'did not answer in time']],
] as const);

function explain(to: Destination, error: Error): DialError {
  // Several addresses were tried: the first one's reason stands for all.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const { code = '' } = first as NodeJS.ErrnoException;
  const known = REASONS.get(code);
  if (known !== undefined) return new DialError(known[0], `${placeOf(to)} ${known[1]}`, error);
  const reason = to.tls === undefined ? 'failed' : 'tls';
  return new DialError(reason, `${placeOf(to)}: ${code === '' ? textOf(first) : `${textOf(first)} (${code})`}`, error);
}

function ignore(): void {
  // 'close' follows; a connection that was dialled is counted by nobody.
}

/** There is no listener to tell. */
function failed(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}
