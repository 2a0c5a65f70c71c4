import type { Buffer } from 'node:buffer';
import type { WebSocket } from 'ws';
import type { Connection, TlsInfo } from '#src/net/connection.ts';
import type { UpgradeHandler } from '#src/net/http.ts';
import { webSockets } from '#src/net/websocket.ts';
import type { Frame, ScannerHandler } from '#src/stanza/frame.ts';
import { Scanner } from '#src/stanza/scanner.ts';
import { escapeAttribute } from '#src/stanza/serialise.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import type { ScannerLimits, XmlFault } from '#src/stanza/xml-faults.ts';
import type { XmppServer } from '../server.ts';
import { type StreamError, writeStreamError } from '../stream/errors.ts';
import { NS } from '../stream/namespaces.ts';
import { ClientStream } from './client-stream.ts';
import type { HeaderAttributes, StreamTransport } from './transport.ts';

/** RFC 7395 section 3.1. */
const SUBPROTOCOL = 'xmpp';
const CLOSE = `<close xmlns='${NS.framing}'/>`;
/** Frames that may come while nothing is read; a peer that sends more does not wait for answers. */
const WAITING = 64;

/**
 * Takes over HTTP connections that ask for the subprotocol `xmpp` (RFC 7395 section 3.1); others are refused with 400.
 */
export function acceptWebSockets(server: XmppServer): UpgradeHandler {
  const options = { subprotocols: [SUBPROTOCOL], maxPayload: server.options.limitsAfter.maxBytes };
  return webSockets(options, (socket, connection) => void new WebSocketTransport(server, connection, socket));
}

/** A client stream over a WebSocket: each frame is one element, framed by `<open/>` and `<close/>` (RFC 7395 section 3). */
class WebSocketTransport implements StreamTransport, ScannerHandler {
  readonly label = 'websocket';
  readonly upgradable = false;
  readonly bindable = false;
  readonly tlsOptional: boolean;
  readonly #server: XmppServer;
  readonly #connection: Connection;
  readonly #socket: WebSocket;
  readonly #scanner: Scanner;
  readonly #stream: ClientStream;
  #waiting: Buffer[] | undefined = undefined;
  #closing = false;

  constructor(server: XmppServer, connection: Connection, socket: WebSocket) {
    this.#server = server;
    this.#connection = connection;
    this.#socket = socket;
    this.tlsOptional = connection.listener.tls === 'optional' || connection.listener.tls === 'off';
    this.#scanner = new Scanner(this, server.options.limitsBefore, 'framed');
    socket.binaryType = 'nodebuffer';
    socket.on('message', (data: Buffer, binary: boolean) => this.#received(data, binary));
    socket.on('error', () => socket.terminate());
    this.#stream = new ClientStream(server, this);
    socket.on('close', () => this.#stream.onClosed());
  }

  get ip(): string {
    return this.#connection.remoteAddress;
  }

  get port(): number {
    return this.#connection.remotePort;
  }

  get secured(): boolean {
    return this.#connection.secured;
  }

  get loopback(): boolean {
    return this.#connection.loopback;
  }

  get tls(): TlsInfo | undefined {
    return this.#connection.tls;
  }

  get buffered(): number {
    return this.#socket.bufferedAmount;
  }

  // What comes in

  #received(data: Buffer, binary: boolean): void {
    // Section 3.2: text messages only.
    if (binary) return this.onFault('not-well-formed', 'a binary message');
    if (this.#waiting !== undefined) {
      if (this.#waiting.length >= WAITING) return this.destroy();
      this.#waiting.push(data);
      return;
    }
    try {
      this.#scanner.push(data);
      this.#scanner.end();
    } catch (error) {
      this.#stream.broke(error);
    }
  }

  onStream(): void {
    // Framed documents have no stream header.
  }

  onEnd(): void {
    // Nor an end tag.
  }

  onFrame(frame: Frame): void {
    if (frame.xmlns !== NS.framing) return this.#stream.onFrame(frame);
    const { attributes } = frame;
    if (frame.name === 'close') return this.#stream.onEnd();
    this.#stream.onHeader({
      to: attributes.get('to'),
      from: attributes.get('from'),
      version: attributes.get('version'),
      lang: attributes.get('xml:lang'),
      problem:
        frame.name === 'open' ? undefined : { condition: 'bad-format', text: 'the first element is not <open/>' },
    });
  }

  onFault(condition: XmlFault, text: string): void {
    this.#stream.onFault({ condition, text });
  }

  // What goes out

  writeHeader({ from, id, lang, to }: HeaderAttributes): void {
    const recipient = to === undefined ? '' : ` to='${escapeAttribute(to)}'`;
    const addresses = `from='${escapeAttribute(from)}'${recipient} id='${id}' version='1.0' xml:lang='${lang}'`;
    this.write(`<open xmlns='${NS.framing}' ${addresses}/>`);
  }

  writeFeatures(offers: string): void {
    this.write(`<stream:features xmlns:stream='${NS.streams}'>${offers}</stream:features>`);
  }

  write(xml: string): void {
    if (this.#closing) return;
    this.#socket.send(xml);
    if (this.#socket.bufferedAmount > this.#server.options.queueBytes) this.destroy();
  }

  /** Section 3.3.3: each message declares its namespace itself. */
  writeStanza(stanza: Stanza): void {
    const kind = stanza.kind.length + 1;
    const text = stanza.toString();
    this.write(`${text.slice(0, kind)} xmlns='${NS.client}'${text.slice(kind)}`);
  }

  close(error?: StreamError): void {
    if (this.#closing) return;
    if (error !== undefined) this.write(writeStreamError(error, true));
    this.write(CLOSE);
    this.#closing = true;
    this.#scanner.stop();
    this.#socket.close(1000);
  }

  destroy(): void {
    this.#socket.terminate();
  }

  // Flow

  pause(): void {
    this.#waiting ??= [];
    this.#socket.pause();
  }

  resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const data of waiting) this.#received(data, false);
    if (this.#waiting === undefined) this.#socket.resume();
  }

  /** Section 3.7: the client sends another `<open/>`; every frame stands alone, so there is nothing to reset. */
  restart(): void {
    // Nothing: see above.
  }

  startTls(): void {
    throw new Error('TLS is below a WebSocket, not inside it (RFC 7395 section 3.9)');
  }

  limit(limits: ScannerLimits): void {
    this.#scanner.limits = limits;
    this.#connection.authenticated();
  }
}
