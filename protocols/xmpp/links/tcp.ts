import { Buffer } from 'node:buffer';
import type { Connection, ConnectionHandler, TlsInfo } from '#src/net/connection.ts';
import type { Acceptor } from '#src/net/listeners.ts';
import type { Outbox } from '#src/net/flusher.ts';
import type { Shaper } from '#src/net/shaper.ts';
import type { Timed } from '#src/net/timers.ts';
import type { Frame, ScannerHandler, StreamHeader } from '#src/stanza/frame.ts';
import { Scanner } from '#src/stanza/scanner.ts';
import { escapeAttribute } from '#src/stanza/serialise.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import type { ScannerLimits, XmlFault } from '#src/stanza/xml-faults.ts';
import type { XmppServer } from '../server.ts';
import { type StreamError, writeStreamError } from '../stream/errors.ts';
import { NS } from '../stream/namespaces.ts';
import { ClientStream } from './client-stream.ts';
import type { HeaderAttributes, StreamTransport } from './transport.ts';

const NOTHING = Buffer.alloc(0);

/** A client stream over TCP or TLS: RFC 6120 sections 3 and 4. Scans what comes in, and writes once per turn through its outbox. */
export class TcpTransport implements StreamTransport, ConnectionHandler, ScannerHandler, Timed {
  readonly bindable = true;
  readonly #server: XmppServer;
  readonly #connection: Connection;
  readonly #outbox: Outbox;
  readonly #scanner: Scanner;
  readonly #stream: ClientStream;
  #opened = false;
  /** Received while paused; read on `resume`. */
  #waiting: Buffer | undefined = undefined;
  #paused = false;
  #throttled = false;
  #shaper: Shaper | undefined = undefined;

  constructor(server: XmppServer, connection: Connection) {
    this.#server = server;
    this.#connection = connection;
    connection.handler = this;
    this.#outbox = server.flusher.outbox(connection, server.options.queueBytes, () => this.#overflow());
    this.#scanner = new Scanner(this, server.options.limitsBefore, 'stream');
    this.#stream = new ClientStream(server, this);
  }

  get label(): string {
    return this.#connection.secured ? 'c2s_tls' : 'c2s';
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
    return this.#connection.buffered + this.#outbox.size;
  }

  get upgradable(): boolean {
    return !this.#connection.secured && this.#connection.listener.tls !== 'off';
  }

  get tlsOptional(): boolean {
    const { tls } = this.#connection.listener;
    return tls === 'optional' || tls === 'off';
  }

  // What comes in

  onData(chunk: Buffer): void {
    if (this.#shaper !== undefined) this.#shape(this.#shaper, chunk.length);
    this.#read(chunk);
  }

  #read(chunk: Buffer): void {
    if (this.#paused) this.#waiting = this.#waiting === undefined ? chunk : Buffer.concat([this.#waiting, chunk]);
    else {
      try {
        this.#scanner.push(chunk);
      } catch (error) {
        this.#stream.broke(error);
      }
    }
  }

  /** Too fast: what has come is read, and then nothing for as long as the shaper says. */
  #shape(shaper: Shaper, bytes: number): void {
    const { timers } = this.#server;
    const delay = shaper.take(bytes, timers.now);
    if (delay === 0) return;
    this.#throttled = true;
    this.#connection.pause();
    timers.add(this, delay);
  }

  onTimeout(): void {
    this.#throttled = false;
    if (!this.#paused) this.#connection.resume();
  }

  onSecure(): void {
    this.#stream.onSecured();
  }

  onClose(): void {
    this.#server.timers.remove(this);
    this.#stream.onClosed();
  }

  onStream(header: StreamHeader): void {
    const { attributes } = header;
    this.#stream.onHeader({
      to: attributes.get('to'),
      from: attributes.get('from'),
      version: attributes.get('version'),
      lang: attributes.get('xml:lang'),
      problem: problemOf(header),
    });
  }

  onFrame(frame: Frame): void {
    this.#stream.onFrame(frame);
  }

  onEnd(): void {
    this.#stream.onEnd();
  }

  onFault(condition: XmlFault, text: string): void {
    this.#stream.onFault({ condition, text });
  }

  // What goes out

  writeHeader({ from, id, lang, to }: HeaderAttributes): void {
    const recipient = to === undefined ? '' : ` to='${escapeAttribute(to)}'`;
    const addresses = `from='${escapeAttribute(from)}'${recipient} id='${id}' version='1.0' xml:lang='${lang}'`;
    this.#opened = true;
    this.write(`<?xml version='1.0'?><stream:stream xmlns='${NS.client}' xmlns:stream='${NS.streams}' ${addresses}>`);
  }

  writeFeatures(offers: string): void {
    this.write(`<stream:features>${offers}</stream:features>`);
  }

  write(xml: string): void {
    this.#outbox.push(xml);
  }

  writeStanza(stanza: Stanza): void {
    this.#outbox.push(stanza.toBytes());
  }

  close(error?: StreamError): void {
    if (!this.#opened) this.writeHeader({ from: '', to: undefined, id: '', lang: 'en' });
    this.#scanner.stop();
    this.#outbox.push(`${error === undefined ? '' : writeStreamError(error)}</stream:stream>`);
    this.#outbox.flush();
    this.#connection.end();
  }

  destroy(): void {
    this.#connection.destroy();
  }

  /** The peer does not read what it is sent: its session may await a better connection, this one is dropped. */
  #overflow(): void {
    this.#stream.onFault({ condition: 'policy-violation', text: 'the client reads too slowly' });
    this.#connection.destroy();
  }

  // Flow

  pause(): void {
    this.#paused = true;
    this.#scanner.stop();
    this.#connection.pause();
  }

  resume(): void {
    this.#paused = false;
    const rest = this.#scanner.rest();
    this.#scanner.resume();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (rest.length > 0) this.#read(rest);
    if (waiting !== undefined) this.#read(waiting);
    if (!this.#paused && !this.#throttled) this.#connection.resume();
  }

  restart(): void {
    // A paused reader keeps what came behind the element at hand: it is the beginning of the new stream.
    const rest = this.#paused ? this.#scanner.rest() : NOTHING;
    this.#scanner.reset();
    if (rest.length > 0) this.#waiting = this.#waiting === undefined ? rest : Buffer.concat([rest, this.#waiting]);
  }

  limit(limits: ScannerLimits, shaper: Shaper | undefined): void {
    this.#scanner.limits = limits;
    this.#shaper = shaper;
    this.#connection.authenticated();
  }

  startTls(proceed: string, host: string): void {
    this.#outbox.push(proceed);
    this.#outbox.flush();
    // Section 5.4.3.3: what came in the clear behind <starttls/> is never read as if it were protected.
    this.#scanner.rest();
    this.#scanner.reset();
    this.#connection.startTls(host);
  }
}

/** Takes the connections of listeners of kind `c2s`. XEP-0368 section 3: ALPN is `xmpp-client`, and may be absent. */
export function acceptTcp(server: XmppServer): Acceptor {
  return { alpn: ['xmpp-client'], accept: (connection) => void new TcpTransport(server, connection) };
}

/** Sections 4.8.1 and 4.8.2: the names and namespaces that a client's header must have. */
function problemOf({ name, namespaces, xmlns }: StreamHeader): StreamError | undefined {
  if (xmlns !== NS.streams) return { condition: 'invalid-namespace', text: `the root is not in ${NS.streams}` };
  if (name !== 'stream') return { condition: 'bad-format', text: 'the root is not a stream' };
  if (namespaces.xmlns !== NS.client)
    return { condition: 'invalid-namespace', text: `the content is not ${NS.client}` };
  return undefined;
}
