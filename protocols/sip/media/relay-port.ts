/** RFC 7362 section 4: a port of the relay, and the latching onto whoever sends there. */
import type { Buffer } from 'node:buffer';
import type { DatagramHandler, Datagrams } from '#src/net/udp.ts';
import type { Party } from './party.ts';

/** Plain numbers of all ports since the start. */
export interface RelayCounters {
  packets: number;
  bytes: number;
  /** Places that were latched onto. */
  latched: number;
  /** Dropped: from where no party of the call is expected. */
  strangers: number;
  /** Dropped: the other side is not known yet, or on hold. */
  nowhere: number;
  /** Dropped: to a place that a party named, from which nothing ever came. */
  unseen: number;
  /** Dropped: the system did not take it. */
  unsent: number;
}

export const noneRelayed = (): RelayCounters => ({
  packets: 0,
  bytes: 0,
  latched: 0,
  strangers: 0,
  nowhere: 0,
  unseen: 0,
  unsent: 0,
});

/** What the ends of a relay share. */
export interface LatchRules {
  readonly counters: RelayCounters;
  /** May media come from wherever it likes, or only from the address of the signalling and the one that was described? */
  anywhere(): boolean;
  /** A port of a relay of this server: what comes from there has gone in a circle. */
  readonly isRelay: (address: string, port: number) => boolean;
}

export interface MediaPlace {
  readonly address: string;
  readonly port: number;
}

/** What is known of one side of a stream, RTP and RTCP together. */
export interface Witness {
  /** Datagrams that may still be sent to a place that only the session description names. */
  left: number;
}

/**
 * Datagrams that go to an address other than that of the signalling until something comes from there: half a minute of speech. Else whoever calls
 * could have a stream sent to somebody else (RFC 7362 section 5, RFC 8445 section 19.5.1).
 */
const UNSEEN = 1500;

export const witness = (): Witness => ({ left: Infinity });

interface EndState {
  readonly described: MediaPlace | undefined;
  readonly written: string;
  readonly address: string;
  readonly port: number;
  readonly latched: boolean;
  readonly muted: boolean;
}

/** One party at one port of the relay. What comes from it goes to `peer`, the other party at another port. */
export class End {
  readonly relay: RelayPort;
  peer: End | undefined = undefined;
  party: Party;
  /** Received of the party. */
  packets = 0;
  bytes = 0;
  readonly #rules: LatchRules;
  readonly #witness: Witness;
  /** What the session description says and may be believed. */
  #described: MediaPlace | undefined;
  /** What it says, as text: to see that it has changed. */
  #written = '';
  /** Where is sent to; port 0 while that is not known. */
  #address = '';
  #port = 0;
  #latched = false;
  #muted = false;

  constructor(relay: RelayPort, party: Party, seen: Witness, rules: LatchRules) {
    this.relay = relay;
    this.party = party;
    this.#witness = seen;
    this.#rules = rules;
    relay.ends.push(this);
  }

  /**
   * A session description of the party. Media goes where it says, or stays with the place that was latched onto while it says the same as before.
   * @param written the place as it says it
   * @param believed that place, if anything may be sent there before something comes from there
   * @param fresh of a new offer and answer: then the party may be latched onto again ("not allowed to change … until a new offer and answer")
   */
  describe(written: string, believed: MediaPlace | undefined, muted: boolean, fresh: boolean): void {
    const changed = written !== this.#written;
    this.#muted = muted;
    if (!changed && !fresh) return;
    this.#latched = false;
    this.#written = written;
    this.#described = believed;
    if (!changed || believed === undefined) return;
    this.#address = believed.address;
    this.#port = believed.port;
    this.#witness.left = believed.address === this.party.signalling ? Infinity : UNSEEN;
  }

  isFrom(address: string, port: number): boolean {
    return this.#latched && this.#port === port && this.#address === address;
  }

  /**
   * May this be the party? Once somebody was latched onto, only the place that the party described itself counts. Before, media must come from that
   * address, or from where the party's signalling comes from.
   */
  latch(address: string, port: number): boolean {
    const described = this.#described;
    if (described?.port !== port || described.address !== address) {
      if (this.#latched) return false;
      const expected = address === this.party.signalling || address === described?.address || this.#rules.anywhere();
      if (!expected || this.#rules.isRelay(address, port)) return false;
    }
    this.#address = address;
    this.#port = port;
    this.#latched = true;
    this.#witness.left = Infinity;
    this.#rules.counters.latched += 1;
    return true;
  }

  /** A datagram of the party. */
  received(bytes: Buffer): void {
    this.packets += 1;
    this.bytes += bytes.length;
    this.peer?.send(bytes);
  }

  send(bytes: Buffer): void {
    const { counters } = this.#rules;
    if (this.#port === 0 || this.#muted) return void (counters.nowhere += 1);
    if (this.#witness.left <= 0) return void (counters.unseen += 1);
    this.#witness.left -= 1;
    if (!this.relay.socket.send(bytes, this.#port, this.#address)) return void (counters.unsent += 1);
    counters.packets += 1;
    counters.bytes += bytes.length;
  }

  save(): EndState {
    return {
      described: this.#described,
      written: this.#written,
      address: this.#address,
      port: this.#port,
      latched: this.#latched,
      muted: this.#muted,
    };
  }

  /** As it was: an offer was refused (RFC 3261 section 14.1). */
  restore({ address, described, latched, muted, port, written }: EndState): void {
    this.#described = described;
    this.#written = written;
    this.#address = address;
    this.#port = port;
    this.#latched = latched;
    this.#muted = muted;
  }

  leave(): void {
    const at = this.relay.ends.indexOf(this);
    if (at >= 0) this.relay.ends.splice(at, 1);
    if (this.peer !== undefined) this.peer.peer = undefined;
    this.peer = undefined;
  }
}

export class RelayPort implements DatagramHandler {
  readonly socket: Datagrams;
  /** One, unless a proxy behind this one has forked: then one for each early dialog. */
  readonly ends: End[] = [];
  readonly #counters: RelayCounters;

  constructor(socket: Datagrams, counters: RelayCounters) {
    this.socket = socket;
    this.#counters = counters;
  }

  onDatagram(bytes: Buffer, address: string, port: number): void {
    for (const end of this.ends) if (end.isFrom(address, port)) return end.received(bytes);
    for (const end of this.ends) if (end.latch(address, port)) return end.received(bytes);
    this.#counters.strangers += 1;
  }
}
