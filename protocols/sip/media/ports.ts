/** RFC 3550 section 11: "RTP SHOULD use an even destination port number and the corresponding RTCP stream SHOULD use the next higher (odd) one". */
import { randomInt } from 'node:crypto';
import { openUdpNow } from '#src/net/udp.ts';
import { type RelayCounters, RelayPort } from './relay-port.ts';

/** Both included. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** The ports that one party sends one stream to. */
export interface PortPair {
  readonly rtp: RelayPort;
  readonly rtcp: RelayPort;
}

/** Pairs that are tried before there is none. */
const TRIES = 64;
/** Bytes of the kernel's buffers: bursts of video that come while the event loop is busy. */
const BUFFER = 262_144;

/** Opens pairs of ports, chosen at random (RFC 6056): who does not see the signalling cannot guess them. */
export class MediaPorts {
  readonly #range: () => PortRange;
  readonly #counters: RelayCounters;
  readonly #used = new Set<number>();

  constructor(range: () => PortRange, counters: RelayCounters) {
    this.#range = range;
    this.#counters = counters;
  }

  /** Ports that are open. */
  get size(): number {
    return this.#used.size * 2;
  }

  /** Is it a port of the relay? */
  has(port: number): boolean {
    return this.#used.has(port & ~1);
  }

  /** Undefined when there are none: all are taken, or the machine has no such address. */
  open(address: string): PortPair | undefined {
    for (const port of this.#candidates()) {
      const rtp = this.#bind(address, port);
      if (rtp === undefined) continue;
      const rtcp = this.#bind(address, port + 1);
      if (rtcp !== undefined) {
        this.#used.add(port);
        return { rtp, rtcp };
      }
      rtp.socket.close();
    }
    return undefined;
  }

  close({ rtcp, rtp }: PortPair): void {
    this.#used.delete(rtp.socket.localPort);
    rtp.socket.close();
    rtcp.socket.close();
  }

  #bind(address: string, port: number): RelayPort | undefined {
    const made: { port?: RelayPort } = {};
    const options = { address, port, receiveBuffer: BUFFER, sendBuffer: BUFFER };
    openUdpNow(options, (socket) => (made.port = new RelayPort(socket, this.#counters)));
    return made.port;
  }

  *#candidates(): Generator<number> {
    const { from, to } = this.#range();
    const first = (from + 1) & ~1;
    const count = Math.floor((to - first + 1) / 2);
    if (count < 1) return;
    let at = randomInt(count);
    // A narrow range is searched whole; in a wide one chance finds what there is.
    for (let tries = 0; tries < Math.min(count, TRIES); tries++) {
      const port = first + at * 2;
      if (!this.#used.has(port)) yield port;
      at = count <= TRIES ? (at + 1) % count : randomInt(count);
    }
  }
}
