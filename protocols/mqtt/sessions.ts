import type { Timers } from '#src/net/timers.ts';
import type { Delivery } from './backlog.ts';
import type { Broker } from './broker.ts';
import { reasonCodes } from './packet/reason-codes.ts';
import type { Will } from './packet/types.ts';
import { FOR_EVER, type Identity, keyOf, type Link, Session } from './session.ts';

export interface Opening {
  readonly cleanStart: boolean;
  /** Seconds. */
  readonly expiry: number;
  readonly will: Will | undefined;
}

/** The sessions of a host, of clients that are connected and of those that may come back (MQTT 5 section 4.1). */
export class Sessions implements Iterable<Session> {
  readonly #broker: Broker;
  readonly #timers: Timers;
  readonly #sessions = new Map<string, Session>();
  readonly #perAccount = new Map<string, number>();
  #connected = 0;

  constructor(broker: Broker, timers: Timers) {
    this.#broker = broker;
    this.#timers = timers;
  }

  get size(): number {
    return this.#sessions.size;
  }

  get connected(): number {
    return this.#connected;
  }

  get(key: string): Session | undefined {
    return this.#sessions.get(key);
  }

  [Symbol.iterator](): IterableIterator<Session> {
    return this.#sessions.values();
  }

  /** By client identifier alone, as operators name them: several accounts may have the same one. */
  named(clientId: string): readonly Session[] {
    return [...this].filter((session) => session.clientId === clientId);
  }

  /**
   * A client has connected: takes its session over, or begins one [MQTT-3.1.2-4] [MQTT-3.1.2-5].
   * @returns undefined when the host or the account has as many sessions as it may have
   */
  open(
    link: Link,
    { cleanStart, expiry, will }: Opening,
  ): { readonly session: Session; readonly present: boolean } | undefined {
    const { identity } = link;
    if (cleanStart) this.discard(identity);
    const key = keyOf(identity);
    // [MQTT-3.1.4-3]
    this.#sessions.get(key)?.link?.end(reasonCodes.sessionTakenOver);
    const kept = this.#sessions.get(key);
    if (kept === undefined && !this.#hasRoom(identity)) return undefined;
    const session = kept ?? this.#begin(new Session(this.#broker, identity, expiry));
    this.#timers.remove(session);
    session.expiry = expiry;
    session.open(link);
    this.#connected += 1;
    this.#broker.wills.connected(session, will);
    if (session.durable) this.save(session);
    return { session, present: kept !== undefined };
  }

  /** Ends the session of a client that begins anew, and its connection. @returns whether something is deleted from the store */
  discard(identity: Identity): boolean {
    const key = keyOf(identity);
    this.#sessions.get(key)?.link?.end(reasonCodes.sessionTakenOver);
    const old = this.#sessions.get(key);
    if (old === undefined) return false;
    this.end(old);
    return old.durable;
  }

  #hasRoom({ account }: Identity): boolean {
    const { maxSessions, maxSessionsPerAccount } = this.#broker.options;
    if (this.#sessions.size >= maxSessions) return false;
    return account === '' || (this.#perAccount.get(account) ?? 0) < maxSessionsPerAccount;
  }

  #begin(session: Session): Session {
    const { account } = session;
    this.#sessions.set(session.key, session);
    this.#perAccount.set(account, (this.#perAccount.get(account) ?? 0) + 1);
    return session;
  }

  save(session: Session): void {
    const { stored } = this.#broker;
    stored.sessions.put(session.place, session.record);
  }

  /**
   * The connection has ended.
   * @param will what is to be published; undefined when the client took it back
   * @param expected it is no loss
   */
  closed(session: Session, will: Will | undefined, expected: boolean): void {
    const { now, wills } = this.#broker;
    const orphans = session.disconnected(now);
    this.#connected -= 1;
    if (will === undefined) wills.forget(session);
    else wills.lost(session, will);
    this.#broker.devices?.closed(session, expected ? undefined : Math.min(will?.delay ?? 0, session.expiry));
    if (session.expiry === 0) this.end(session, orphans);
    else {
      this.save(session);
      this.#await(session, session.expiry * 1000);
    }
  }

  #await(session: Session, ms: number): void {
    if (session.expiry < FOR_EVER) this.#timers.add(session, Math.max(0, ms));
  }

  /** Nothing is kept of it [MQTT-4.1.0-2]. What share groups had given it goes to other members (section 4.8.2). */
  end(session: Session, orphans: readonly Delivery[] = []): void {
    const { stored, subscriptions, wills } = this.#broker;
    if (!this.#sessions.delete(session.key)) return;
    this.#uncount(session.account);
    this.#timers.remove(session);
    if (session.durable) {
      stored.sessions.delete(session.place);
      stored.flows.delete(session.place);
      for (const filter of session.subscriptions?.keys() ?? []) stored.subscriptions.delete([...session.place, filter]);
    }
    const waiting = session.drop();
    subscriptions.removeAll(session);
    wills.sessionEnded(session.key);
    this.#broker.devices?.forget(session);
    for (const { publication, share } of [...orphans, ...waiting]) share?.deliver(publication);
  }

  #uncount(account: string): void {
    const left = (this.#perAccount.get(account) ?? 1) - 1;
    if (left === 0) this.#perAccount.delete(account);
    else this.#perAccount.set(account, left);
  }

  /** Brings back what the last process kept: sessions with their subscriptions, their time counted from when they were last seen. */
  async restore(): Promise<void> {
    const { domain, now, options, stored, subscriptions } = this.#broker;
    for await (const [, record] of stored.sessions.scan([domain])) {
      const session = this.#begin(new Session(this.#broker, record, record.expiry));
      const flows = stored.flows.get(session.place);
      session.restore(record, flows?.received ?? [], flows?.released ?? [], options.maxInFlight);
      if (record.ended !== undefined) continue;
      // The process died while the client was connected: that was the end of the connection.
      session.ended = now;
      this.save(session);
    }
    for await (const [[, key = '', filter = ''], granted] of stored.subscriptions.scan([domain])) {
      const session = this.#sessions.get(key);
      if (session !== undefined) subscriptions.add(session, { ...granted, filter });
    }
    for (const session of [...this]) this.#await(session, session.expiry * 1000 - (now - (session.ended ?? now)));
  }
}
