import type { Buffer } from 'node:buffer';
import { type IncomingMessage, createServer, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Acceptor } from './listeners.ts';
import type { Connection } from './connection.ts';

export interface HttpRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
}

export interface HttpResponse {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Answers the requests of one path. */
export type HttpHandler = (request: HttpRequest) => HttpResponse | Promise<HttpResponse>;

/** Takes over a connection that changes its protocol (RFC 9110 section 7.8), such as to a WebSocket. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer, connection: Connection) => void;

const TEXT = 'text/plain; charset=utf-8';
const HEADER_BYTES = 16_384;
const REQUEST_TIME = 30_000;

/**
 * The HTTP/1.1 side of the listeners: each listener says by name which handler answers under which path. Requests with bodies are
 * not for the handlers here, so a body is never read.
 */
export class HttpService implements Acceptor {
  readonly alpn = ['http/1.1'];
  readonly #handlers = new Map<string, HttpHandler>();
  readonly #upgrades = new Map<string, UpgradeHandler>();
  readonly #server: Server;
  readonly #connections = new WeakMap<Duplex, Connection>();
  readonly #fault: (error: unknown) => void;
  readonly #paths: (listener: string) => ReadonlyMap<string, string>;
  readonly counters = { requests: 0, upgrades: 0, notFound: 0 };

  /** @param paths by listener name: URL path to handler name */
  constructor(paths: (listener: string) => ReadonlyMap<string, string>, fault: (error: unknown) => void) {
    this.#paths = paths;
    this.#fault = fault;
    this.#server = createServer({ maxHeaderSize: HEADER_BYTES, requestTimeout: REQUEST_TIME, headersTimeout: REQUEST_TIME });
    this.#server.on('request', (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response));
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket, head));
    this.#server.on('clientError', (_error, socket) => socket.destroy());
  }

  handle(name: string, handler: HttpHandler): Disposable {
    this.#handlers.set(name, handler);
    return { [Symbol.dispose]: () => void this.#handlers.delete(name) };
  }

  upgrade(name: string, handler: UpgradeHandler): Disposable {
    this.#upgrades.set(name, handler);
    return { [Symbol.dispose]: () => void this.#upgrades.delete(name) };
  }

  accept(connection: Connection): void {
    const socket = connection.release();
    this.#connections.set(socket, connection);
    this.#server.emit('connection', socket);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.counters.requests += 1;
    try {
      const { path, query } = addressOf(request);
      const handler = this.#handlers.get(this.#nameOf(request, path) ?? '');
      const method = request.method ?? 'GET';
      if (handler === undefined) this.counters.notFound += 1;
      const answer = await handler?.({ method, path, query, headers: request.headers });
      write(response, answer ?? { status: 404, type: TEXT, body: 'not found\n' });
    } catch (error) {
      this.#fault(error);
      write(response, { status: 500, type: TEXT, body: 'internal error\n' });
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const handler = this.#upgrades.get(this.#nameOf(request, addressOf(request).path) ?? '');
    const connection = this.#connections.get(request.socket);
    if (handler === undefined || connection === undefined) {
      this.counters.notFound += 1;
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    this.counters.upgrades += 1;
    handler(request, socket, head, connection);
  }

  #nameOf({ socket }: IncomingMessage, path: string): string | undefined {
    return this.#paths(this.#connections.get(socket)?.listener.name ?? '').get(path);
  }
}

function addressOf({ url = '/' }: IncomingMessage): { readonly path: string; readonly query: URLSearchParams } {
  const mark = url.indexOf('?');
  return { path: mark < 0 ? url : url.slice(0, mark), query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)) };
}

function write(response: ServerResponse, { body, status, type }: HttpResponse): void {
  if (response.headersSent) return;
  response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
  response.end(body);
}
