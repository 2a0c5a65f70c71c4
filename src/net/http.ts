import { Buffer } from 'node:buffer';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Connection } from './connection.ts';
import type { Acceptor } from './listeners.ts';

export interface HttpRequest {
  readonly method: string;
  /** Without the query, as it was sent. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** The connection it came by: address, TLS, listener. */
  readonly connection: Connection | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers the requests of one path. */
export type HttpHandler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

export interface HandlerOptions {
  /** Other methods are answered 405. By default GET; HEAD goes with it. */
  readonly methods?: readonly string[];
  /** Bytes of the largest body, 0 by default; more is answered 413. */
  readonly maxBody?: number;
  /** Answers the paths below its own as well. */
  readonly below?: boolean;
}

/** Takes over a connection that changes its protocol (RFC 9110 section 7.8), such as to a WebSocket. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer, connection: Connection) => void;

interface Route extends Required<HandlerOptions> {
  readonly handler: HttpHandler;
}

const TEXT = 'text/plain; charset=utf-8';
/** Bytes of the request line and all header fields. */
const HEADER_BYTES = 16_384;
/** Milliseconds: for the header, for all of a request, and how often late ones are looked for. */
const HEADER_TIME = 10_000;
const REQUEST_TIME = 30_000;
const CHECK_TIME = 2000;
const REQUESTS = 10_000;

/** Tests shorten the times. */
export interface HttpTimes {
  readonly headersTimeout?: number;
  readonly requestTimeout?: number;
  readonly connectionsCheckingInterval?: number;
}

/**
 * The HTTP/1.1 side of the listeners: each listener says by name which handler answers under which path, the longest path first.
 * Bad requests are answered by Node: 400, 408 (too slow), 413, 431 (header too large).
 */
export class HttpService implements Acceptor {
  readonly alpn = ['http/1.1'];
  readonly #routes = new Map<string, Route>();
  readonly #upgrades = new Map<string, UpgradeHandler>();
  readonly #server: Server;
  readonly #connections = new WeakMap<Duplex, Connection>();
  readonly #fault: (error: unknown) => void;
  readonly #paths: (listener: string) => ReadonlyMap<string, string>;
  readonly counters = { requests: 0, upgrades: 0, notFound: 0, refused: 0 };

  /** @param paths by listener name: URL path to handler name @param fault is told what a handler throws */
  constructor(
    paths: (listener: string) => ReadonlyMap<string, string>,
    fault: (error: unknown) => void,
    times: HttpTimes = {},
  ) {
    this.#paths = paths;
    this.#fault = fault;
    this.#server = createServer({
      maxHeaderSize: HEADER_BYTES,
      headersTimeout: HEADER_TIME,
      requestTimeout: REQUEST_TIME,
      connectionsCheckingInterval: CHECK_TIME,
      ...times,
    });
    this.#server.maxRequestsPerSocket = REQUESTS;
    this.#server.on(
      'request',
      (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response),
    );
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
    // Node looks for slow requests only once its server listens; this one gets its sockets from our own listeners.
    this.#server.emit('listening');
  }

  /** Says what answers where a listener names it. Throws when the name is taken. */
  handle(
    name: string,
    handler: HttpHandler,
    { below = false, maxBody = 0, methods = ['GET'] }: HandlerOptions = {},
  ): Disposable {
    if (this.#routes.has(name)) throw new Error(`two HTTP handlers are named ${name}`);
    const allowed = methods.includes('GET') ? [...methods, 'HEAD'] : methods;
    this.#routes.set(name, { handler, below, maxBody, methods: allowed });
    return { [Symbol.dispose]: () => void this.#routes.delete(name) };
  }

  /** The same for requests that change the protocol. */
  upgrade(name: string, handler: UpgradeHandler): Disposable {
    if (this.#upgrades.has(name)) throw new Error(`two HTTP upgrades are named ${name}`);
    this.#upgrades.set(name, handler);
    return { [Symbol.dispose]: () => void this.#upgrades.delete(name) };
  }

  accept(connection: Connection): void {
    const socket = connection.release();
    this.#connections.set(socket, connection);
    this.#server.emit('connection', socket);
  }

  /** Lets go of connections that wait for another request: nobody misses them when the server stops. */
  closeIdle(): void {
    this.#server.closeIdleConnections();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.counters.requests += 1;
    try {
      write(response, await this.#respond(request));
    } catch (error) {
      if (response.destroyed || request.errored) return;
      this.#fault(error);
      write(response, { status: 500, type: TEXT, body: 'internal error\n' });
    }
  }

  async #respond(request: IncomingMessage): Promise<HttpResponse> {
    const { path, query } = addressOf(request);
    const connection = this.#connections.get(request.socket);
    const name = this.#nameOf(connection, path, (candidate, below) => this.#answers(candidate, below));
    const route = this.#routes.get(name ?? '');
    if (route === undefined) {
      this.counters.notFound += 1;
      return { status: 404, type: TEXT, body: 'not found\n' };
    }
    const { method = 'GET', headers } = request;
    if (!route.methods.includes(method)) {
      this.counters.refused += 1;
      return { status: 405, type: TEXT, body: 'method not allowed\n', headers: { Allow: route.methods.join(', ') } };
    }
    const body = await readBody(request, route.maxBody);
    if (body === undefined) {
      this.counters.refused += 1;
      return { status: 413, type: TEXT, body: 'content too large\n', headers: { Connection: 'close' } };
    }
    return route.handler({ method, path, query, headers, body, connection });
  }

  #answers(name: string, below: boolean): boolean {
    const route = this.#routes.get(name);
    return route !== undefined && (!below || route.below);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const connection = this.#connections.get(request.socket);
    const name = this.#nameOf(
      connection,
      addressOf(request).path,
      (candidate, below) => !below && this.#upgrades.has(candidate),
    );
    const handler = this.#upgrades.get(name ?? '');
    socket.on('error', ignore);
    if (handler === undefined || connection === undefined) {
      this.counters.notFound += 1;
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    this.counters.upgrades += 1;
    handler(request, socket, head, connection);
  }

  /** The handler with the longest path of this listener that is the request's path, or stands above it. */
  #nameOf(
    connection: Connection | undefined,
    path: string,
    takes: (name: string, below: boolean) => boolean,
  ): string | undefined {
    let best = '';
    let found: string | undefined;
    for (const [prefix, name] of this.#paths(connection?.listener.name ?? '')) {
      const below = path !== prefix;
      const matches = !below || path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
      if (!matches || prefix.length < best.length || !takes(name, below)) continue;
      best = prefix;
      found = name;
    }
    return found;
  }
}

/** Undefined when it is too large. */
async function readBody(request: IncomingMessage, limit: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > limit) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, size);
}

function addressOf({ url = '/' }: IncomingMessage): { readonly path: string; readonly query: URLSearchParams } {
  const mark = url.indexOf('?');
  return { path: mark < 0 ? url : url.slice(0, mark), query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)) };
}

function write(response: ServerResponse, { body, headers, status, type }: HttpResponse): void {
  if (response.headersSent) return;
  const length = Buffer.byteLength(body);
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': length,
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  });
  response.end(body);
}

function ignore(): void {
  // 'close' follows.
}
