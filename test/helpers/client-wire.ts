import { Buffer } from 'node:buffer';
import { connect, type Socket } from 'node:net';
import { StringDecoder } from 'node:string_decoder';
import { type Account, type KeyCache, Scram } from '#tools/bench/xmpp/scram.ts';
import { type Node, StreamReader } from './stream-reader.ts';

const NS = { sasl: 'urn:ietf:params:xml:ns:xmpp-sasl', bind: 'urn:ietf:params:xml:ns:xmpp-bind' } as const;
const PATIENCE = 20_000;
const keys: KeyCache = new Map();

export interface WireHandler {
  /** A first-level element that no negotiation awaits. */
  onNode(node: Node): void;
  /** The connection is gone, by whomever; told once. */
  onLost(error: Error, wire: Wire): void;
  /** What goes over the wire, for traces. */
  onTrace(text: string): void;
}

/** One connection of a client: TCP, streams, SASL, binding (RFC 6120), up to where stanzas flow. */
export class Wire {
  readonly #domain: string;
  readonly #handler: WireHandler;
  readonly #socket: Socket;
  #reader: StreamReader | undefined;
  /** Elements that came while nobody waited, until `flow`. */
  #inbox: Node[] = [];
  #flowing = false;
  #waiting: { resolve(node: Node): void; reject(error: Error): void } | undefined;
  #lost: Error | undefined;
  /** Text of the stream error that the server sent. */
  #error: string | undefined;

  private constructor(port: number, domain: string, handler: WireHandler) {
    this.#domain = domain;
    this.#handler = handler;
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const decoder = new StringDecoder('utf8');
    this.#socket.on('data', (chunk: Buffer) => {
      if (this.#lost !== undefined) return;
      const text = decoder.write(chunk);
      handler.onTrace(`S: ${text}`);
      this.#reader?.push(text);
    });
    this.#socket.on('error', (error) => this.#end(error));
    this.#socket.on('close', () => this.#end(new Error(this.#error ?? 'the connection was closed')));
  }

  static async open(port: number, domain: string, handler: WireHandler): Promise<Wire> {
    handler.onTrace('-- connect');
    const wire = new Wire(port, domain, handler);
    await new Promise<void>((resolve, reject) => {
      wire.#socket.once('connect', resolve);
      wire.#socket.once('error', reject);
    });
    return wire;
  }

  write(text: string): void {
    this.#handler.onTrace(`C: ${text}`);
    this.#socket.write(text);
  }

  /** Cuts the connection without a word. */
  destroy(): void {
    this.#end(new Error('dropped by the client'));
    this.#socket.destroy();
  }

  /** Ends the stream and waits until the server has closed the connection. */
  async close(): Promise<void> {
    if (this.#lost !== undefined) return;
    this.write('</stream:stream>');
    const timer = setTimeout(() => this.destroy(), PATIENCE);
    await new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    clearTimeout(timer);
  }

  /** Sends a header and settles with the features. */
  openStream(): Promise<Node> {
    this.#reader?.stop();
    this.#reader = new StreamReader({
      onNode: (node) => this.#arrived(node),
      onEnd: () => void this.#socket.end(),
    });
    this.write(
      `<?xml version='1.0'?><stream:stream to='${this.#domain}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`,
    );
    return this.expect('features');
  }

  /** SCRAM-SHA-1 (RFC 5802), with keys kept over connections, and the new stream behind it. */
  async authenticate(account: Account): Promise<void> {
    const scram = new Scram(account, keys);
    const encode = (text: string): string => Buffer.from(text).toString('base64');
    this.write(`<auth xmlns='${NS.sasl}' mechanism='SCRAM-SHA-1'>${encode(scram.clientFirst())}</auth>`);
    const challenge = await this.expect('challenge');
    const final = scram.clientFinal(Buffer.from(challenge.text, 'base64').toString());
    this.write(`<response xmlns='${NS.sasl}'>${encode(final)}</response>`);
    const success = await this.expect('success');
    scram.verify(Buffer.from(success.text, 'base64').toString());
    await this.openStream();
  }

  async bind(resource: string): Promise<void> {
    this.write(`<iq type='set' id='bind'><bind xmlns='${NS.bind}'><resource>${resource}</resource></bind></iq>`);
    const bound = await this.expect('iq');
    if (bound.attributes.get('type') !== 'result') throw new Error(`${resource} cannot be bound`);
  }

  /** The next element of the negotiation. */
  next(): Promise<Node> {
    const early = this.#inbox.shift();
    if (early !== undefined) return Promise.resolve(early);
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    const { promise, resolve, reject } = Promise.withResolvers<Node>();
    const timer = setTimeout(() => reject(new Error(`no answer within ${PATIENCE / 1000} s`)), PATIENCE);
    this.#waiting = { resolve, reject };
    return promise.finally(() => clearTimeout(timer));
  }

  async expect(name: string): Promise<Node> {
    const node = await this.next();
    if (node.name === name) return node;
    const inside = node.children.map((child) => `${child.name} ${child.text}`.trim()).join(', ');
    throw new Error(`expected <${name}/> and got <${node.name}/>: ${inside}`);
  }

  /** The negotiation is over: every element goes to the handler, those that came early first. */
  flow(): void {
    this.#flowing = true;
    const inbox = this.#inbox;
    this.#inbox = [];
    for (const node of inbox) this.#handler.onNode(node);
  }

  #arrived(node: Node): void {
    if (node.name === 'error' && node.xmlns === 'http://etherx.jabber.org/streams') {
      this.#error = `stream error ${node.children.map((child) => `${child.name} ${child.text}`.trim()).join(', ')}`;
    }
    if (this.#flowing) return this.#handler.onNode(node);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) this.#inbox.push(node);
    else waiting.resolve(node);
  }

  #end(error: Error): void {
    if (this.#lost !== undefined) return;
    this.#lost = error;
    this.#reader?.stop();
    this.#waiting?.reject(error);
    this.#waiting = undefined;
    this.#handler.onTrace(`-- ${error.message}`);
    this.#handler.onLost(error, this);
  }
}
