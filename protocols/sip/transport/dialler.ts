import type { Connection } from '#src/net/connection.ts';
import { type Destination as DialTo, dial, type DialTls } from '#src/net/dial.ts';
import type { TransportCore } from './core.ts';
import type { AddressDestination } from './destination.ts';
import { placeTo } from './place.ts';
import { ConnectionFlow, type StreamFlow } from './stream.ts';

/** Connections that are being made at once, and those that stay open. */
const DIALS = 1000;
const OPEN = 10_000;

/** Makes connections; those who want to go to the same place share one attempt. */
export class Dialler {
  readonly #core: TransportCore;
  readonly #tls: () => DialTls | undefined;
  readonly #limit: number;
  /** Open connections that were made here, the oldest first. */
  readonly #made = new Set<StreamFlow>();
  readonly #dials = new Map<string, Promise<StreamFlow>>();

  /** @param limit connections that stay open at once */
  constructor(core: TransportCore, tls: () => DialTls | undefined, limit = OPEN) {
    this.#limit = limit;
    this.#core = core;
    this.#tls = tls;
  }

  /** What was made first is closed for what is needed now. */
  #keep(flow: StreamFlow): void {
    const [oldest] = this.#made;
    if (this.#made.size >= this.#limit) oldest?.close();
    this.#made.add(flow);
    flow.watch(() => void this.#made.delete(flow));
  }

  /** @param timeout milliseconds; rejects when there is no connection by then */
  connect(to: AddressDestination, timeout: number): Promise<StreamFlow> {
    const place = placeTo(to);
    const under = this.#dials.get(place);
    if (under !== undefined) return under;
    // RFC 7118 section 7: a WebSocket client cannot be connected to.
    if (to.transport === 'ws' || to.transport === 'wss') return Promise.reject(new Error('browsers do not listen'));
    if (this.#dials.size >= DIALS) return Promise.reject(new Error('too many connections are being made'));
    const made = this.#dial(to, place, timeout).finally(() => this.#dials.delete(place));
    this.#dials.set(place, made);
    return made;
  }

  async #dial(to: AddressDestination, place: string, timeout: number): Promise<StreamFlow> {
    const { address, port, serverName = address, transport } = to;
    const tls = transport === 'tls' ? { ...this.#tls(), serverName } : undefined;
    const where: DialTo = { name: transport, kind: 'sip', host: address, port, timeout, ...(tls && { tls }) };
    let connection: Connection;
    try {
      connection = await dial(where);
    } catch (error) {
      this.#core.counters.dialsFailed += 1;
      throw error;
    }
    this.#core.counters.dialled += 1;
    const flow = new ConnectionFlow(this.#core, connection, place);
    // It is where we wanted to go: no stranger, who may be silent for a short while only.
    flow.authenticated();
    this.#keep(flow);
    connection.resume();
    return flow;
  }
}
