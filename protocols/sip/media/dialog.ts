/** One dialog, early or confirmed, whose media is relayed: an offer and its answer at a time (RFC 3264). */
import type { Buffer } from 'node:buffer';
import type { Timed } from '#src/net/timers.ts';
import type { Fork } from './fork.ts';
import type { Party } from './party.ts';
import { type Described, describedBy, otherSide, placeOf, type Side } from './parts.ts';
import type { PortPair } from './ports.ts';
import { End, witness } from './relay-port.ts';
import { isHeld, isRelayable, type Sdp } from './sdp.ts';
import { type Place, replacePlaces } from './sdp-edit.ts';

/** Milliseconds that a call on hold may be silent. */
const HELD = 3_600_000;
/** How often one looks whether there was media. */
const LOOK = 5000;

/** What came of both sides. */
export interface Traffic {
  readonly packets: number;
  readonly bytes: number;
}

/** RTP and RTCP of one side of a stream. */
interface Ends {
  readonly rtp: End;
  readonly rtcp: End;
}

/** One stream: where the caller sends to (the callee's ports are the fork's), and both sides. */
interface Stream {
  readonly pair: PortPair;
  readonly caller: Ends;
  readonly callee: Ends;
}

const eachEnd = ({ callee, caller }: Stream): readonly End[] => [caller.rtp, caller.rtcp, callee.rtp, callee.rtcp];

export class RelayedDialog implements Timed {
  /** Of the callee. */
  readonly tag: string;
  readonly fork: Fork;
  /** By media description. */
  readonly #streams: (Stream | undefined)[] = [];
  readonly #described: Partial<Record<Side, Sdp>>;
  /** The last offer and answer that each side took part in. */
  readonly #exchanges: Partial<Record<Side, string>> = {};
  /** Of streams that are over. */
  #past: Traffic = { packets: 0, bytes: 0 };
  #held = false;
  #quiet = 0;
  #seen = 0;
  #open = true;

  constructor(tag: string, fork: Fork) {
    this.tag = tag;
    this.fork = fork;
    this.#described = fork.offered === undefined ? {} : { caller: fork.offered };
  }

  get open(): boolean {
    return this.#open;
  }

  get traffic(): Traffic {
    let { bytes, packets } = this.#past;
    for (const stream of this.#streams) {
      for (const end of stream === undefined ? [] : eachEnd(stream)) {
        packets += end.packets;
        bytes += end.bytes;
      }
    }
    return { packets, bytes };
  }

  /**
   * A session description of one side.
   * @param exchange the same for all that belongs to one offer and answer
   * @param opens an offer, which may begin streams
   * @returns it as the other side is to read it; streams for which there are no ports stay as they are
   */
  read(side: Side, sdp: Sdp, exchange: string, opens: boolean): Buffer {
    const fresh = this.#exchanges[side] !== exchange;
    this.#exchanges[side] = exchange;
    this.#described[side] = sdp;
    this.#held = isHeld(sdp);
    const places: (Place | undefined)[] = [];
    for (const [at, media] of sdp.media.entries()) {
      if (!isRelayable(sdp, media)) {
        // RFC 3264 section 6: a zero in the answer ends a stream.
        if (!opens) this.#close(at);
        places.push(undefined);
        continue;
      }
      const stream = this.#stream(at, opens);
      if (stream !== undefined) this.#describe(stream, at, side, fresh);
      const pair = side === 'caller' && stream !== undefined ? this.fork.pair(at, false) : stream?.pair;
      places.push(pair && placeOf(pair));
    }
    return replacePlaces(sdp, this.fork.parties[otherSide(side)].told, places);
  }

  /** A side signals from another address now. */
  moved(side: Side, party: Party): void {
    const { local, told } = this.fork.parties[side];
    // Its ports stay where they are.
    const now = party.local === local ? party : { ...party, local, told };
    this.fork.parties[side] = now;
    for (const stream of this.#streams) {
      if (stream === undefined) continue;
      stream[side].rtp.party = now;
      stream[side].rtcp.party = now;
    }
  }

  /** What it is now, and how it becomes that again: an offer may be refused. */
  save(): () => void {
    const states = this.#streams.flatMap((stream) => (stream === undefined ? [] : eachEnd(stream)));
    const saved = states.map((end) => [end, end.save()] as const);
    const described = { ...this.#described };
    const held = this.#held;
    const count = this.#streams.map((stream) => stream !== undefined);
    return () => {
      for (const at of this.#streams.keys()) if (count[at] !== true) this.#close(at);
      for (const [end, state] of saved) end.restore(state);
      Object.assign(this.#described, described);
      this.#held = held;
    };
  }

  /** From now on silence ends it. */
  watch(): void {
    const { timers } = this.fork.parts;
    if (this.#open && !timers.has(this)) timers.add(this, LOOK);
  }

  onTimeout(): void {
    const { counters, silent, timeout, timers } = this.fork.parts;
    const { packets } = this.traffic;
    this.#quiet = packets === this.#seen ? this.#quiet + LOOK : 0;
    this.#seen = packets;
    if (this.#quiet < (this.#held ? Math.max(HELD, timeout()) : timeout())) return timers.add(this, LOOK);
    counters.silent += 1;
    this.end();
    // Where there never was any, it may have gone another way.
    if (packets > 0) silent(this);
  }

  end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.fork.parts.timers.remove(this);
    for (const at of this.#streams.keys()) this.#close(at);
    this.fork.left(this);
  }

  /** The stream of a media description, if the callee has ports for it or may get some. */
  #stream(at: number, opens: boolean): Stream | undefined {
    const known = this.#streams[at];
    const callee = known === undefined ? this.fork.pair(at, opens) : undefined;
    if (known !== undefined || callee === undefined || !this.#open) return known;
    const { parties, parts } = this.fork;
    const pair = parts.ports.open(parties.caller.local);
    if (pair === undefined) {
      parts.counters.noPorts += 1;
      return undefined;
    }
    const ends = (ports: PortPair, party: Party): Ends => {
      const seen = witness();
      return { rtp: new End(ports.rtp, party, seen, parts.rules), rtcp: new End(ports.rtcp, party, seen, parts.rules) };
    };
    const stream: Stream = { pair, caller: ends(pair, parties.caller), callee: ends(callee, parties.callee) };
    for (const kind of ['rtp', 'rtcp'] as const) {
      stream.caller[kind].peer = stream.callee[kind];
      stream.callee[kind].peer = stream.caller[kind];
    }
    this.#streams[at] = stream;
    for (const side of ['caller', 'callee'] as const) this.#describe(stream, at, side, true);
    return stream;
  }

  #describe(stream: Stream, at: number, side: Side, fresh: boolean): void {
    const sdp = this.#described[side];
    const { parties, parts } = this.fork;
    const described: Described | undefined = sdp && describedBy(sdp, at, parties[side], parts);
    if (described === undefined) return;
    for (const kind of ['rtp', 'rtcp'] as const) {
      const { believed, written } = described[kind];
      stream[side][kind].describe(written, believed, described.muted, fresh);
    }
  }

  #close(at: number): void {
    const stream = this.#streams[at];
    if (stream === undefined) return;
    this.#streams[at] = undefined;
    let { bytes, packets } = this.#past;
    for (const end of eachEnd(stream)) {
      packets += end.packets;
      bytes += end.bytes;
      end.leave();
    }
    this.#past = { packets, bytes };
    this.fork.parts.ports.close(stream.pair);
  }
}
