import type { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Connection } from './connection.ts';
import type { UpgradeHandler } from './http.ts';

export interface WebSocketOptions {
  /** Subprotocols that are spoken (RFC 6455 section 1.9), the preferred one first. */
  readonly subprotocols: readonly string[];
  /** Bytes of a message. */
  readonly maxPayload: number;
}

/**
 * Takes over HTTP connections that ask for one of the subprotocols; others are refused with 400.
 * @param accept gets the WebSocket, what is known of the peer, and the stream below
 */
export function webSockets(
  { maxPayload, subprotocols }: WebSocketOptions,
  accept: (socket: WebSocket, connection: Connection, below: Duplex) => void,
): UpgradeHandler {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload,
    perMessageDeflate: false,
    handleProtocols: (offered) => subprotocols.find((name) => offered.has(name)) ?? false,
  });
  return (request: IncomingMessage, below: Duplex, head: Buffer, connection: Connection) => {
    const offered = (request.headers['sec-websocket-protocol'] ?? '').split(',').map((name) => name.trim());
    if (!offered.some((name) => subprotocols.includes(name))) {
      below.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, below, head, (socket) => accept(socket, connection, below));
  };
}
