import type { Jid } from '#src/address/jid.ts';
import { refuse } from '#src/stanza/conditions.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import type { Session } from '#src/session/session.ts';
import type { Bus } from '#src/cluster/bus.ts';
import type { Host } from './host.ts';
import { DELIVERED, DROPPED, type Outcome, refused } from './outcome.ts';

/** Whatever stands behind a domain: a virtual host, a component, a link to another server. */
export interface Target {
  deliver(stanza: Stanza): Outcome;
}

/**
 * The one router: everything addressed to a JID passes `route`. Reads top to bottom:
 *
 * 1. `submit`: a session's own stanza; the sender's host may refuse it, and watches it go.
 * 2. `send`: routes, and answers the sender when the stanza was refused.
 * 3. `route`: the domain names the target; a domain that nobody serves here goes to the bus, then to the default target.
 */
export class Router {
  readonly #targets = new Map<string, Target>();
  readonly #hosts = new Map<string, Host>();
  readonly #bus: Bus;
  /** Told of exceptions that a handler let through: they are bugs, and never end the server. */
  readonly fault: (error: unknown, stanza: Stanza) => void;
  /** Takes stanzas for domains that are not served here (the server-to-server links); undefined while there is none. */
  remote: Target | undefined = undefined;
  /** Stanzas routed since the start, by kind. Plain numbers: read by the metrics. */
  readonly counters = { message: 0, presence: 0, iq: 0, refused: 0 };

  constructor(bus: Bus, fault: (error: unknown, stanza: Stanza) => void) {
    this.#bus = bus;
    this.fault = fault;
  }

  get hosts(): IterableIterator<Host> {
    return this.#hosts.values();
  }

  host(domain: string): Host | undefined {
    return this.#hosts.get(domain);
  }

  /** Whether something of this server stands behind a domain: a host or a service. */
  serves(domain: string): boolean {
    return this.#targets.has(domain);
  }

  addHost(host: Host): Disposable {
    const target = this.attach(host.jid, host);
    this.#hosts.set(host.domain, host);
    return {
      [Symbol.dispose]: () => {
        this.#hosts.delete(host.domain);
        target[Symbol.dispose]();
      },
    };
  }

  /** Puts a target behind a domain. Throws when the domain is taken. */
  attach(address: Jid, target: Target): Disposable {
    if (this.#targets.has(address.domain)) throw new Error(`the domain ${address.domain} has a target already`);
    this.#targets.set(address.domain, target);
    return { [Symbol.dispose]: () => void this.#targets.delete(address.domain) };
  }

  submit(host: Host, session: Session, stanza: Stanza): Outcome {
    const outbound = host.hooks.decision('stanza/outbound');
    if (!outbound.idle) {
      const answer = outbound.ask({ session, stanza });
      // Straight to the session: its own rules, such as a block list, must not swallow what they say.
      if (answer !== undefined) return this.#answer(stanza, answer, (error) => void session.deliver(error));
    }
    const outcome = this.send(stanza);
    if (stanza.kind === 'message') {
      const sent = host.hooks.notice('message/sent');
      if (!sent.idle && outcome.kind !== 'refused') sent.tell({ session, stanza });
    }
    return outcome;
  }

  send(stanza: Stanza): Outcome {
    return this.#answer(stanza, this.route(stanza));
  }

  route(stanza: Stanza): Outcome {
    const { to } = stanza;
    if (to === undefined) throw new Error('a stanza without an address reached the router');
    this.counters[stanza.kind] += 1;
    const target = this.#targets.get(to.domain);
    if (target !== undefined) return target.deliver(stanza);
    if (this.#bus.forward(to, stanza)) return DELIVERED;
    return this.remote?.deliver(stanza) ?? refused(refuse('remote-server-not-found'));
  }

  /** RFC 6120 section 8.3.1: an error is never answered with an error; a result neither. */
  #answer(
    stanza: Stanza,
    outcome: Outcome,
    deliver: (error: Stanza) => void = (error) => void this.route(error),
  ): Outcome {
    if (outcome.kind !== 'refused') return outcome;
    this.counters.refused += 1;
    const { from, type } = stanza;
    if (from === undefined || type === 'error' || (stanza.kind === 'iq' && type === 'result')) return DROPPED;
    deliver(stanza.error(outcome.refusal));
    return outcome;
  }
}
