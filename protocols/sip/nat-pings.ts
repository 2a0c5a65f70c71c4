import { Buffer } from 'node:buffer';
import type { Jid } from '#src/address/jid.ts';
import type { Timed, Timers } from '#src/net/timers.ts';
import type { Binding } from './binding.ts';
import type { Bindings } from './bindings.ts';
import { SipUri } from './message/uri.ts';
import type { Transports } from './transport/transports.ts';

/** Milliseconds between the parts of a round. */
const STEP = 1000;
const DEFAULT_PORT = 5060;
/** What every phone ignores (RFC 3261 section 7.5). */
const PING = Buffer.from('\r\n\r\n');

export interface NatPingsParts {
  readonly bindings: Bindings;
  readonly timers: Timers;
  readonly transports: Pick<Transports, 'datagramFlow'>;
  /** Milliseconds of a round; 0 for none. */
  readonly interval: () => number;
}

/** Keeps the way open to phones that registered over UDP from behind a NAT: a few bytes now and then, spread over the time. */
export class NatPings implements Timed {
  readonly #parts: NatPingsParts;
  #round: Iterator<readonly [Jid, readonly Binding[]]> | undefined;
  /** Plain numbers: read by the metrics. */
  readonly counters = { pings: 0 };

  constructor(parts: NatPingsParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#parts.timers.add(this, STEP);
  }

  onTimeout(): void {
    const { bindings, interval, timers } = this.#parts;
    timers.add(this, STEP);
    if (interval() === 0) return;
    const count = Math.ceil((bindings.accounts * STEP) / Math.max(interval(), STEP));
    for (let done = 0; done < count; done++) {
      this.#round ??= bindings[Symbol.iterator]();
      const next = this.#round.next();
      if (next.done === true) return void (this.#round = undefined);
      for (const binding of next.value[1]) this.#ping(binding);
    }
  }

  #ping({ contact, flow }: Binding): void {
    if (flow?.transport !== 'udp' || !isTranslated(contact, flow.address, flow.port)) return;
    if (this.#parts.transports.datagramFlow(flow.address, flow.port)?.send(PING) === true) this.counters.pings += 1;
  }
}

/** The phone writes another place into its Contact than it is seen at. */
function isTranslated(contact: string, address: string, port: number): boolean {
  const uri = SipUri.parse(contact);
  return uri?.address !== address || (uri.port ?? DEFAULT_PORT) !== port;
}
