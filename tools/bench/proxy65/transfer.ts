import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Meter } from '#tools/bench/meter.ts';
import type { Endpoint, Result } from '#tools/bench/result.ts';
import { account, Client, login } from '#tools/bench/xmpp/client.ts';
import { attribute } from '#tools/bench/xmpp/scan.ts';

/** Bytes of a write, all the same: what the file holds does not matter to a proxy. */
const block = Buffer.alloc(65_536, 'bytestream ');
const MEGABYTE = 1 << 20;
/** A connection through which nothing goes for so long is broken. */
const SILENCE_MS = 20_000;
const TARGET = 'target@localhost/bench';

export interface TransferJob {
  /** Of the XMPP service, plain. */
  readonly endpoint: Endpoint;
  /** Of the proxy, at the same address. */
  readonly port: number;
  /** Files at the same time. */
  readonly streams: number;
  /** Of all files together. */
  readonly megabytes: number;
}

/** Files through the proxy; an operation is a megabyte that has arrived. */
export async function transfer({ endpoint, megabytes, port, streams }: TransferJob): Promise<Result> {
  const client = await Client.connect(endpoint);
  const jid = await login(client, account(0), new Map());
  const pairs: Pair[] = [];
  const each = Math.floor((megabytes * MEGABYTE) / streams);
  try {
    for (let n = 0; n < streams; n++) pairs.push(await open(client, jid, `${Date.now()}-${n}`, endpoint, port));
    const meter = endpoint.pid === undefined ? undefined : new Meter(endpoint.pid);
    const before = { time: performance.now(), cpu: process.cpuUsage(), server: meter?.cpu() ?? 0 };
    await Promise.all(pairs.map((pair) => pair.move(each)));
    const seconds = (performance.now() - before.time) / 1000;
    const { system, user } = process.cpuUsage(before.cpu);
    const operations = (each * streams) / MEGABYTE;
    return {
      operations,
      perSecond: operations / seconds,
      serverCpu: meter && (meter.cpu() - before.server) / operations,
      generatorCpu: (user + system) / operations,
      generatorShare: (user + system) / (seconds * 1e6),
    };
  } finally {
    for (const pair of pairs) pair.close();
    await client.close();
  }
}

/** Makes the account that opens the bytestreams (XEP-0077); one that is there already is as good. */
export async function register(endpoint: Endpoint): Promise<void> {
  const client = await Client.connect(endpoint);
  await client.openStream();
  const { password, user } = account(0);
  client.write(
    `<iq type='set' id='reg' to='${endpoint.domain}'><query xmlns='jabber:iq:register'>` +
      `<username>${user}</username><password>${password}</password></query></iq>`,
  );
  const answer = await client.expect('iq');
  await client.close();
  if (attribute(answer, 'type') !== 'result' && !answer.includes('<conflict')) throw new Error(`no account: ${answer}`);
}

/** XEP-0065 section 6: both connections, then the activation. */
async function open(client: Client, jid: string, sid: string, { domain, host }: Endpoint, port: number): Promise<Pair> {
  const hash = createHash('sha1').update(`${sid}${jid}${TARGET}`).digest('hex');
  const pair = new Pair(await join(host, port, hash), await join(host, port, hash));
  client.write(
    `<iq type='set' id='a${sid}' to='proxy.${domain}'><query xmlns='http://jabber.org/protocol/bytestreams' sid='${sid}'>` +
      `<activate>${TARGET}</activate></query></iq>`,
  );
  const answer = await client.expect('iq');
  if (attribute(answer, 'type') !== 'result') throw new Error(`not activated: ${answer}`);
  return pair;
}

async function join(host: string, port: number, hash: string): Promise<Reader> {
  const reader = new Reader(host, port);
  await once(reader.socket, 'connect');
  reader.socket.write(Buffer.from([5, 1, 0]));
  await reader.read(2);
  reader.socket.write(Buffer.concat([Buffer.from([5, 1, 0, 3, hash.length]), Buffer.from(hash), Buffer.alloc(2)]));
  await reader.read(7 + hash.length);
  return reader;
}

// One buffer serves every socket: what is read is counted and forgotten.
const shared = Buffer.allocUnsafe(65_536);

/** A connection that counts what comes. */
class Reader {
  readonly socket: Socket;
  #bytes = 0;
  #wanted = 0;
  #waiting: PromiseWithResolvers<void> | undefined;

  constructor(host: string, port: number) {
    const callback = (length: number): boolean => {
      this.#bytes += length;
      if (this.#bytes >= this.#wanted) this.#waiting?.resolve();
      return true;
    };
    this.socket = connect({ host, port, noDelay: true, onread: { buffer: shared, callback } });
    this.socket.on('error', (error) => this.#waiting?.reject(error));
    this.socket.on('close', () => this.#waiting?.reject(new Error('the proxy closed the connection')));
    this.socket.setTimeout(SILENCE_MS, () => this.socket.destroy());
  }

  /** So many bytes have come since the last time. */
  async read(length: number): Promise<void> {
    this.#wanted = length;
    this.#waiting = Promise.withResolvers();
    if (this.#bytes >= length) this.#waiting.resolve();
    await this.#waiting.promise;
    this.#bytes -= length;
    this.#waiting = undefined;
  }
}

class Pair {
  readonly #from: Reader;
  readonly #to: Reader;

  constructor(from: Reader, to: Reader) {
    this.#from = from;
    this.#to = to;
  }

  async move(bytes: number): Promise<void> {
    const arrived = this.#to.read(bytes);
    const { socket } = this.#from;
    let left = bytes;
    const write = (): void => {
      while (left > 0) {
        const part = left >= block.length ? block : block.subarray(0, left);
        left -= part.length;
        if (!socket.write(part)) return;
      }
    };
    socket.on('drain', write);
    write();
    await arrived;
    socket.off('drain', write);
  }

  close(): void {
    this.#from.socket.destroy();
    this.#to.socket.destroy();
  }
}
