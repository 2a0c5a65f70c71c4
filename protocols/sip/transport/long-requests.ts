/** RFC 3261 section 18.1.1: requests that are too long for a datagram. */
import type { SipRequest } from '#protocols/sip/message/message.ts';
import type { AddressDestination } from './destination.ts';
import type { Flow } from './flow.ts';
import { placeTo } from './place.ts';

/** "If it is larger than 1300 bytes and the path MTU is unknown, the request MUST be sent using [a] congestion controlled transport protocol, such as TCP". */
export const DATAGRAM_LIMIT = 1300;
/** Milliseconds to connect: UDP is there to fall back to. */
const DIAL = 1000;
/** Places that are remembered to listen on UDP only. */
const DATAGRAM_ONLY = 10_000;

export interface LongRequestsParts {
  /** The open connection to a place. */
  open(place: string): Flow | undefined;
  connect(to: AddressDestination, timeout: number): Promise<Flow>;
}

/** Finds out who takes TCP where UDP was meant, and remembers who does not. */
export class LongRequests {
  readonly #parts: LongRequestsParts;
  readonly #datagramOnly = new Set<string>();

  constructor(parts: LongRequestsParts) {
    this.#parts = parts;
  }

  /** The connection for a request to a place of UDP; undefined when it is to go there as a datagram. */
  connection(request: SipRequest, to: AddressDestination): Promise<Flow | undefined> | Flow | undefined {
    if (request.toBytes().length <= DATAGRAM_LIMIT) return undefined;
    const place = placeTo(to);
    if (this.#datagramOnly.has(place)) return undefined;
    const overTcp = { ...to, transport: 'tcp' } as const;
    const open = this.#parts.open(placeTo(overTcp));
    if (open?.open === true) return open;
    return this.#parts.connect(overTcp, DIAL).catch(() => {
      // "If the attempt to establish the connection … results in a TCP reset, the element SHOULD retry the request, using UDP".
      if (this.#datagramOnly.size >= DATAGRAM_ONLY) this.#datagramOnly.clear();
      this.#datagramOnly.add(place);
      return undefined;
    });
  }
}
