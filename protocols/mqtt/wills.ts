import type { Timed, Timers } from '#src/net/timers.ts';
import type { Broker } from './broker.ts';
import type { Will } from './packet/types.ts';
import { FOR_EVER, type Identity, keyOf, type Session } from './session.ts';
import type { StoredWill } from './session-store.ts';

/** A will whose client has gone and may come back in time (MQTT 5 section 3.1.3.2.2). */
class PendingWill implements Timed {
  readonly #wills: Wills;
  readonly key: string;
  readonly will: StoredWill;

  constructor(wills: Wills, key: string, will: StoredWill) {
    this.#wills = wills;
    this.key = key;
    this.will = will;
  }

  onTimeout(): void {
    this.#wills.due(this);
  }
}

/**
 * The wills of a host: kept in the store from CONNECT on, so that one whose client was connected when the process died is published,
 * too.
 */
export class Wills {
  readonly #broker: Broker;
  readonly #timers: Timers;
  readonly #pending = new Map<string, PendingWill>();

  constructor(broker: Broker, timers: Timers) {
    this.#broker = broker;
    this.#timers = timers;
  }

  /** A client has connected: whatever waited for its return is over. Keeps the will that it brought. */
  connected(session: Session, will: Will | undefined): void {
    const { account, clientId, key } = session;
    const pending = this.#cancel(key);
    if (will === undefined) {
      if (pending) this.forget(session);
      return;
    }
    const { delay, ...message } = will;
    this.#put(key, { message, delay, due: undefined, account, clientId });
  }

  /** The client took it back with its DISCONNECT [MQTT-3.1.2-10], or nobody needs it any more. */
  forget(identity: Identity): void {
    const { domain, stored } = this.#broker;
    stored.wills.delete([domain, keyOf(identity)]);
  }

  /** The connection has ended without a good-bye: now, or after the delay, or when the session ends [MQTT-3.1.2-8]. */
  lost(session: Session, { delay, ...message }: Will): void {
    const { account, clientId, expiry, key } = session;
    const wait = Math.min(delay, expiry);
    const will = { message, delay, account, clientId, due: this.#broker.now + wait * 1000 };
    if (wait === 0) return this.#publish(key, will);
    this.#put(key, will);
    this.#wait(key, will);
  }

  /** The session has ended: what waited is published [MQTT-3.1.3-9]. */
  sessionEnded(key: string): void {
    const pending = this.#pending.get(key);
    if (pending !== undefined) this.due(pending);
  }

  /** Brings back what the last process kept. A client that was connected then has lost its connection. */
  async restore(): Promise<void> {
    const { domain, now, sessions, stored } = this.#broker;
    for await (const [[, key = ''], will] of stored.wills.scan([domain])) {
      const session = sessions.get(key);
      const wait = Math.min(will.delay, session?.expiry ?? 0);
      const due = will.due ?? now + wait * 1000;
      if (due <= now) this.#publish(key, will);
      else this.#wait(key, { ...will, due });
    }
  }

  #wait(key: string, will: StoredWill & { readonly due: number }): void {
    const pending = new PendingWill(this, key, will);
    this.#pending.set(key, pending);
    if (will.delay < FOR_EVER) this.#timers.add(pending, Math.max(0, will.due - this.#broker.now));
  }

  /** @internal */
  due(pending: PendingWill): void {
    this.#cancel(pending.key);
    this.#publish(pending.key, pending.will);
  }

  #cancel(key: string): boolean {
    const pending = this.#pending.get(key);
    if (pending === undefined) return false;
    this.#timers.remove(pending);
    return this.#pending.delete(key);
  }

  /** By the rights that its client has now. */
  #publish(key: string, will: StoredWill): void {
    const { acl, domain, drops, stored } = this.#broker;
    stored.wills.delete([domain, key]);
    const { message } = will;
    const { reserved } = this.#broker;
    if (!acl.mayPublish(acl.viewOf(will, undefined), message.topic)) drops.not_authorized += 1;
    else if (reserved?.covers(message.topic) === true) reserved.publish(will, message);
    else this.#broker.publish(message, undefined);
  }

  #put(key: string, will: StoredWill): void {
    const { domain, stored } = this.#broker;
    stored.wills.put([domain, key], will);
  }
}
