import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { connect as open, type Socket } from 'node:net';
import { DISCONNECT, type QoS, TYPE, connect, subscribe } from '#tools/bench/mqtt/packet.ts';
import { Scanner } from '#tools/bench/mqtt/scan.ts';
import type { Endpoint } from '#tools/bench/result.ts';

/** Sees a message by the sender and sequence in its payload, with the time at which its chunk was read (performance.now()). */
export type OnMessage = (sender: number, sequence: number, at: number) => void;

// Room for what one turn writes; it is sent as a copy, so the buffer serves all clients.
const scratch = Buffer.allocUnsafe(1 << 20);

/** A client over a raw socket. It acknowledges what it receives, all acknowledgements of a chunk in one write. */
export class Client {
  readonly #socket: Socket;
  readonly #scanner = new Scanner((first, bytes, start, end) => this.#packet(first, bytes, start, end));
  #waiting: { readonly first: number; readonly resolve: (body: Buffer) => void } | undefined;
  #used = 0;
  #at = 0;
  readonly #fail: (error: Error) => void;
  /** The failure of the connection, for whoever waits. */
  readonly failed: Promise<never>;
  onMessage: OnMessage = () => undefined; // for a session that is resumed, give it to `connect`
  /** After a chunk: the messages in it have been told. */
  onChunk: () => void = () => undefined;
  /** A message of this client was acknowledged to its end: PUBACK, or PUBCOMP. */
  onAcknowledged: (id: number) => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const over = Promise.withResolvers<never>();
    this.failed = over.promise;
    over.promise.catch(() => undefined);
    this.#fail = over.reject;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.once('error', over.reject);
    socket.once('close', () => over.reject(new Error('the server closed the connection')));
  }

  /** @throws Error when the server refuses */
  static async connect(
    endpoint: Endpoint,
    clientId: string,
    clean = true,
    onMessage: OnMessage = () => undefined,
  ): Promise<Client> {
    const socket = open({ host: endpoint.host, port: endpoint.port, noDelay: true });
    await once(socket, 'connect');
    const client = new Client(socket);
    client.onMessage = onMessage;
    const answer = client.#expect(TYPE.connack);
    socket.write(connect(clientId, clean, endpoint.named === true));
    const code = (await answer)[1];
    if (code !== 0) throw new Error(`${clientId} is refused with code ${code}`);
    return client;
  }

  async subscribe(filters: readonly string[], qos: QoS): Promise<void> {
    const answer = this.#expect(TYPE.suback);
    this.#socket.write(subscribe(1, filters, qos));
    const refused = (await answer).subarray(2).findIndex((code) => code > 2);
    if (refused >= 0) throw new Error(`the subscription to ${filters[refused]} is refused`);
  }

  /** Sends bytes that the caller may use again at once. */
  write(bytes: Buffer): void {
    this.#socket.write(Buffer.from(bytes));
  }

  /** Takes no part any more; nobody waits for the server. */
  async close(): Promise<void> {
    if (this.#socket.destroyed) return;
    const closed = once(this.#socket, 'close');
    this.#socket.end(DISCONNECT);
    this.#socket.resume();
    const timer = setTimeout(() => this.#socket.destroy(), 2000);
    await closed.catch(() => undefined);
    clearTimeout(timer);
  }

  async #expect(first: number): Promise<Buffer> {
    const answer = new Promise<Buffer>((resolve) => (this.#waiting = { first, resolve }));
    return await Promise.race([answer, this.failed]);
  }

  #read(chunk: Buffer): void {
    this.#used = 0;
    this.#at = performance.now();
    this.#scanner.push(chunk);
    if (this.#used > 0) this.#socket.write(Buffer.from(scratch.subarray(0, this.#used)));
    this.onChunk();
  }

  #answer(first: number, id: number): void {
    if (this.#used + 4 > scratch.length) throw new Error('more acknowledgements than room');
    this.#used = scratch.writeUInt8(first, this.#used);
    this.#used = scratch.writeUInt8(2, this.#used);
    this.#used = scratch.writeUInt16BE(id, this.#used);
  }

  #packet(first: number, bytes: Buffer, start: number, end: number): void {
    if ((first & 0xf0) === TYPE.publish) {
      const qos = (first >> 1) & 3;
      const after = start + 2 + bytes.readUInt16BE(start);
      if (qos > 0) this.#answer(qos === 1 ? TYPE.puback : TYPE.pubrec, bytes.readUInt16BE(after));
      const payload = qos > 0 ? after + 2 : after;
      this.onMessage(bytes.readUInt32BE(payload), bytes.readUInt32BE(payload + 4), this.#at);
      return;
    }
    if (first === TYPE.puback || first === TYPE.pubcomp) return this.onAcknowledged(bytes.readUInt16BE(start));
    if (first === TYPE.pubrec) return this.#answer(TYPE.pubrel, bytes.readUInt16BE(start));
    if (first === TYPE.pubrel) return this.#answer(TYPE.pubcomp, bytes.readUInt16BE(start));
    if (this.#waiting?.first !== first) return this.#fail(new Error(`unexpected packet 0x${first.toString(16)}`));
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve(Buffer.from(bytes.subarray(start, end)));
  }
}
