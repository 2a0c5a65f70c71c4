import type { Buffer } from 'node:buffer';
import type { DatagramAcceptor } from '#src/net/listeners.ts';
import type { DatagramHandler, Datagrams } from '#src/net/udp.ts';
import type { Allocation } from '../allocation.ts';
import { CHANNEL_HEADER } from '../channel-data.ts';
import { receive } from '../requests.ts';
import type { TurnServer } from '../server.ts';
import type { Link } from './link.ts';

/** A client over UDP: kept as long as it has an allocation, or gets one. */
class UdpLink implements Link {
  readonly transport = 'udp';
  readonly padded = false;
  readonly serverName = undefined;
  readonly address: string;
  readonly port: number;
  readonly #port: UdpPort;
  #allocation: Allocation | undefined = undefined;
  #allocating: Buffer | undefined = undefined;

  constructor(port: UdpPort, address: string, from: number) {
    this.#port = port;
    this.address = address;
    this.port = from;
  }

  get closed(): boolean {
    return this.#port.closed;
  }

  get allocation(): Allocation | undefined {
    return this.#allocation;
  }

  set allocation(allocation: Allocation | undefined) {
    this.#allocation = allocation;
    this.#settle();
  }

  get allocating(): Buffer | undefined {
    return this.#allocating;
  }

  set allocating(transaction: Buffer | undefined) {
    this.#allocating = transaction;
    this.#settle();
  }

  #settle(): void {
    if (this.#allocation === undefined && this.#allocating === undefined) this.#port.forget(this);
    else this.#port.keep(this);
  }

  send(message: Buffer): void {
    this.#port.socket.send(message, this.port, this.address);
  }

  relay(message: Buffer): boolean {
    return this.#port.socket.send(message, this.port, this.address);
  }

  released(): void {
    // Nothing but the 5-tuple was held, and that is forgotten.
  }

  authenticated(): void {
    // Nothing was held back.
  }
}

/** A listening UDP socket, and the clients that have allocations by it: the 5-tuples of RFC 8656 section 6. */
class UdpPort implements DatagramHandler {
  readonly socket: Datagrams;
  closed = false;
  readonly #server: TurnServer;
  /** By address, then by port: no key has to be made for a datagram. */
  readonly #links = new Map<string, Map<number, UdpLink>>();

  constructor(server: TurnServer, socket: Datagrams) {
    this.#server = server;
    this.socket = socket;
  }

  onDatagram(bytes: Buffer, address: string, port: number): void {
    const link = this.#links.get(address)?.get(port);
    // RFC 8656 section 12: the first two bits tell ChannelData from STUN.
    if (((bytes[0] ?? 0) & 0xc0) === 0x40) {
      if (link?.allocation !== undefined) this.#channelData(link.allocation, bytes);
    } else receive(this.#server, link ?? new UdpLink(this, address, port), bytes);
  }

  /** Section 12.6: "if the UDP datagram is too short to contain the claimed length …, then the message is silently discarded"; it may be padded. */
  #channelData(allocation: Allocation, bytes: Buffer): void {
    if (bytes.length < CHANNEL_HEADER) return;
    const end = CHANNEL_HEADER + (((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0));
    if (end <= bytes.length)
      allocation.fromChannel(((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0), bytes.subarray(CHANNEL_HEADER, end));
  }

  keep(link: UdpLink): void {
    const ports = this.#links.get(link.address);
    if (ports === undefined) this.#links.set(link.address, new Map([[link.port, link]]));
    else ports.set(link.port, link);
  }

  forget({ address, port }: UdpLink): void {
    const ports = this.#links.get(address);
    ports?.delete(port);
    if (ports?.size === 0) this.#links.delete(address);
  }

  onClose(): void {
    this.closed = true;
    for (const ports of [...this.#links.values()]) {
      for (const { allocation } of [...ports.values()]) {
        if (allocation !== undefined) this.#server.end(allocation, 'disconnected');
      }
    }
  }
}

/** Takes the datagrams of listeners of kind `turn`. */
export function acceptUdp(server: TurnServer): DatagramAcceptor {
  return { bound: (socket) => new UdpPort(server, socket) };
}
