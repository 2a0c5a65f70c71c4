/** RFC 3261 section 18 over UDP, with the STUN keep-alive of RFC 5626 section 3.5.2 on the same port. */
import type { Buffer } from 'node:buffer';
import type { ListenerInfo } from '#src/net/connection.ts';
import type { DatagramHandler, Datagrams } from '#src/net/udp.ts';
import { parseIp, isLoopback } from '#src/address/ip.ts';
import { parseMessage } from '#protocols/sip/message/parse.ts';
import { answer } from '#protocols/stun/binding.ts';
import { Flow } from './flow.ts';
import type { TransportCore } from './core.ts';

/** What it takes to be a message: shorter datagrams are the keep-alives of all kinds that phones send (RFC 5626 section 3.5.1, and others). */
const SHORTEST = 16;
/** RFC 8489 section 5: the first two bits of STUN are zero; no SIP message begins with such a byte. */
const isStun = (bytes: Buffer): boolean => (bytes[0] ?? 0xff) < 0x04 && bytes.length >= 20;

/** Flows that are kept, and for how many milliseconds: addresses of this machine may change. */
const FLOWS = 4096;
const FLOWS_KEPT = 10_000;

/** One of our sockets, and the flows to whoever is heard at it. */
export class UdpPort implements DatagramHandler {
  readonly socket: Datagrams;
  readonly listener: ListenerInfo;
  open = true;
  readonly #core: TransportCore;
  readonly #serial: string;
  readonly #flows = new Map<string, Flow>();
  #flowsSince = 0;

  constructor(core: TransportCore, socket: Datagrams, listener: ListenerInfo, serial: string) {
    this.#core = core;
    this.socket = socket;
    this.listener = listener;
    this.#serial = serial;
  }

  /** Can datagrams to the address leave here? What is bound to a loopback address goes nowhere else, nor does anything else get there. */
  reaches(address: string): boolean {
    const { family, localAddress } = this.socket;
    if (localAddress === '::') return true;
    if ((family === 6) !== address.includes(':')) return false;
    return localAddress === '0.0.0.0' || isLocal(localAddress) === isLocal(address);
  }

  /** A value: two flows to the same place are alike. Those of who was heard lately are kept: most send several messages in a row. */
  flow(address: string, port: number): Flow {
    const { local, timers } = this.#core;
    if (this.#flows.size >= FLOWS || timers.steady - this.#flowsSince > FLOWS_KEPT) {
      this.#flows.clear();
      this.#flowsSince = timers.steady;
    }
    const place = `${address} ${port}`;
    const known = this.#flows.get(place);
    if (known !== undefined) return known;
    const flow = new UdpFlow(this, this.#serial, local.towards(address, this.socket.localAddress), address, port);
    this.#flows.set(place, flow);
    return flow;
  }

  onDatagram(bytes: Buffer, address: string, port: number): void {
    if (isStun(bytes)) {
      const binding = answer(bytes, address, port);
      if (binding !== undefined) this.socket.send(binding, port, address);
      return;
    }
    if (bytes.length < SHORTEST) return void (this.#core.counters.keepAlives += 1);
    this.#core.received(parseMessage(bytes, this.#core.limits), this.flow(address, port));
  }

  onClose(): void {
    this.open = false;
    this.#core.portClosed(this);
  }
}

class UdpFlow extends Flow {
  readonly #port: UdpPort;

  constructor(port: UdpPort, serial: string, local: string, address: string, remotePort: number) {
    super(`${serial}-${address}-${remotePort}`, 'udp', {
      remoteAddress: address,
      remotePort,
      localAddress: local,
      localPort: port.socket.localPort,
      listener: port.listener.name,
      loopback: isLocal(address),
    });
    this.#port = port;
  }

  get open(): boolean {
    return this.#port.open;
  }

  send(bytes: Buffer): boolean {
    return this.#port.socket.send(bytes, this.remotePort, this.remoteAddress);
  }

  /** For responses, which may have to go to another port than the request came from. */
  override sendTo(bytes: Buffer, address: string, port: number): boolean {
    return this.#port.socket.send(bytes, port, address);
  }

  close(): void {
    // There is no connection to close.
  }

  authenticated(): void {
    // Datagrams are counted by source, not by connection.
  }
}

function isLocal(text: string): boolean {
  const address = parseIp(text);
  return address !== undefined && isLoopback(address);
}
