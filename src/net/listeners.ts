import type { Server, Socket } from 'node:net';
import { type Acceptor, Arrival, type ArrivalListener, type Door, type Refused } from './arrival.ts';
import type { ListenerInfo } from './connection.ts';
import { type DatagramAcceptor, DatagramListeners } from './datagram-listeners.ts';
import { boundPort, keyOf, listen, type ListenerConfig, placeOf, sharePlace } from './listening.ts';
import { type ConnectionLimits, type Origin, Origins } from './origins.ts';
import type { TlsService } from './tls.ts';

export type { Acceptor } from './arrival.ts';
export type { ListenerConfig } from './listening.ts';
export type { DatagramAcceptor } from './datagram-listeners.ts';
export type { ConnectionLimits } from './origins.ts';

export interface ListenersOptions {
  readonly tls: TlsService | undefined;
  readonly limits: ConnectionLimits;
  /** Asked before anything is read; true closes the connection. Gets the peer's IP address and the listener. */
  readonly refuses: (ip: string, listener: ListenerInfo) => boolean;
  /** Asked of listeners with a rule: may the address come? Everybody may when absent. */
  readonly allows?: (ip: string, rule: string, listener: ListenerInfo) => boolean;
  readonly fault: (error: Error, listener: ListenerInfo) => void;
}

/** Where a listener really listens. */
export type BoundListener = ListenerConfig & { readonly boundPort: number | undefined };

interface Open {
  /** The newest settings of the place; connections that are open keep those they came by. */
  config: ListenerConfig;
  acceptor: Acceptor;
  readonly server: Server;
}

/** All listening sockets of the server, and what every connection must pass before a front end sees it. */
export class Listeners implements Door {
  readonly tls: TlsService | undefined;
  /** Those with `transport: udp`. */
  readonly datagrams: DatagramListeners;
  readonly #options: ListenersOptions;
  readonly #acceptors = new Map<string, Acceptor>();
  readonly #open = new Map<string, Open>();
  readonly #sockets = new Set<Socket>();
  readonly #origins = new Origins();
  #limits: ConnectionLimits;
  #drained: (() => void) | undefined = undefined;
  /** Plain numbers since the start. */
  readonly counters = {
    accepted: 0,
    closed: 0,
    refused: 0,
    denied: 0,
    overLimit: 0,
    overRate: 0,
    proxyErrors: 0,
    tlsErrors: 0,
  };

  constructor(options: ListenersOptions) {
    this.#options = options;
    this.tls = options.tls;
    this.#limits = options.limits;
    this.datagrams = new DatagramListeners(
      (ip, listener) => this.#verdict(ip, listener),
      (error, listener) => this.fault(error, listener),
    );
  }

  /** Says who takes the connections of a kind. Throws when somebody does already. */
  serve(kind: string, acceptor: Acceptor): void {
    if (this.#acceptors.has(kind)) throw new Error(`two front ends take ${kind} connections`);
    this.#acceptors.set(kind, acceptor);
  }

  /** Says who takes the datagrams of a kind. Throws when somebody does already. */
  serveDatagrams(kind: string, acceptor: DatagramAcceptor): void {
    this.datagrams.serve(kind, acceptor);
  }

  /** Open sockets, those that no front end has seen yet included. */
  get connections(): number {
    return this.#sockets.size;
  }

  get bound(): readonly BoundListener[] {
    const streams = [...this.#open.values()].map(({ config, server }) =>
      Object.assign({ boundPort: boundPort(server) }, config),
    );
    return [...streams, ...this.datagrams.bound];
  }

  /**
   * Opens what is new, closes what is gone, keeps what is the same (with new settings for new connections); connections stay.
   * @throws Error naming every listener that cannot be opened (the address is in use, no permission); the others stand
   */
  async apply(configs: readonly ListenerConfig[]): Promise<void> {
    const datagrams = configs.filter(({ transport }) => transport === 'udp');
    const streams = configs.filter(({ transport }) => transport !== 'udp');
    this.datagrams.keep(datagrams);
    const wanted = new Map(streams.map((config) => [keyOf(config), config]));
    const gone = [...this.#open].filter(([key]) => !wanted.has(key));
    const added = [...wanted].filter(([key]) => !this.#open.has(key));
    for (const [key, config] of wanted) this.#adopt(key, config);
    // What is in the way of a new one closes first, the rest when the new ones are open.
    const blocking = gone.filter(([, { config, server }]) =>
      added.some(([, other]) => sharePlace({ ...config, port: boundPort(server) }, other)),
    );
    this.#close(blocking);
    const errors: Error[] = [];
    const opening = [
      ...added.map(([key, config]) => ({ config, open: () => this.#listen(key, config) })),
      ...this.datagrams.missing(datagrams).map((config) => ({ config, open: () => this.datagrams.listen(config) })),
    ];
    for (const { config, open } of opening) {
      try {
        await open();
      } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        errors.push(
          new Error(
            `listener ${config.name} cannot listen on ${placeOf(config)}: ${reasons.get(code ?? '') ?? message}`,
            { cause: error },
          ),
        );
      }
    }
    this.#close(gone.filter((old) => !blocking.includes(old)));
    const [first] = errors;
    if (first === undefined) return;
    throw errors.length === 1 ? first : new AggregateError(errors, errors.map(({ message }) => message).join('; '));
  }

  /** Takes no new connections. */
  stop(): void {
    this.#close([...this.#open]);
    this.datagrams.stop();
  }

  /** New limits; what is open stays. */
  limit(limits: ConnectionLimits): void {
    this.#limits = limits;
  }

  /** Waits until all connections are gone; after `grace` milliseconds they are cut off. */
  async drained(grace: number): Promise<void> {
    if (this.#sockets.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, grace);
    this.#drained = resolve;
    await promise;
    clearTimeout(timer);
    this.#drained = undefined;
    this.destroyAll();
  }

  /** Cuts off what is still connected. */
  destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #adopt(key: string, config: ListenerConfig): void {
    const open = this.#open.get(key);
    if (open === undefined) return;
    open.config = config;
    open.acceptor = this.#acceptorOf(config);
  }

  #acceptorOf({ kind }: ListenerConfig): Acceptor {
    const acceptor = this.#acceptors.get(kind);
    if (acceptor === undefined) throw new Error(`nobody takes ${kind} connections`);
    return acceptor;
  }

  async #listen(key: string, config: ListenerConfig): Promise<void> {
    const acceptor = this.#acceptorOf(config);
    const server = await listen(config, (socket) => this.#connected(socket, open));
    const open: Open = { config, acceptor, server };
    server.on('error', (error) => this.#options.fault(error, open.config));
    this.#open.set(key, open);
  }

  /** The place is free at once; the event 'close' would come only when the last connection has gone. */
  #close(listeners: readonly (readonly [string, Open])[]): void {
    for (const [key, { server }] of listeners) {
      this.#open.delete(key);
      server.close();
    }
  }

  #connected(socket: Socket, { acceptor, config }: Open): void {
    this.counters.accepted += 1;
    const arrival = new Arrival(this, this.counters.accepted, config, acceptor);
    if (acceptor.apart === true) return arrival.begin(socket);
    this.#sockets.add(socket);
    if (this.#sockets.size <= this.#limits.total) return arrival.begin(socket);
    this.#sockets.delete(socket);
    arrival.refuse(socket, 'overLimit');
  }

  /** @internal */
  admit(ip: string, listener: ArrivalListener): Origin | Refused {
    return this.#verdict(ip, listener) ?? this.#origins.enter(ip, this.#limits, performance.now());
  }

  #verdict(ip: string, listener: ArrivalListener): 'refused' | 'denied' | undefined {
    const { allows, refuses } = this.#options;
    if (refuses(ip, listener)) return 'refused';
    const { access } = listener;
    return access === undefined || allows?.(ip, access, listener) !== false ? undefined : 'denied';
  }

  /** @internal */
  known(origin: Origin): void {
    this.#origins.known(origin);
  }

  /** @internal */
  left(socket: Socket, origin: Origin | undefined, stranger: boolean): void {
    this.#sockets.delete(socket);
    this.counters.closed += 1;
    if (origin !== undefined) this.#origins.leave(origin, this.#limits, stranger);
    if (this.#sockets.size === 0) this.#drained?.();
  }

  /** @internal */
  fault(error: unknown, listener: ListenerInfo): void {
    this.#options.fault(error instanceof Error ? error : new Error(String(error)), listener);
  }

  /** @internal */
  count(reason: Refused): void {
    this.counters[reason] += 1;
  }
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['EADDRINUSE', 'it is in use by another program'],
  ['EACCES', 'this user may not (ports below 1024 need a permission)'],
  ['EADDRNOTAVAIL', 'this machine does not have the address'],
]);
