/** RFC 3261 section 18: the transport layer. Messages come from and go to flows; addresses are dialled when needed. */
import type { ListenerInfo } from '#src/net/connection.ts';
import type { DialTls } from '#src/net/dial.ts';
import type { Flusher } from '#src/net/flusher.ts';
import type { UpgradeHandler } from '#src/net/http.ts';
import type { Acceptor, DatagramAcceptor } from '#src/net/listeners.ts';
import type { Timers } from '#src/net/timers.ts';
import type { Datagrams } from '#src/net/udp.ts';
import { addressOfHost, hostOfAddress } from '#protocols/sip/message/host.ts';
import type { MessageLimits } from '#protocols/sip/message/limits.ts';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { type Malformed, parseMessage } from '#protocols/sip/message/parse.ts';
import type { TransportCore, TransportCounters } from './core.ts';
import { type AddressDestination, defaultPort, type Destination, type SentBy } from './destination.ts';
import { Dialler } from './dialler.ts';
import { DATAGRAM_LIMIT, LongRequests } from './long-requests.ts';
import { placeTo } from './place.ts';
import type { Flow, TransportName } from './flow.ts';
import { LocalAddresses } from './local-address.ts';
import { ConnectionFlow, type StreamFlow } from './stream.ts';
import { type ListeningPort, OwnPorts } from './own-ports.ts';
import type { SentResponse } from './sent-response.ts';
import { UdpPort } from './udp.ts';
import { noteSource, responsePlace, withTransport } from './via-routing.ts';
import { acceptWebSockets } from './websocket.ts';

/** What the layer above is told. */
export interface TransportHandler {
  /** Its top Via tells where it came from (section 18.2.1). */
  onRequest(request: SipRequest, flow: Flow): void;
  onResponse(response: SipResponse, flow: Flow): void;
  onMalformed(malformed: Malformed, flow: Flow): void;
}

export interface TransportsOptions {
  readonly handler: TransportHandler;
  readonly limits: MessageLimits;
  readonly flusher: Flusher;
  readonly timers: Timers;
  /** Does a name in lower case stand for this server: one of its virtual hosts, or of what the settings add? */
  readonly isName: (name: string) => boolean;
  /** Where peers come to, as the listeners are now. */
  readonly listening?: () => Iterable<ListeningPort>;
  /** What peers elsewhere are told to reach this server at, in place of an address of this machine: it is behind a NAT. */
  readonly advertised?: () => string | undefined;
  /** How certificates of servers that are dialled are verified. */
  readonly tls?: () => DialTls;
  readonly local?: LocalAddresses;
  /** Sees every message that comes and goes. */
  readonly watch?: (direction: 'in' | 'out', message: SipRequest | SipResponse, place: Flow | Destination) => void;
}

/** Milliseconds to connect. */
const DIAL = 10_000;
/** An address of nobody (RFC 5737): for what is written before it is known who reads it. */
const ELSEWHERE = '192.0.2.1';

export class Transports implements TransportCore {
  readonly limits: MessageLimits;
  readonly local: LocalAddresses;
  readonly flusher: Flusher;
  readonly timers: Timers;
  readonly counters: TransportCounters = {
    requestsIn: 0,
    responsesIn: 0,
    malformed: 0,
    keepAlives: 0,
    requestsOut: 0,
    responsesOut: 0,
    unsent: 0,
    dialled: 0,
    dialsFailed: 0,
  };
  readonly #options: TransportsOptions;
  readonly #ports: UdpPort[] = [];
  readonly #streams = new Map<string, StreamFlow>();
  /** Connections by place: those that were dialled, and by their source those that came. */
  readonly #places = new Map<string, StreamFlow>();
  readonly #dialler: Dialler;
  readonly #longRequests: LongRequests;
  readonly #ownPorts: OwnPorts;
  #portSerial = 0;

  constructor(options: TransportsOptions) {
    this.#options = options;
    ({ flusher: this.flusher, limits: this.limits, timers: this.timers } = options);
    this.local = options.local ?? new LocalAddresses();
    this.#ownPorts = new OwnPorts(options.listening ?? (() => []));
    this.#dialler = new Dialler(this, () => options.tls?.());
    this.#longRequests = new LongRequests({
      open: (place) => this.#places.get(place),
      connect: (to, timeout) => this.#dialler.connect(to, timeout),
    });
  }

  /** Takes datagrams of listeners. */
  get datagrams(): DatagramAcceptor {
    return { bound: (socket, listener) => this.#bound(socket, listener) };
  }

  /** Takes connections of listeners, plain or TLS from the first byte. */
  get connections(): Acceptor {
    return { alpn: ['sip'], accept: (connection) => void new ConnectionFlow(this, connection) };
  }

  /** Takes HTTP connections that become WebSockets. */
  get webSockets(): UpgradeHandler {
    return acceptWebSockets(this);
  }

  /** Open connections. */
  get streams(): number {
    return this.#streams.size;
  }

  /** An open connection by its id. */
  flow(id: string): Flow | undefined {
    return this.#streams.get(id);
  }

  /** The way that a datagram to this place would take; undefined without a listener for it. */
  datagramFlow(address: string, port: number): Flow | undefined {
    return this.#portFor(address)?.flow(address, port);
  }

  /**
   * Sends a request, whose top Via is ours. Connects where that is needed.
   * @returns the flow it went by, at once or when there is a connection; rejects, or throws, when there is none
   */
  send(request: SipRequest, destination: Destination): Promise<Flow> | Flow {
    this.counters.requestsOut += 1;
    this.#options.watch?.('out', request, destination);
    if ('flow' in destination) return this.#byFlow(request, destination.flow);
    if (destination.transport !== 'udp') return this.#byStream(request, destination);
    return this.#datagramOrStream(request, destination);
  }

  /**
   * Sends a response the way the Via of its request says (section 18.2.2, RFC 3581), over the flow of the request while it is open.
   * @param via the top one of the request: what a further server made of it in its response is not to be believed
   * @returns rejects when a connection had to be made and could not
   */
  respond(response: SipResponse, flow: Flow, via = response.via): Promise<void> | void {
    this.counters.responsesOut += 1;
    this.#options.watch?.('out', response, flow);
    const place = via === undefined ? undefined : responsePlace(via);
    const bytes = response.toBytes();
    if (flow.open) {
      // Where there is no rport the response goes to the port in sent-by, but leaves from where the request came in.
      const sent =
        flow.reliable || place === undefined ? flow.send(bytes) : flow.sendTo(bytes, place.address, place.port);
      if (sent) return undefined;
    }
    // "If that connection is no longer open, the server SHOULD open a connection to the IP address in the 'received' parameter, if present, using
    // the port in the 'sent-by' value": not to a browser, which never listens.
    if (place === undefined || via === undefined || (flow.transport !== 'tcp' && flow.transport !== 'tls')) {
      this.counters.unsent += 1;
      return undefined;
    }
    const { port = defaultPort(via.transport) } = via;
    return this.#dialler
      .connect({ transport: flow.transport, address: place.address, port }, DIAL)
      .then((other) => void other.send(bytes));
  }

  /** A response once more, over the flow that it went by. */
  repeat({ address, bytes, port }: SentResponse, flow: Flow): void {
    this.counters.responsesOut += 1;
    const { limits, watch } = this.#options;
    const response = watch === undefined ? undefined : parseMessage(bytes, limits);
    if (response?.kind === 'response') watch?.('out', response, flow);
    const sent = flow.open && (flow.reliable ? flow.send(bytes) : flow.sendTo(bytes, address, port));
    if (!sent) this.counters.unsent += 1;
  }

  /** The same, where nobody waits for what becomes of it. */
  answer(response: SipResponse, flow: Flow): void {
    const sent = this.respond(response, flow);
    if (sent instanceof Promise) sent.catch(() => void (this.counters.unsent += 1));
  }

  /** What to write into a Via of ours, or a Record-Route, towards a flow or by a transport. */
  sentBy(over: Flow | TransportName): SentBy {
    const advertised = this.#options.advertised?.();
    if (typeof over !== 'string') {
      const { localAddress, localPort, remoteAddress, transport } = over;
      const host = advertised !== undefined && !this.local.isNear(remoteAddress) ? advertised : undefined;
      // A connection that was dialled leaves from a port of no listener.
      return { host: host ?? hostOfAddress(localAddress), port: this.#ownPorts.of(transport, localPort) };
    }
    const bound = over === 'udp' ? (this.#ports[0]?.socket.localAddress ?? '') : '';
    return { host: advertised ?? hostOfAddress(this.local.towards(ELSEWHERE, bound)), port: this.#ownPorts.of(over) };
  }

  /** Does a host, with the port of a URI, stand for this server? */
  isOwn(host: string, port: number | undefined): boolean {
    const name = host.toLowerCase();
    const address = addressOfHost(name);
    const own =
      address === undefined
        ? this.#options.isName(name)
        : this.local.has(address) || this.#ports.some(({ socket }) => socket.localAddress === address);
    if (!own && this.#options.advertised?.() !== name) return false;
    if (port !== undefined) return this.#ownPorts.has(port);
    // A name may lead here by SRV, whatever the port; an address without one means the default (RFC 3263 section 4.2).
    return address === undefined || this.#ownPorts.has(defaultPort('udp')) || this.#ownPorts.has(defaultPort('tls'));
  }

  /** Closes all connections; what waits is written. */
  close(): void {
    for (const flow of [...this.#streams.values()]) flow.close();
  }

  /** @internal */
  received(message: SipRequest | SipResponse | Malformed, flow: Flow): void {
    const { handler, watch } = this.#options;
    if (watch !== undefined && message.kind !== 'malformed') watch('in', message, flow);
    switch (message.kind) {
      case 'request':
        this.counters.requestsIn += 1;
        return handler.onRequest(noteSource(message, flow.remoteAddress, flow.remotePort), flow);
      case 'response':
        this.counters.responsesIn += 1;
        return handler.onResponse(message, flow);
      case 'malformed': {
        this.counters.malformed += 1;
        const { request } = message;
        const noted = request && noteSource(request, flow.remoteAddress, flow.remotePort);
        return handler.onMalformed(noted === undefined ? message : { ...message, request: noted }, flow);
      }
    }
  }

  /** @internal */
  streamOpened(flow: StreamFlow): void {
    this.#streams.set(flow.id, flow);
    this.#places.set(flow.place, flow);
  }

  /** @internal */
  streamClosed(flow: StreamFlow): void {
    this.#streams.delete(flow.id);
    if (this.#places.get(flow.place) === flow) this.#places.delete(flow.place);
  }

  /** @internal */
  portClosed(port: UdpPort): void {
    const at = this.#ports.indexOf(port);
    if (at >= 0) this.#ports.splice(at, 1);
  }

  #bound(socket: Datagrams, listener: ListenerInfo): UdpPort {
    this.#portSerial += 1;
    const port = new UdpPort(this, socket, listener, `u${this.#portSerial}`);
    this.#ports.push(port);
    return port;
  }

  #by(flow: Flow, request: SipRequest): Flow {
    if (flow.open && flow.send(request.toBytes())) return flow;
    this.counters.unsent += 1;
    // A datagram that the kernel did not take is lost as any other: it is repeated.
    if (!flow.reliable && flow.open) return flow;
    throw new Error(`the ${flow.transport} flow to ${flow.remoteAddress} is closed`);
  }

  #byStream(request: SipRequest, destination: AddressDestination): Promise<Flow> | Flow {
    const open = this.#places.get(placeTo(destination));
    if (open?.open === true) return this.#by(open, request);
    return this.#dialler.connect(destination, DIAL).then((flow) => this.#by(flow, request));
  }

  #datagramOrStream(request: SipRequest, destination: AddressDestination): Promise<Flow> | Flow {
    const port = this.#portFor(destination.address);
    if (port === undefined) return Promise.reject(new Error('there is no UDP listener of its address family'));
    return this.#long(request, port.flow(destination.address, destination.port), destination);
  }

  /** Behind a NAT nobody can be connected to: there a long request is a long datagram. */
  #byFlow(request: SipRequest, flow: Flow): Promise<Flow> | Flow {
    const { remoteAddress: address, remotePort: port, transport } = flow;
    if (transport !== 'udp' || request.toBytes().length <= DATAGRAM_LIMIT || !this.local.isNear(address)) {
      return this.#by(flow, request);
    }
    return this.#long(request, flow, { transport, address, port });
  }

  #long(request: SipRequest, flow: Flow, destination: AddressDestination): Promise<Flow> | Flow {
    const by = (stream?: Flow): Flow =>
      stream ? this.#by(stream, withTransport(request, 'TCP')) : this.#by(flow, request);
    const found = this.#longRequests.connection(request, destination);
    return found instanceof Promise ? found.then(by) : by(found);
  }

  #portFor(address: string): UdpPort | undefined {
    return this.#ports.find((port) => port.reaches(address));
  }
}
