import { delayed } from '#src/im/delay.ts';
import type { Timed } from '#src/net/timers.ts';
import type { Stanza, StanzaKind } from '#src/stanza/stanza.ts';
import type { ClientSession } from '../links/client-session.ts';
import type { ClientStream } from '../links/client-stream.ts';
import { onWire, UnacknowledgedQueue } from './management-queue.ts';
import { reroute } from './management-reroute.ts';
import { SavedState } from './management-state.ts';
import type { ManagementRows } from './management-store.ts';
import type { Managements } from './managements.ts';

/** What holds for the managed sessions of a host. Milliseconds, counts, bytes. */
export interface ManagementLimits {
  readonly queue: number;
  readonly queueBytes: number;
  /** How long the peer may take to answer a request for acknowledgement. */
  readonly ackTimeout: number;
}

/** What was agreed when stream management was enabled. */
export interface ManagementTerms {
  /** The version of the protocol that the client speaks, by its namespace. */
  readonly xmlns: string;
  /** How long the session lives without a stream, in milliseconds; 0 when it cannot be resumed. */
  readonly timeout: number;
  /** It outlives the process. */
  readonly kept: boolean;
  readonly limits: ManagementLimits;
}

/**
 * Stream management of one session (XEP-0198): numbers what goes both ways, and keeps what the peer has not acknowledged.
 *
 * What a kept session says to its peer is in the store first. An acknowledgement waits for the group that holds the effects of the
 * stanzas it counts; so does an outbound message or iq, so that the peer never has what a crash would undo and its sender would send
 * again. Within a group all of that costs one look at a flag per stanza, and one row per session.
 */
export class Management implements Timed {
  readonly id: string;
  readonly session: ClientSession;
  readonly terms: ManagementTerms;
  readonly queue = new UnacknowledgedQueue();
  readonly #all: Managements;
  /** Stanzas of the peer that were handled. */
  inbound = 0;
  /** When its time without a stream is over, in milliseconds since the epoch; null while it has a stream. */
  expires: number | null = null;
  /** It stands in the list of those that write when the open group is cut. */
  dirty = false;
  /** It has writes in the group that is being committed. */
  #flying = false;
  /** Session state other than counters may have changed. */
  #stateDirty = true;
  readonly #state = new SavedState();
  /** Numbers up to which outbound stanzas were written to the stream, may be written, and were in the last group. */
  #written = 0;
  #safe = 0;
  #sealed = 0;
  #sealedInbound = 0;
  /** Stanzas up to this number are sent a second time, or late. */
  #replayed = 0;
  /** The peer waits for an acknowledgement: when the open group, or the one in flight, is durable. */
  #owedOpen = false;
  #owedFlight = false;
  /** A request for acknowledgement is out. */
  #asked = false;
  /** The peer has been told that the session is managed, or that it was resumed: it takes stanzas. */
  #ready = false;
  #crowded = false;
  #ended = false;

  constructor(id: string, session: ClientSession, terms: ManagementTerms, all: Managements) {
    this.id = id;
    this.session = session;
    this.terms = terms;
    this.#all = all;
  }

  /** Most of the queue is taken: what can wait should. */
  get crowded(): boolean {
    const { queue, queueBytes } = this.terms.limits;
    return this.queue.length >= queue / 2 || this.queue.size >= queueBytes / 2;
  }

  /** Takes an outbound stanza: numbers it, keeps it, and writes it as soon as it may be. False when the session can take no more. */
  send(stanza: Stanza): boolean {
    const { queue, terms } = this;
    if (queue.length >= terms.limits.queue || queue.size >= terms.limits.queueBytes) return this.#overflow();
    queue.push(stanza, this.#all.server.timers.now);
    if (terms.kept && stanza.kind !== 'presence') {
      if (stanza.kind === 'iq') this.#stateDirty = true;
      this.#all.mark(this);
    } else if (this.#safe === queue.sent - 1) this.#safe = queue.sent;
    this.#flow();
    this.#crowded ||= this.crowded;
    return true;
  }

  /** The peer takes too little. What it did not acknowledge goes elsewhere before what comes now does. */
  #overflow(): false {
    this.#all.counters.overflowed += 1;
    const { stream } = this.session;
    if (stream === undefined) this.session.finish();
    else stream.fail('resource-constraint', 'too many stanzas are not acknowledged');
    return false;
  }

  /** Counts an inbound stanza whose effects are in the open group. */
  handled(kind: StanzaKind): void {
    this.inbound += 1;
    // It ended the session itself: what is remembered of it counts too.
    if (this.#ended) return this.#all.remember(this);
    if (kind !== 'message') this.#stateDirty = true;
    this.#all.mark(this);
  }

  /** `<r/>`: answered when all that was handled is durable. Requests that come while one waits may share an answer. */
  requested(): void {
    if (this.dirty) this.#owedOpen = true;
    else if (this.#flying) this.#owedFlight = true;
    else this.#acknowledge(this.inbound);
  }

  #acknowledge(inbound: number): void {
    if (this.#ready) this.session.stream?.write(`<a xmlns='${this.terms.xmlns}' h='${onWire(inbound)}'/>`);
  }

  /** `<a/>` with the number that its `h` stands for. @returns false when the peer claims more than it was sent (section 6) */
  acknowledged(through: number): boolean {
    const { queue } = this;
    if (through > this.#written || through < 0) return false;
    this.#all.server.timers.remove(this);
    this.#asked = false;
    if (through <= queue.acked) {
      this.#flow();
      return true;
    }
    if (queue.acknowledge(through)) this.#all.mark(this);
    this.#flow();
    if (!this.#asked && this.#written > queue.acked) this.#ask();
    if (this.#crowded && !this.crowded) this.#ease();
    return true;
  }

  #ease(): void {
    this.#crowded = false;
    this.session.host.host.hooks.notice('session/eased').tell(this.session);
  }

  /** The last number that the peer may claim. */
  get claimable(): number {
    return this.#written;
  }

  /** Writes what may be written, unless the peer reads too slowly: then its next acknowledgement goes on with it. */
  #flow(): void {
    const { stream } = this.session;
    if (stream === undefined || !this.#ready || this.#written >= this.#safe) return;
    const window = this.#all.server.options.queueBytes / 2;
    while (this.#written < this.#safe && stream.transport.buffered < window) {
      this.#written += 1;
      const entry = this.queue.at(this.#written);
      if (entry === undefined) throw new Error(`no stanza ${this.#written} in the queue of ${this.session.jid.full}`);
      const late = this.#written <= this.#replayed && entry.stanza.kind === 'message';
      stream.transport.writeStanza(late ? delayed(entry, this.session.jid.domain) : entry.stanza);
      if (this.session.stream !== stream) return;
    }
    if (!this.#asked) this.#ask();
  }

  /** One request at a time: behind the first stanza, then behind those that came before its answer. */
  #ask(): void {
    this.#asked = true;
    this.session.stream?.write(`<r xmlns='${this.terms.xmlns}'/>`);
    this.#all.server.timers.add(this, this.terms.limits.ackTimeout);
  }

  // The store

  /** Called when the open group is cut. */
  save(rows: ManagementRows): void {
    this.#flying = true;
    this.#sealed = this.queue.sent;
    this.#sealedInbound = this.inbound;
    this.#owedFlight ||= this.#owedOpen;
    this.#owedOpen = false;
    if (!this.terms.kept || this.#ended) return;
    if (this.#stateDirty) this.#state.save(rows, this);
    this.#stateDirty = false;
    this.queue.save(rows, this.id, this.session.stream === undefined);
    rows.putCounters(this.id, [this.inbound, this.queue.acked, this.queue.sent]);
  }

  /** The group that was cut last is durable: what it holds may be said. */
  landed(): void {
    this.#flying = false;
    if (this.#ended) return;
    if (this.#owedFlight) {
      this.#owedFlight = false;
      this.#acknowledge(this.#sealedInbound);
    }
    if (this.#sealed > this.#safe) this.#safe = this.#sealed;
    // Presence behind it was only kept waiting for its turn.
    while (this.queue.at(this.#safe + 1)?.stanza.kind === 'presence') this.#safe += 1;
    this.#flow();
  }

  // Between two streams

  /** The stream was lost. True when the session lives on and awaits the next one. */
  detached(): boolean {
    this.#asked = false;
    this.#owedFlight = false;
    this.#owedOpen = false;
    if (this.terms.timeout === 0) return false;
    this.await(this.#all.server.timers.now + this.terms.timeout);
    return true;
  }

  /** Waits for a stream until then. */
  await(expires: number): void {
    this.expires = expires;
    this.#stateDirty = true;
    if (this.terms.kept) this.#all.mark(this);
    this.#all.server.timers.add(this, Math.max(0, expires - this.#all.server.timers.now));
  }

  /** The peer does not answer, so its connection is dead; or the session was not resumed in time. */
  onTimeout(): void {
    const { stream } = this.session;
    if (stream !== undefined)
      return stream.onFault({ condition: 'connection-timeout', text: 'no acknowledgement came' });
    this.#all.counters.expired += 1;
    this.session.finish();
  }

  /** The session came back after a restart; its queue is filled. Nobody knows what presence its peer was sent at the end. */
  restored(unknown: number): void {
    // What is stored for its account may have waited for it.
    this.#crowded = true;
    this.queue.skip(unknown);
    this.#written = this.queue.sent;
    this.#safe = this.queue.sent;
  }

  /**
   * Goes on over a new stream, from the number that the peer claims (section 5). Nothing is written before `replay`.
   * @param through at most `claimable`
   */
  resume(stream: ClientStream, through: number): void {
    const { queue, session } = this;
    this.#all.server.timers.remove(this);
    this.expires = null;
    this.#stateDirty = true;
    this.#ready = false;
    this.#asked = false;
    this.#owedFlight = false;
    this.#owedOpen = false;
    session.moved(stream);
    if (through > queue.acked) queue.acknowledge(through);
    // New numbers are in the store before a stanza goes out under them.
    const changed = queue.renumber(through);
    this.#replayed = queue.sent;
    this.#written = through;
    const safe = changed ? through : queue.sent;
    this.#safe = Math.min(this.#safe, safe);
    this.#sealed = Math.min(this.#sealed, safe);
    this.#all.mark(this);
  }

  /** The peer has been told `<enabled/>`. */
  begin(): void {
    this.#ready = true;
    this.#flow();
  }

  /** The peer has been told that the stream was resumed: it gets what it did not acknowledge, then what was held back. */
  replay(): void {
    this.begin();
    this.session.reactivate();
    if (this.#crowded && !this.crowded) this.#ease();
  }

  /** The session ends. Runs when it has left the registry. */
  ended(): void {
    this.#ended = true;
    this.#all.server.timers.remove(this);
    const entries = this.#all.forget(this);
    this.#all.counters.rerouted += reroute(entries, this.session);
  }
}
