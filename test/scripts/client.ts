import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type PeerCertificate, TLSSocket } from 'node:tls';
import type { Element } from 'ltx';
import { parseFrame } from '#src/stanza/parse.ts';
import { Scanner, type StreamHeader } from '#src/stanza/scanner.ts';
import type { ScramClient } from './scram.ts';

const LIMITS = { maxBytes: 1 << 24, maxDepth: 200, maxAttributes: 1000, maxElements: 100_000 };
/** Milliseconds. */
const PATIENCE = 5000;

export interface Dialling {
  readonly port: number;
  /** TLS from the first byte. */
  readonly direct?: boolean;
  readonly alpn?: readonly string[];
  /** The name that TLS asks for, and the host of the stream. */
  readonly domain?: string;
}

/** A client that does what a script says: it sends text, and holds what came until somebody expects it. */
export class ScriptClient {
  readonly name: string;
  readonly received: Element[] = [];
  /** True for what the script does not want to see. */
  passes: (element: Element) => boolean = () => false;
  /** The run of SCRAM that is going on. */
  scram: ScramClient | undefined = undefined;
  /** The text of what was expected last. */
  lastText = '';
  domain = 'localhost';
  #socket: Socket;
  readonly #scanner: Scanner;
  #header: StreamHeader | undefined;
  #ended = false;
  #closed = false;
  #settled = 0;
  #wake: (() => void) | undefined;

  constructor(name: string, socket: Socket) {
    this.name = name;
    this.#socket = socket;
    this.#scanner = this.#makeScanner();
    this.#listen();
  }

  static dial(
    name: string,
    { alpn = ['xmpp-client'], direct = false, domain = 'localhost', port }: Dialling,
  ): Promise<ScriptClient> {
    return new Promise((resolve, reject) => {
      const at = { host: '127.0.0.1', port };
      const names = alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] };
      const socket = direct
        ? connectTls({ ...at, ...names, servername: domain, rejectUnauthorized: false })
        : connect(at);
      socket.once(direct ? 'secureConnect' : 'connect', () => {
        const client = new ScriptClient(name, socket);
        client.domain = domain;
        resolve(client);
      });
      socket.once('error', reject);
    });
  }

  #listen(): void {
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#scanner.push(chunk);
      this.#wake?.();
    });
    socket.on('close', () => {
      this.#closed = true;
      this.#wake?.();
    });
    socket.on('error', () => undefined);
  }

  #makeScanner(): Scanner {
    return new Scanner(
      {
        onStream: (header) => {
          this.#header = header;
        },
        onFrame: (frame) => {
          const element = parseFrame(frame);
          if (!this.passes(element)) this.received.push(element);
        },
        onEnd: () => {
          this.#ended = true;
        },
        onFault: (fault, reason) => {
          throw new Error(`${this.name} got bad XML from the server: ${fault}, ${reason}`);
        },
      },
      LIMITS,
      'stream',
    );
  }

  send(text: string | Buffer): void {
    this.#socket.write(text);
  }

  get header(): StreamHeader | undefined {
    return this.#header;
  }

  /** Begins a stream, and waits for the server's header. */
  async open(header?: string): Promise<StreamHeader> {
    this.#header = undefined;
    this.#scanner.reset();
    const namespaces = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'";
    this.send(
      header ?? `<?xml version='1.0'?><stream:stream to='${this.domain}' version='1.0' xml:lang='en' ${namespaces}>`,
    );
    return this.#until(() => this.#header, 'a stream header');
  }

  async next(patience?: number): Promise<Element> {
    const element = await this.#until(() => this.received.shift(), 'a stanza', patience);
    this.lastText = element.getText();
    return element;
  }

  /** What comes next; undefined when it is the end of the stream. */
  nextOrEnd(): Promise<Element | undefined> {
    return this.#until(() => {
      const element = this.received.shift();
      if (element !== undefined) return { element };
      return this.#closed || this.#ended ? {} : undefined;
    }, 'a stanza or the end').then((came: { readonly element?: Element }) => came.element);
  }

  /** The connection was closed by the server. */
  async closed(): Promise<void> {
    await this.#until(() => (this.#closed || this.#ended ? true : undefined), 'the end of the stream');
  }

  async #until<T>(test: () => T | undefined, what: string, patience = PATIENCE): Promise<T> {
    let impatient = false;
    const timer = setTimeout(() => {
      impatient = true;
      this.#wake?.();
    }, patience);
    try {
      for (;;) {
        const result = test();
        if (result !== undefined) return result;
        if (impatient) throw new Error(`${this.name} waited in vain for ${what}`);
        if (this.#closed) throw new Error(`${this.name} waits for ${what}, but the connection is closed`);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async secure(): Promise<void> {
    const plain = this.#socket;
    plain.removeAllListeners('data');
    plain.removeAllListeners('close');
    await new Promise<void>((resolve, reject) => {
      this.#socket = connectTls({ socket: plain, rejectUnauthorized: false, servername: this.domain }, resolve);
      this.#socket.once('error', reject);
    });
    this.#listen();
  }

  /** What this side has to bind authentication to: RFC 9266, RFC 5929 sections 3 and 4. No data on a plain connection. */
  binding(type: string): Buffer {
    const socket = this.#socket;
    if (!(socket instanceof TLSSocket)) return Buffer.alloc(0);
    if (type === 'tls-exporter') return socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
    if (type === 'tls-unique') return socket.getFinished() ?? Buffer.alloc(0);
    return createHash('sha256').update(socket.getPeerCertificate().raw).digest();
  }

  /** The certificate that the server has shown. */
  get certificate(): PeerCertificate {
    if (this.#socket instanceof TLSSocket) return this.#socket.getPeerCertificate();
    throw new Error(`${this.name} has no TLS`);
  }

  /** SASL PLAIN and the stream behind it: what most scripts begin with. */
  async authenticate(user: string, password: string): Promise<void> {
    await this.open();
    await this.next();
    const text = Buffer.from(`\0${user}\0${password}`).toString('base64');
    this.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${text}</auth>`);
    const answer = await this.next();
    if (answer.getName() !== 'success') throw new Error(`${this.name} cannot log in: ${answer.toString()}`);
    await this.open();
    await this.next();
  }

  async bind(resource: string): Promise<void> {
    const wanted = resource === '' ? '' : `<resource>${resource}</resource>`;
    this.send(`<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>${wanted}</bind></iq>`);
    const bound = await this.next();
    if (bound.attrs['type'] !== 'result') throw new Error(`${this.name} cannot bind: ${bound.toString()}`);
  }

  /** Everything that the server sent before now has arrived: it answers in order. */
  async settle(): Promise<void> {
    this.#settled += 1;
    const id = `settle-${this.#settled}`;
    this.send(`<iq type='get' id='${id}' to='${this.domain}'><ping xmlns='urn:xmpp:ping'/></iq>`);
    await this.#until(() => {
      const at = this.received.findIndex(({ attrs }) => attrs['id'] === id);
      return at < 0 ? undefined : this.received.splice(at, 1)[0];
    }, 'the answer to a ping');
  }

  /** What comes from now on fills the buffers on the way. */
  stopReading(): void {
    this.#socket.pause();
  }

  end(): void {
    this.send('</stream:stream>');
  }

  break(): void {
    this.#socket.destroy();
  }
}
