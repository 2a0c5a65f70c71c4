import type { TransportName } from './flow.ts';

/** One listener that SIP peers come to. */
export interface ListeningPort {
  readonly transport: TransportName;
  readonly port: number;
}

/** The listeners are asked for anew after so many milliseconds. */
const FRESH = 1000;

/** The ports that stand for this server in URIs, as its listeners are now: a reload may open others. */
export class OwnPorts {
  readonly #read: () => Iterable<ListeningPort>;
  #ports: ReadonlySet<number> = new Set();
  #byTransport: ReadonlyMap<TransportName, readonly ListeningPort[]> = new Map();
  #at = Number.NEGATIVE_INFINITY;

  constructor(read: () => Iterable<ListeningPort>) {
    this.#read = read;
  }

  has(port: number): boolean {
    this.#refresh();
    return this.#ports.has(port);
  }

  /** What a peer should be told to connect to: the very port if peers come there, else the first of the transport. */
  of(transport: TransportName, port?: number): number | undefined {
    this.#refresh();
    const ports = this.#byTransport.get(transport) ?? [];
    return (ports.find((one) => one.port === port) ?? ports[0])?.port ?? port;
  }

  #refresh(): void {
    const now = performance.now();
    if (now - this.#at < FRESH) return;
    const ports = [...this.#read()];
    // Before the listeners are open there is nothing to remember.
    if (ports.length > 0) this.#at = now;
    this.#ports = new Set(ports.map(({ port }) => port));
    this.#byTransport = Map.groupBy(ports, ({ transport }) => transport);
  }
}

/** What `ownPorts` needs to know of a listener. */
export interface OpenListener {
  readonly kind: string;
  readonly tls: string;
  readonly transport?: 'tcp' | 'udp';
  readonly boundPort: number | undefined;
}

/** The listeners that SIP comes by. Those of HTTP carry WebSockets (RFC 7118), whatever else they serve. */
export function listeningPorts(listeners: Iterable<OpenListener>): readonly ListeningPort[] {
  return [...listeners].flatMap((listener) => {
    const { boundPort: port } = listener;
    const transport = transportOf(listener);
    return port === undefined || transport === undefined ? [] : [{ transport, port }];
  });
}

function transportOf({ kind, tls, transport }: OpenListener): TransportName | undefined {
  const secure = tls === 'direct';
  if (kind === 'http') return secure ? 'wss' : 'ws';
  if (kind !== 'sip') return undefined;
  return transport === 'udp' ? 'udp' : secure ? 'tls' : 'tcp';
}
