/** RFC 7118: SIP over WebSocket; each message is a SIP message, text or binary. */
import { type Buffer, isUtf8 } from 'node:buffer';
import type { WebSocket } from 'ws';
import type { Connection } from '#src/net/connection.ts';
import type { UpgradeHandler } from '#src/net/http.ts';
import { webSockets } from '#src/net/websocket.ts';
import { parseMessage } from '#protocols/sip/message/parse.ts';
import { OUTBOX, type TransportCore } from './core.ts';
import { StreamFlow } from './stream.ts';

/** Section 4.1: "MUST include the value 'sip'" in Sec-WebSocket-Protocol. */
const SUBPROTOCOL = 'sip';
/** RFC 6455 section 7.4.1: normal closure. */
const NORMAL = 1000;
/** RFC 5626 section 3.5.1, which RFC 7118 section 6 lets clients use instead of pings of WebSocket. */
const PING = '\r\n\r\n';
const PONG = '\r\n';

/** Takes over HTTP connections that ask for the subprotocol `sip`; others are refused with 400. */
export function acceptWebSockets(core: TransportCore): UpgradeHandler {
  const options = { subprotocols: [SUBPROTOCOL], maxPayload: core.limits.message };
  return webSockets(options, (socket, connection) => void new WebSocketFlow(core, connection, socket));
}

class WebSocketFlow extends StreamFlow {
  readonly #connection: Connection;
  readonly #socket: WebSocket;

  constructor(core: TransportCore, connection: Connection, socket: WebSocket) {
    super(core, connection.secured ? 'wss' : 'ws', {
      remoteAddress: connection.remoteAddress,
      remotePort: connection.remotePort,
      localAddress: connection.localAddress.replace(/^::ffff:(?=\d)/, ''),
      localPort: connection.localPort,
      listener: connection.listener.name,
      loopback: connection.loopback,
    });
    this.#connection = connection;
    this.#socket = socket;
    socket.binaryType = 'nodebuffer';
    socket.on('message', (data: Buffer) => {
      try {
        this.#received(data);
      } catch (error) {
        connection.failed(error);
        socket.terminate();
      }
    });
    socket.on('error', () => socket.terminate());
    socket.on('close', () => this.lost());
    core.streamOpened(this);
  }

  /** Each message is a frame of its own, so nothing is gathered. */
  send(bytes: Buffer): boolean {
    if (!this.open || this.#socket.readyState !== this.#socket.OPEN) return false;
    if (this.#socket.bufferedAmount + bytes.length > OUTBOX) {
      this.#socket.terminate();
      return false;
    }
    // Some clients read text frames only; a message that is no UTF-8 has to be binary (section 5).
    this.#socket.send(bytes, { binary: !isUtf8(bytes) });
    return true;
  }

  close(): void {
    if (!this.open) return;
    this.#socket.close(NORMAL);
    this.lost();
  }

  override authenticated(): void {
    super.authenticated();
    this.#connection.authenticated();
  }

  protected answerPing(): void {
    this.#socket.send(PONG);
  }

  #received(data: Buffer): void {
    if (!this.open) return;
    const text = data.length <= PING.length ? data.toString('latin1') : '';
    if (text === PING) this.hear({ kind: 'ping' });
    else if (text === PONG) this.hear({ kind: 'pong' });
    else this.hear(parseMessage(data, this.core.limits));
  }
}
