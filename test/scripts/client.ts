import { Buffer } from 'node:buffer';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Element } from 'ltx';
import { parseFrame } from '#src/stanza/parse.ts';
import { Scanner, type StreamHeader } from '#src/stanza/scanner.ts';

const LIMITS = { maxBytes: 1 << 24, maxDepth: 200, maxAttributes: 1000, maxElements: 100_000 };
const PATIENCE = 5000;

/** A client that does what a script says: it sends text, and holds what came until somebody expects it. */
export class ScriptClient {
  readonly name: string;
  readonly received: Element[] = [];
  #socket: Socket;
  #scanner: Scanner;
  #header: StreamHeader | undefined;
  #ended = false;
  #closed = false;
  #wake: (() => void) | undefined;
  domain = 'localhost';

  constructor(name: string, socket: Socket) {
    this.name = name;
    this.#socket = socket;
    this.#scanner = this.#makeScanner();
    this.#listen();
  }

  static connect(name: string, port: number, secure: boolean): Promise<ScriptClient> {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['xmpp-client'] };
      const socket = secure ? connectTls(options) : connect(options);
      socket.once(secure ? 'secureConnect' : 'connect', () => resolve(new ScriptClient(name, socket)));
      socket.once('error', reject);
    });
  }

  #listen(): void {
    this.#socket.on('data', (chunk: Buffer) => {
      this.#scanner.push(chunk);
      this.#wake?.();
    });
    this.#socket.on('close', () => {
      this.#closed = true;
      this.#wake?.();
    });
    this.#socket.on('error', () => undefined);
  }

  #makeScanner(): Scanner {
    return new Scanner(
      {
        onStream: (header) => {
          this.#header = header;
        },
        onFrame: (frame) => void this.received.push(parseFrame(frame)),
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
    this.send(
      header ??
        `<?xml version='1.0'?><stream:stream to='${this.domain}' version='1.0' xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`,
    );
    return this.#until(() => this.#header, 'a stream header');
  }

  next(): Promise<Element> {
    return this.#until(() => this.received.shift(), 'a stanza');
  }

  /** The connection was closed by the server. */
  async closed(): Promise<void> {
    await this.#until(() => (this.#closed || this.#ended ? true : undefined), 'the end of the stream');
  }

  async #until<T>(test: () => T | undefined, what: string): Promise<T> {
    const deadline = AbortSignal.timeout(PATIENCE);
    for (;;) {
      const result = test();
      if (result !== undefined) return result;
      if (deadline.aborted) throw new Error(`${this.name} waited in vain for ${what}`);
      if (this.#closed) throw new Error(`${this.name} waits for ${what}, but the connection is closed`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        deadline.addEventListener('abort', () => resolve(), { once: true });
      });
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

  /** SASL PLAIN, then a resource: what most scripts begin with. */
  async login(user: string, password: string, resource: string): Promise<void> {
    await this.open();
    await this.next();
    this.send(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${Buffer.from(`\0${user}\0${password}`).toString('base64')}</auth>`);
    const answer = await this.next();
    if (answer.getName() !== 'success') throw new Error(`${this.name} cannot log in: ${answer.toString()}`);
    await this.open();
    await this.next();
    const wanted = resource === '' ? '' : `<resource>${resource}</resource>`;
    this.send(`<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>${wanted}</bind></iq>`);
    const bound = await this.next();
    if (bound.attrs['type'] !== 'result') throw new Error(`${this.name} cannot bind: ${bound.toString()}`);
  }

  /** Everything that the server sent before now has arrived: it answers in order. */
  async settle(): Promise<void> {
    const id = `settle-${Math.random().toString(36).slice(2)}`;
    this.send(`<iq type='get' id='${id}' to='${this.domain}'><ping xmlns='urn:xmpp:ping'/></iq>`);
    await this.#until(() => {
      const at = this.received.findIndex(({ attrs }) => attrs['id'] === id);
      return at < 0 ? undefined : this.received.splice(at, 1)[0];
    }, 'the answer to a ping');
  }

  end(): void {
    this.send('</stream:stream>');
  }

  break(): void {
    this.#socket.destroy();
  }
}
