/** RFC 5626 section 3.1: a flow, the way between this server and one place of one peer. */
import type { Buffer } from 'node:buffer';

export type TransportName = 'udp' | 'tcp' | 'tls' | 'ws' | 'wss';

/** A connection, or for UDP a source address at one of our sockets. */
export abstract class Flow {
  /** Unguessable for connections; unique in this process. */
  readonly id: string;
  readonly transport: TransportName;
  /** IP addresses; v4 ones without the prefix of RFC 4291 section 2.5.5.2. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Name of the listener it came by; for a connection that was dialled, what it was dialled for. */
  readonly listener: string;
  /** Both ends are on this machine. */
  readonly loopback: boolean;
  #watchers: (() => void)[] | undefined = undefined;

  constructor(id: string, transport: TransportName, ends: FlowEnds) {
    this.id = id;
    this.transport = transport;
    this.remoteAddress = ends.remoteAddress;
    this.remotePort = ends.remotePort;
    this.localAddress = ends.localAddress;
    this.localPort = ends.localPort;
    this.listener = ends.listener;
    this.loopback = ends.loopback;
  }

  /** RFC 3261 section 17: transactions over it repeat nothing. */
  get reliable(): boolean {
    return this.transport !== 'udp';
  }

  get secure(): boolean {
    return this.transport === 'tls' || this.transport === 'wss';
  }

  abstract get open(): boolean;

  /** One whole message. False when it was dropped: the flow is closed, or its peer reads too slowly. */
  abstract send(bytes: Buffer): boolean;

  /** The same to another place, by the same socket; a connection has one place only. */
  sendTo(bytes: Buffer, address: string, port: number): boolean {
    void address;
    void port;
    return this.send(bytes);
  }

  abstract close(): void;

  /** The peer has proven who it is: it is no stranger any more to the limits of its origin. */
  abstract authenticated(): void;

  /** The peer was told to keep the flow alive so often (RFC 5626 section 4.4): it is dead when nothing comes for much longer. */
  keptAlive(seconds: number): void {
    void seconds;
  }

  /** Tells when the flow closes, once. One of UDP closes with its socket only. */
  watch(closed: () => void): Disposable {
    (this.#watchers ??= []).push(closed);
    return { [Symbol.dispose]: () => void (this.#watchers = this.#watchers?.filter((other) => other !== closed)) };
  }

  protected closed(): void {
    const watchers = this.#watchers ?? [];
    this.#watchers = undefined;
    for (const watcher of watchers) watcher();
  }
}

export interface FlowEnds {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly listener: string;
  readonly loopback: boolean;
}
