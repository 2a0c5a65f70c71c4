import type { ListenerInfo } from './connection.ts';
import { keyOf, type ListenerConfig } from './listening.ts';
import { type DatagramCounters, type DatagramHandler, type Datagrams, openUdp } from './udp.ts';

/** Takes the datagrams of one kind of listener. */
export interface DatagramAcceptor {
  /** A listener of the kind is open: says who is told what comes. */
  bound(socket: Datagrams, listener: ListenerInfo): DatagramHandler;
}

/** Why a source is not heard: the ban list, or the listener's rule. */
type Verdict = 'refused' | 'denied' | undefined;

interface Open {
  config: ListenerConfig;
  readonly socket: Datagrams;
}

/** Sources whose verdict is remembered, and for how many milliseconds. */
const SOURCES = 4096;
const REMEMBERED = 1000;
/** Bytes of the kernel's buffers: a burst waits there while a turn of the event loop lasts. */
const BUFFER = 4 * 1_048_576;

/** The UDP listeners: opened, kept and closed as the settings say. */
export class DatagramListeners {
  readonly #acceptors = new Map<string, DatagramAcceptor>();
  readonly #open = new Map<string, Open>();
  readonly #judge: (ip: string, listener: ListenerConfig) => Verdict;
  readonly #fault: (error: unknown, listener: ListenerConfig) => void;
  readonly #past: DatagramCounters = { received: 0, receivedBytes: 0, sent: 0, sentBytes: 0, dropped: 0 };
  /** Datagrams that were thrown away because of their source: it is banned, or the listener's rule does not let it pass. */
  refused = 0;
  denied = 0;

  /** @param fault told of exceptions that a front end lets through: bugs, which cost a datagram and not the server */
  constructor(
    judge: (ip: string, listener: ListenerConfig) => Verdict,
    fault: (error: unknown, listener: ListenerConfig) => void,
  ) {
    this.#judge = judge;
    this.#fault = fault;
  }

  /** Throws when somebody takes the kind already. */
  serve(kind: string, acceptor: DatagramAcceptor): void {
    if (this.#acceptors.has(kind)) throw new Error(`two front ends take ${kind} datagrams`);
    this.#acceptors.set(kind, acceptor);
  }

  get bound(): readonly (ListenerConfig & { readonly boundPort: number })[] {
    return [...this.#open.values()].map(({ config, socket }) => Object.assign({ boundPort: socket.localPort }, config));
  }

  /** Sums over all sockets, those that are closed too. */
  get counters(): Readonly<DatagramCounters> {
    const sum = { ...this.#past };
    for (const { socket } of this.#open.values()) add(sum, socket.counters);
    return sum;
  }

  /** Which of these are not open yet. */
  missing(configs: readonly ListenerConfig[]): readonly ListenerConfig[] {
    return configs.filter((config) => !this.#open.has(keyOf(config)));
  }

  /** Closes what is not wanted any more; what stays gets its new settings. */
  keep(configs: readonly ListenerConfig[]): void {
    const wanted = new Map(configs.map((config) => [keyOf(config), config]));
    for (const [key, open] of this.#open) {
      const config = wanted.get(key);
      if (config !== undefined) open.config = config;
      else this.#close(key, open);
    }
  }

  /** @throws the system's error */
  async listen(config: ListenerConfig): Promise<void> {
    const acceptor = this.#acceptors.get(config.kind);
    if (acceptor === undefined) throw new Error(`nobody takes ${config.kind} datagrams`);
    const key = keyOf(config);
    const current = (): ListenerConfig => this.#open.get(key)?.config ?? config;
    const open = async (address: string): Promise<Datagrams> =>
      await openUdp({ address, port: config.port ?? 0, receiveBuffer: BUFFER, sendBuffer: BUFFER }, (socket) =>
        this.#guarded(acceptor.bound(socket, config), current),
      );
    const socket = await open(config.address).catch(async (error: NodeJS.ErrnoException) => {
      // A machine without IPv6.
      if (config.address !== '::' || (error.code !== 'EAFNOSUPPORT' && error.code !== 'EADDRNOTAVAIL')) throw error;
      return await open('0.0.0.0');
    });
    this.#open.set(key, { config, socket });
  }

  stop(): void {
    for (const [key, open] of this.#open) this.#close(key, open);
  }

  #close(key: string, { socket }: Open): void {
    this.#open.delete(key);
    add(this.#past, socket.counters);
    socket.close();
  }

  /** Asks once a second for each source; the table of verdicts has a bound. @param listener its newest settings */
  #guarded(handler: DatagramHandler, listener: () => ListenerConfig): DatagramHandler {
    const verdicts = new Map<string, Verdict>();
    let begun = 0;
    const verdictOn = (ip: string): Verdict => {
      const now = performance.now();
      if (now - begun > REMEMBERED || verdicts.size >= SOURCES) {
        verdicts.clear();
        begun = now;
      }
      const known = verdicts.get(ip);
      if (known !== undefined || verdicts.has(ip)) return known;
      const verdict = this.#judge(ip, listener());
      verdicts.set(ip, verdict);
      return verdict;
    };
    return {
      onDatagram: (bytes, address, port) => {
        const verdict = verdictOn(address);
        if (verdict !== undefined) return void (this[verdict] += 1);
        try {
          handler.onDatagram(bytes, address, port);
        } catch (error) {
          this.#fault(error, listener());
        }
      },
      onClose: () => handler.onClose?.(),
    };
  }
}

function add(sum: DatagramCounters, other: Readonly<DatagramCounters>): void {
  sum.received += other.received;
  sum.receivedBytes += other.receivedBytes;
  sum.sent += other.sent;
  sum.sentBytes += other.sentBytes;
  sum.dropped += other.dropped;
}
