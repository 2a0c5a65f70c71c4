import { randomBytes, randomInt } from 'node:crypto';
import type { Timed, Timers } from '#src/net/timers.ts';
import { openUdp } from '#src/net/udp.ts';
import type { Family } from '#protocols/stun/address.ts';
import type { RelayAddress } from './addresses.ts';
import { Relay } from './relay.ts';

/** RFC 8656 section 7.2: "The server MUST hold this reservation for at least 30 seconds". */
const RESERVATION = 30_000;
/** Reserved relays at a time. */
const RESERVATIONS = 1000;
/** Ports that are tried before there is none. */
const TRIES = 64;

export interface PortRange {
  readonly minPort: number;
  readonly maxPort: number;
}

export type Parity = 'any' | 'even' | 'pair';

/** A relay, and the token of the next port if that was reserved. */
export interface Opened {
  readonly relay: Relay;
  readonly token: Buffer | undefined;
}

class Reservation implements Timed {
  readonly relay: Relay;
  readonly token: Buffer;
  readonly #over: () => void;

  constructor(relay: Relay, token: Buffer, over: () => void) {
    this.relay = relay;
    this.token = token;
    this.#over = over;
  }

  onTimeout(): void {
    this.#over();
  }
}

/** Opens relays on ports chosen at random (RFC 6056), and holds those that are reserved. */
export class RelayPorts {
  readonly #timers: Timers;
  readonly #range: () => PortRange;
  readonly #used: Readonly<Record<Family, Set<number>>> = { 4: new Set(), 6: new Set() };
  readonly #reserved = new Map<string, Reservation>();

  constructor(timers: Timers, range: () => PortRange) {
    this.#timers = timers;
    this.#range = range;
  }

  /** Is there a relay on this port? */
  has(family: Family, port: number): boolean {
    return this.#used[family].has(port);
  }

  get reservations(): number {
    return this.#reserved.size;
  }

  /** Undefined when there is no port of that kind. */
  async open(family: Family, address: RelayAddress, parity: Parity): Promise<Opened | undefined> {
    for (const port of this.candidates(family, parity !== 'any')) {
      const relay = await this.#bind(family, address, port);
      if (relay === undefined) continue;
      if (parity !== 'pair') return { relay, token: undefined };
      const next = this.#reserved.size < RESERVATIONS ? await this.#bind(family, address, port + 1) : undefined;
      if (next !== undefined) return { relay, token: this.#reserve(next) };
      relay.close();
    }
    return undefined;
  }

  /** The relay that a token stands for; it is reserved no more. */
  redeem(token: Buffer): Relay | undefined {
    const reservation = this.#reserved.get(token.toString('hex'));
    if (reservation === undefined) return undefined;
    this.#forget(reservation);
    return reservation.relay;
  }

  /** @internal Takes a port for somebody, so that no relay is opened on it. @returns false when somebody has it */
  take(family: Family, port: number): boolean {
    if (this.#used[family].has(port)) return false;
    this.#used[family].add(port);
    return true;
  }

  release(family: Family, port: number): void {
    this.#used[family].delete(port);
  }

  stop(): void {
    for (const reservation of [...this.#reserved.values()]) {
      this.#forget(reservation);
      reservation.relay.close();
    }
  }

  /** Some ports of the range that have no relay, in random order. */
  *candidates(family: Family, even: boolean): Generator<number> {
    const { maxPort, minPort } = this.#range();
    const first = even ? (minPort + 1) & ~1 : minPort;
    const step = even ? 2 : 1;
    const count = Math.floor((maxPort - first) / step) + 1;
    if (count < 1) return;
    let at = randomInt(count);
    // A narrow range is searched whole; in a wide one chance finds what there is.
    for (let tries = 0; tries < Math.min(count, TRIES); tries++) {
      const port = first + at * step;
      if (!this.#used[family].has(port)) yield port;
      at = count <= TRIES ? (at + 1) % count : randomInt(count);
    }
  }

  async #bind(family: Family, address: RelayAddress, port: number): Promise<Relay | undefined> {
    if (port > this.#range().maxPort || !this.take(family, port)) return undefined;
    const made: { relay?: Relay } = {};
    try {
      await openUdp(
        { address: address.local, port, receiveBuffer: BUFFER, sendBuffer: BUFFER },
        (socket) => (made.relay = new Relay(this, socket, family, address)),
      );
    } catch {
      // Another program has the port.
      this.release(family, port);
    }
    return made.relay;
  }

  #reserve(relay: Relay): Buffer {
    const token = randomBytes(8);
    const reservation = new Reservation(relay, token, () => {
      this.#forget(reservation);
      relay.close();
    });
    this.#reserved.set(token.toString('hex'), reservation);
    this.#timers.add(reservation, RESERVATION);
    return token;
  }

  #forget(reservation: Reservation): void {
    this.#reserved.delete(reservation.token.toString('hex'));
    this.#timers.remove(reservation);
  }
}

/** Bytes of the kernel's buffers of a relay: bursts of video that come while the event loop is busy. */
const BUFFER = 262_144;
