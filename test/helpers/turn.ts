/** A server that relays on loopback, and clients that say what a test has them say. */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { frontEnds } from '#protocols/index.ts';
import type { TransportAddress } from '#protocols/stun/address.ts';
import { errorCode } from '#protocols/stun/attributes/error-code.ts';
import { nonce } from '#protocols/stun/attributes/nonce.ts';
import { realm } from '#protocols/stun/attributes/realm.ts';
import { requestedTransport } from '#protocols/stun/attributes/requested-transport.ts';
import { username } from '#protocols/stun/attributes/username.ts';
import { xorPeerAddress } from '#protocols/stun/attributes/xor-peer-address.ts';
import { xorRelayedAddress } from '#protocols/stun/attributes/xor-relayed-address.ts';
import { type IntegrityKey, integrityKey, longTermKey } from '#protocols/stun/integrity.ts';
import { Message } from '#protocols/stun/message.ts';
import { classes, methods } from '#protocols/stun/methods.ts';
import { Writer } from '#protocols/stun/writer.ts';
import type { TurnServer } from '#protocols/turn/server.ts';
import { createLog } from '#src/observe/log.ts';
import { openCore } from '#src/server/core.ts';
import { Server } from '#src/server/server.ts';
import { loadSettings } from '#src/settings/load.ts';
import { formatProblem } from '#src/settings/problem.ts';
import { programSections } from '#src/settings/schema.ts';

const LISTENERS = `
listeners:
  - { name: udp, kind: turn, address: 127.0.0.1, port: 0, transport: udp, tls: 'off' }
  - { name: tcp, kind: turn, address: 127.0.0.1, port: 0, tls: 'off' }
  - { name: tls, kind: turn, address: 127.0.0.1, port: 0, tls: direct }
  - { name: udp6, kind: turn, address: '::1', port: 0, transport: udp, tls: 'off' }
`;
/** Peers are on loopback, which a server outside of tests does not relay to. */
export const LOOPBACK = "relay_address: [127.0.0.1, '::1'], allow_peers: [127.0.0.0/8, '::1/128']";
const PATIENCE = 15_000;

export class TurnTestServer implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'trivium-turn-'));
  #text = '';
  #ahead = 0;
  #server: Server | undefined;

  /** @param turn the options of the section `turn`, as flow YAML @param more other sections */
  static async start(turn = LOOPBACK, more = ''): Promise<TurnTestServer> {
    const server = new TurnTestServer();
    server.#text = `turn: { ${turn} }\n${more}`;
    let settings = server.#load();
    const core = await openCore(
      () => settings,
      () => undefined,
    );
    const reread = () => (settings = server.#load());
    server.#server = await Server.start({ settings, core, log: createLog({ level: 'off' }), frontEnds, reread });
    const change = await core.accounts.create('localhost', 'juliet', 'secret');
    if (!change.ok) throw new Error('cannot register');
    return server;
  }

  #load() {
    const loaded = loadSettings(`${LISTENERS}${this.#text}`, 'test', programSections(frontEnds), {
      env: {},
      overrides: { data: { directory: this.directory }, metrics: { runtime: false }, shutdown: { grace: '200ms' } },
    });
    if (loaded.settings === undefined) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    return loaded.settings;
  }

  get server(): Server {
    if (this.#server === undefined) throw new Error('the server is not started');
    return this.#server;
  }

  get turn(): TurnServer {
    const { turn } = this.server.services;
    if (turn === undefined) throw new Error('there is no relay');
    return turn;
  }

  /** Time goes by for permissions, channels and nonces; what waits for a timer still waits. */
  passes(milliseconds: number): void {
    this.#ahead += milliseconds;
    Object.defineProperty(this.server.timers, 'now', {
      configurable: true,
      get: () => Date.now() + this.#ahead,
      set() {
        // The tick of the real clock.
      },
    });
  }

  port(listener: string): number {
    const port = this.server.listeners.bound.find(({ name }) => name === listener)?.boundPort;
    if (port === undefined) throw new Error(`there is no listener ${listener}`);
    return port;
  }

  async reload(turn: string): Promise<void> {
    this.#text = `turn: { ${turn} }\n`;
    const problem = await this.server.reload();
    if (problem !== undefined) throw new Error(problem);
  }

  async client(transport: 'udp' | 'tcp' | 'tls' | 'udp6' = 'udp'): Promise<TurnTestClient> {
    const port = this.port(transport);
    return new TurnTestClient(
      transport.startsWith('udp') ? await udpPipe(transport, port) : await tcpPipe(transport, port),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.stop('');
    rmSync(this.directory, { recursive: true, force: true });
  }
}

interface Pipe {
  readonly port: number;
  write(bytes: Buffer): void;
  close(): void;
  onBytes: (bytes: Buffer) => void;
  onEnd: () => void;
}

async function udpPipe(transport: string, port: number): Promise<Pipe> {
  const socket = createSocket(transport === 'udp6' ? 'udp6' : 'udp4');
  socket.connect(port, transport === 'udp6' ? '::1' : '127.0.0.1');
  await once(socket, 'connect');
  const pipe: Pipe = {
    port: socket.address().port,
    write: (bytes) => socket.send(bytes),
    close: () => socket.close(),
    onBytes: () => undefined,
    onEnd: () => undefined,
  };
  socket.on('message', (bytes) => pipe.onBytes(bytes));
  socket.on('error', () => undefined);
  return pipe;
}

async function tcpPipe(transport: string, port: number): Promise<Pipe> {
  const at = { host: '127.0.0.1', port };
  const secure = transport === 'tls';
  const socket: Socket = secure
    ? connectTls({ ...at, servername: 'localhost', rejectUnauthorized: false })
    : connect(at);
  await once(socket, secure ? 'secureConnect' : 'connect');
  socket.setNoDelay(true);
  const pipe: Pipe = {
    port: socket.localPort ?? 0,
    write: (bytes) => void socket.write(bytes),
    close: () => socket.destroy(),
    onBytes: () => undefined,
    onEnd: () => undefined,
  };
  socket.on('data', (bytes: Buffer) => pipe.onBytes(bytes));
  socket.on('close', () => pipe.onEnd());
  socket.on('error', () => undefined);
  return pipe;
}

export interface Credentials {
  readonly name: string;
  readonly password: string;
}
export const JULIET: Credentials = { name: 'juliet', password: 'secret' };

/** Adds the attributes of a request. */
export type Fill = (writer: Writer) => unknown;

/** What a client got: a STUN message, or data of a channel. */
export type Received = { readonly message: Message } | { readonly channel: number; readonly data: Buffer };

/** A client that authenticates as it is told to, and remembers the nonce. */
export class TurnTestClient {
  readonly pipe: Pipe;
  nonce = '';
  realm = 'localhost';
  closed = false;
  readonly received: Received[] = [];
  #bytes: Buffer = Buffer.alloc(0);
  /** Bytes that are no messages any more (RFC 6062). */
  raw: Buffer | undefined = undefined;
  #wake: (() => void) | undefined;

  constructor(pipe: Pipe) {
    this.pipe = pipe;
    pipe.onBytes = (bytes) => this.#push(bytes);
    pipe.onEnd = () => {
      this.closed = true;
      this.#wake?.();
    };
  }

  #push(bytes: Buffer): void {
    if (this.raw !== undefined) this.raw = Buffer.concat([this.raw, bytes]);
    else this.#parse(Buffer.concat([this.#bytes, bytes]));
    this.#wake?.();
  }

  #parse(all: Buffer): void {
    let rest = all;
    while (rest.length >= 4) {
      const isChannel = (rest.readUInt8(0) & 0xc0) === 0x40;
      const length = rest.readUInt16BE(2) + (isChannel ? 4 : 20);
      const padded = isChannel ? (length + 3) & ~3 : length;
      if (rest.length < length) break;
      if (isChannel) this.received.push({ channel: rest.readUInt16BE(0), data: rest.subarray(4, length) });
      else {
        const message = Message.decode(rest.subarray(0, length));
        if (message === undefined) throw new Error(`no STUN message: ${rest.toString('hex')}`);
        this.received.push({ message });
      }
      rest = rest.subarray(Math.min(padded, rest.length));
    }
    this.#bytes = rest;
  }

  async until<T>(what: string, test: () => T | undefined): Promise<T> {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const result = test();
      if (result !== undefined) return result;
      if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, PATIENCE);
      await promise;
      clearTimeout(timer);
    }
  }

  next(): Promise<Received> {
    return this.until('a message', () => this.received.shift());
  }

  write(bytes: Buffer): void {
    this.pipe.write(bytes);
  }

  async answer(transaction: Buffer): Promise<Message> {
    return await this.until('an answer', () => {
      const at = this.received.findIndex((each) => 'message' in each && each.message.transactionId.equals(transaction));
      const [found] = at < 0 ? [] : this.received.splice(at, 1);
      return found !== undefined && 'message' in found ? found.message : undefined;
    });
  }

  /** A request without credentials. */
  async ask(method: number, fill: Fill = () => undefined): Promise<Message> {
    const writer = new Writer(method, classes.request, randomBytes(12));
    fill(writer);
    this.write(writer.bytes);
    return await this.answer(writer.bytes.subarray(8, 20));
  }

  /** A request with credentials. A challenge is taken first when there is no nonce yet. */
  async request(method: number, fill: Fill = () => undefined, as: Credentials = JULIET): Promise<Message> {
    if (this.nonce === '') await this.challenge();
    const bytes = this.signed(method, fill, as);
    this.write(bytes);
    return await this.answer(bytes.subarray(8, 20));
  }

  signed(method: number, fill: Fill, { name, password }: Credentials = JULIET, key?: IntegrityKey): Buffer {
    const writer = new Writer(method, classes.request, randomBytes(12));
    fill(writer);
    writer.add(username, name).add(realm, this.realm).add(nonce, this.nonce);
    return writer.integrity(key ?? integrityKey(longTermKey('md5', name, this.realm, password))).bytes;
  }

  async challenge(): Promise<Message> {
    const answer = await this.ask(methods.allocate, (writer) => writer.add(requestedTransport, 17));
    this.nonce = answer.get(nonce) ?? '';
    this.realm = answer.get(realm) ?? '';
    return answer;
  }

  /** Allocates. @returns the answer */
  async allocate(fill: Fill = () => undefined, as: Credentials = JULIET, protocol = 17): Promise<Message> {
    return await this.request(
      methods.allocate,
      (writer) => {
        writer.add(requestedTransport, protocol);
        fill(writer);
      },
      as,
    );
  }

  /** Allocates. @returns the relayed address @throws when it is refused */
  async relay(fill?: Fill, as?: Credentials): Promise<TransportAddress> {
    const answer = await this.allocate(fill, as);
    const relayed = answer.get(xorRelayedAddress);
    if (relayed === undefined) throw new Error(`no relay: ${codeOf(answer)}`);
    return relayed;
  }

  async permit(...peers: readonly TransportAddress[]): Promise<Message> {
    return await this.request(methods.createPermission, (writer) => {
      for (const peer of peers) writer.add(xorPeerAddress, peer);
    });
  }

  /** Waits until what was sent before has been dealt with. */
  async settled(): Promise<void> {
    await this.ask(methods.binding);
  }

  close(): void {
    this.pipe.close();
  }
}

/** The error code of an answer; 0 for a success. */
export function codeOf(message: Message): number {
  return message.class === classes.success ? 0 : (message.get(errorCode)?.code ?? -1);
}

export const v4 = (address: string, port: number): TransportAddress => ({ family: 4, address, port });
export const v6 = (address: string, port: number): TransportAddress => ({ family: 6, address, port });

/** A peer: a socket on loopback that keeps what it hears. */
export class Peer {
  readonly #socket: UdpSocket;
  readonly heard: { readonly bytes: Buffer; readonly port: number }[] = [];
  #wake: (() => void) | undefined;

  private constructor(socket: UdpSocket) {
    this.#socket = socket;
    socket.on('message', (bytes, { port }) => {
      this.heard.push({ bytes, port });
      this.#wake?.();
    });
  }

  static async open(address = '127.0.0.1'): Promise<Peer> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.bind(0, address);
    await once(socket, 'listening');
    return new Peer(socket);
  }

  get at(): TransportAddress {
    const { address, port } = this.#socket.address();
    return { family: address.includes(':') ? 6 : 4, address, port };
  }

  send(bytes: Buffer | string, { address, port }: TransportAddress): void {
    this.#socket.send(bytes, port, address);
  }

  async next(): Promise<{ readonly bytes: Buffer; readonly port: number }> {
    for (let tries = 0; ; tries++) {
      const first = this.heard.shift();
      if (first !== undefined) return first;
      if (tries > 0) throw new Error('the peer heard nothing');
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, PATIENCE);
      await promise;
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#socket.close();
  }
}
