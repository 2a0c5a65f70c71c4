import { randomBytes } from 'node:crypto';
import type { Jid } from '#src/address/jid.ts';
import type { Condition } from '#src/stanza/conditions.ts';
import { StoreFault } from '#src/store/errors.ts';
import type { Deferred, Store, Ticket } from '#src/store/store.ts';
import type { ClientSession } from '../links/client-session.ts';
import type { ClientStream } from '../links/client-stream.ts';
import type { XmppHost, XmppServer } from '../server.ts';
import { Management, type ManagementLimits, type ManagementTerms } from './management.ts';
import { EndedSessions } from './management-ended.ts';
import { type Entry, offWire, onWire } from './management-queue.ts';
import { readSession } from './management-state.ts';
import { ManagementRows, type SessionRow } from './management-store.ts';
import { NS } from './namespaces.ts';

/** Numbers set aside after a restart for presence of which nothing is stored: a peer may claim them, a new stanza never has them. */
const UNKNOWN = 2 ** 30;

const NONE: ManagementLimits = { queue: 0, queueBytes: 0, ackTimeout: 0 };

/** What a client asks for in `<resume/>`. */
export interface ResumeRequest {
  readonly xmlns: string;
  readonly previd: string | undefined;
  readonly h: string | undefined;
}

/** The answer to it. When `session` is there the stream carries it, and `session.management.replay` is to be called behind the answer. */
export interface ResumeAnswer {
  readonly xml: string;
  readonly session?: ClientSession;
}

/** All sessions under stream management (XEP-0198), with and without a stream, in memory and in the store. One a server. */
export class Managements {
  readonly server: XmppServer;
  readonly #store: Store;
  readonly #rows: ManagementRows;
  readonly #deferred: Deferred;
  readonly #sessions = new Map<string, Management>();
  readonly #ended: EndedSessions;
  #dirty: Management[] = [];
  /** Hosts on which the module runs, with their limits. */
  readonly #hosts = new Map<XmppHost, ManagementLimits>();
  /** Sessions that came back after a restart and have not been resumed. */
  readonly #returned = new Set<Management>();
  /** Plain numbers since the start: read by the metrics. */
  readonly counters = { enabled: 0, resumed: 0, refused: 0, expired: 0, overflowed: 0, rerouted: 0, restored: 0 };

  constructor(server: XmppServer, store: Store) {
    this.server = server;
    this.#store = store;
    this.#rows = new ManagementRows(store);
    this.#ended = new EndedSessions(this.#rows);
    this.#deferred = store.deferred(() => this.#save());
  }

  /** Sessions, with or without a stream. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Sessions of this host can be managed until the result is disposed of; those that are go on. */
  serve(host: XmppHost, limits: ManagementLimits): Disposable {
    this.#hosts.set(host, limits);
    return { [Symbol.dispose]: () => void this.#hosts.delete(host) };
  }

  /** Begins to manage a session that is not managed yet. Counting starts here (XEP-0198 section 4); `begin` follows the answer. */
  enable(session: ClientSession, terms: ManagementTerms): Management {
    const management = new Management(randomBytes(18).toString('base64url'), session, terms, this);
    session.management = management;
    if (terms.timeout > 0) this.#sessions.set(management.id, management);
    if (terms.kept) this.mark(management);
    this.counters.enabled += 1;
    return management;
  }

  // Groups

  /** Has a session write when the open group is cut, and told when that is durable. */
  mark(management: Management): void {
    if (management.dirty) return;
    this.#deferred.ask();
    management.dirty = true;
    this.#dirty.push(management);
  }

  #save(): void {
    const batch = this.#dirty;
    this.#dirty = [];
    for (const management of batch) {
      management.dirty = false;
      try {
        management.save(this.#rows);
      } catch (error) {
        this.#fault(management, error);
      }
    }
    void this.#land(batch, this.#store.open);
  }

  async #land(batch: readonly Management[], ticket: Ticket): Promise<void> {
    if (!(await this.#settled(ticket))) return;
    for (const management of batch) {
      try {
        management.landed();
      } catch (error) {
        this.#fault(management, error);
      }
    }
  }

  /** A bug costs its session, and nobody else anything. */
  #fault({ session }: Management, error: unknown): void {
    this.server.log.error('stream management failed', { jid: session.jid.full, error: String(error) });
    // Not while a group is cut.
    setImmediate(() => session.close());
  }

  /** Waits until a group is durable, however often the disk fails on the way. @returns false when the store was closed before */
  async #settled(ticket: Ticket): Promise<boolean> {
    for (;;) {
      try {
        await this.#store.durable(ticket);
        return true;
      } catch (error) {
        if (!(error instanceof StoreFault)) return false;
      }
    }
  }

  // Resumption

  /**
   * Takes a session from its stream, if it has one still, and waits until what it has handled is durable: to be called before `resume`.
   * @returns undefined when there is nothing to wait for
   */
  prepare(stream: ClientStream, account: Jid | undefined, previd: string | undefined): Promise<unknown> | undefined {
    const management = this.#find(account, previd);
    if (management !== undefined) this.#abandon(management, stream);
    return this.stored();
  }

  /** Settles when all that was written so far is durable; undefined when it is. */
  stored(): Promise<unknown> | undefined {
    return this.#store.barrier() === undefined ? undefined : this.#settled(this.#store.open);
  }

  /** Section 5: "the server SHOULD send a 'conflict' stream error and close that stream". */
  #abandon({ session }: Management, stream: ClientStream): void {
    const old = session.stream;
    if (old === undefined || old === stream) return;
    old.abandon({ condition: 'conflict', text: 'resumed by another stream' });
    session.streamLost(old);
  }

  #find(account: Jid | undefined, previd: string | undefined): Management | undefined {
    const management = previd === undefined ? undefined : this.#sessions.get(previd);
    return account !== undefined && management?.session.jid.bare === account.bare ? management : undefined;
  }

  /** Gives the stream its former session (XEP-0198 section 5), in one turn. */
  resume(stream: ClientStream, { h, previd, xmlns }: ResumeRequest): ResumeAnswer {
    const claim = parseCount(h);
    if (stream.session !== undefined) return this.#refused(xmlns, 'unexpected-request');
    if (previd === undefined || claim === undefined) return this.#refused(xmlns, 'bad-request');
    const management = this.#find(stream.account, previd);
    if (management === undefined)
      return this.#refused(
        xmlns,
        'item-not-found',
        this.#ended.handled(previd, stream.account, this.server.timers.now),
      );
    this.#abandon(management, stream);
    const { queue, session } = management;
    const through = offWire(claim, queue.acked);
    if (through > management.claimable || through < 0) {
      tooHigh(stream, management, claim);
      return { xml: '' };
    }
    management.resume(stream, through);
    this.counters.resumed += 1;
    return { xml: `<resumed xmlns='${xmlns}' previd='${previd}' h='${onWire(management.inbound)}'/>`, session };
  }

  /** Behind the answer to `<resume/>`: what was lost, then, after a restart, what presence there is now. */
  replay(session: ClientSession): void {
    const { management } = session;
    management?.replay();
    if (management !== undefined && this.#returned.delete(management)) session.host.presence.refresh(session);
  }

  #refused(xmlns: string, condition: Condition, inbound?: number): ResumeAnswer {
    this.counters.refused += 1;
    return { xml: failed(xmlns, condition, inbound) };
  }

  // The end

  /** The process ends: what sessions that end with it have not had acknowledged goes where it can be read later (section 4). */
  leave(): void {
    for (const { session, terms } of [...this.#sessions.values()]) if (!terms.kept) session.finish();
  }

  /** The session ends: takes it out of memory and store. @returns what nobody acknowledged, in order */
  forget(management: Management): readonly Entry[] {
    const { id, queue, terms } = management;
    this.#sessions.delete(id);
    this.#returned.delete(management);
    const entries = queue.drain(this.#rows, id);
    if (terms.kept) this.#rows.removeSession(id);
    this.remember(management);
    return entries;
  }

  /** Remembers how far an ended session had come. */
  remember(management: Management): void {
    this.#ended.add(management, this.server.timers.now);
  }

  // After a restart

  /** Brings back the sessions of the last process; those whose time was over meanwhile end. Before any connection comes. */
  async restore(): Promise<void> {
    await this.#ended.restore(this.server.timers.now);
    const rows: (readonly [id: string, row: SessionRow])[] = [];
    for await (const row of this.#rows.sessions()) rows.push(row);
    rows.sort(([, one], [, other]) => one.head.since - other.head.since);
    // What belongs to hosts that are not served now stays for the day when they are.
    const waiting = new Set(rows.flatMap(([id, row]) => (this.#read(id, row) ? [] : [id])));
    for await (const [id, count, { at, stanza }] of this.#rows.stanzas()) {
      const management = this.#sessions.get(id);
      if (management !== undefined) management.queue.restore(count, stanza, at);
      else if (!waiting.has(id)) this.#rows.removeStanza(id, count);
    }
    const managements = [...this.#sessions.values()];
    for (const management of managements) this.#bring(management);
    for (const management of managements) {
      if (management.expires !== null && management.expires > this.server.timers.now) continue;
      this.counters.expired += 1;
      management.session.finish();
    }
  }

  /** @returns false when its host is not served */
  #read(id: string, row: SessionRow): boolean {
    const { account, expires, timeout, xmlns } = row.head;
    const host = this.server.host(account.slice(account.indexOf('@') + 1));
    if (host === undefined) return false;
    const session = readSession(row, host);
    if (session === undefined || !this.server.accounts.exists(session.jid.domain, session.jid.local)) {
      this.#rows.removeSession(id);
      return true;
    }
    const limits = this.#hosts.get(host);
    const management = new Management(id, session, { xmlns, timeout, kept: true, limits: limits ?? NONE }, this);
    const [inbound, acked, sent] = this.#rows.counters(id);
    management.inbound = inbound;
    management.queue.acked = acked;
    management.queue.sent = sent;
    // One that had a stream to the end gets the whole of its time; none where the module does not run any more.
    management.expires = limits === undefined ? 0 : (expires ?? this.server.timers.now + timeout);
    session.management = management;
    this.#sessions.set(id, management);
    return true;
  }

  #bring(management: Management): void {
    const { expires, session } = management;
    management.restored(UNKNOWN);
    if (this.server.registry.find(session.jid) !== undefined) return session.finish();
    session.host.host.bind(session);
    this.#returned.add(management);
    this.counters.restored += 1;
    management.await(expires ?? 0);
  }
}

/** XEP-0198 section 6. */
export function failed(xmlns: string, condition: Condition, inbound?: number): string {
  const h = inbound === undefined ? '' : ` h='${onWire(inbound)}'`;
  return `<failed xmlns='${xmlns}'${h}><${condition} xmlns='${NS.stanzaErrors}'/></failed>`;
}

/** Section 6: the stream ends when its peer acknowledges what it was never sent. */
export function tooHigh(stream: ClientStream, { claimable, terms: { xmlns } }: Management, h: number): void {
  const count = onWire(claimable);
  const detail = `<handled-count-too-high xmlns='${xmlns}' h='${h}' send-count='${count}'/>`;
  stream.fail('undefined-condition', `You acknowledged ${h} stanzas, but I only sent you ${count} so far.`, detail);
}

/** An unsignedInt: the value of `h`. */
export function parseCount(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined;
  const count = Number(text);
  return count < 2 ** 32 ? count : undefined;
}
