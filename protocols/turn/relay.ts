import type { Buffer } from 'node:buffer';
import type { DatagramHandler, Datagrams } from '#src/net/udp.ts';
import type { Family } from '#protocols/stun/address.ts';
import type { RelayAddress } from './addresses.ts';
import type { RelayPorts } from './ports.ts';

/** Who has a relay. */
export interface Taker {
  fromPeer(bytes: Buffer, address: string, port: number): void;
}

/** A relayed transport address (RFC 8656 section 6): the socket that peers see. */
export class Relay implements DatagramHandler {
  readonly family: Family;
  readonly address: RelayAddress;
  readonly port: number;
  /** Undefined while it is only reserved: then nobody hears what comes. */
  taker: Taker | undefined = undefined;
  readonly #ports: RelayPorts;
  readonly #socket: Datagrams;
  /** Peers reach it by another address than the one it is bound to. */
  readonly #mapped: boolean;

  constructor(ports: RelayPorts, socket: Datagrams, family: Family, address: RelayAddress) {
    this.#ports = ports;
    this.#socket = socket;
    this.family = family;
    this.address = address;
    this.port = socket.localPort;
    this.#mapped = address.public !== address.local;
  }

  /** @returns false when the system did not take it */
  send(bytes: Buffer, port: number, address: string): boolean {
    // Between two relays behind the same NAT nothing goes out: few NATs would bring it back.
    const near = this.#mapped && address === this.address.public && this.#ports.has(this.family, port);
    return this.#socket.send(bytes, port, near ? this.address.local : address);
  }

  onDatagram(bytes: Buffer, address: string, port: number): void {
    if (this.taker === undefined) return;
    const from =
      this.#mapped && address === this.address.local && this.#ports.has(this.family, port)
        ? this.address.public
        : address;
    this.taker.fromPeer(bytes, from, port);
  }

  close(): void {
    this.taker = undefined;
    this.#ports.release(this.family, this.port);
    this.#socket.close();
  }
}
