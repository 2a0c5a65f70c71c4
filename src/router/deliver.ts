import type { Jid } from '#src/address/jid.ts';
import { refuse } from '#src/stanza/conditions.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import type { Registry } from '#src/session/registry.ts';
import type { Session } from '#src/session/session.ts';
import type { AccountDirectory, Host } from './host.ts';
import { type IqAnswer, type IqScope, Written } from './iq.ts';
import { DELIVERED, DROPPED, deliveredTo, type Outcome, refused } from './outcome.ts';
import type { Router } from './router.ts';

const UNAVAILABLE = refused(refuse('service-unavailable'));

/** The rules of RFC 6121 section 8 for a stanza whose domain is served here. One instance a host. */
export class Deliverer {
  readonly #host: Host;
  readonly #router: Router;
  readonly #registry: Registry;
  readonly #accounts: AccountDirectory;
  readonly #inbound;
  readonly #inboundMessage;
  readonly #unclaimed;
  readonly #behind;
  readonly #received;
  readonly #presence;
  readonly #directed;

  constructor(host: Host, router: Router, registry: Registry, accounts: AccountDirectory) {
    this.#host = host;
    this.#router = router;
    this.#registry = registry;
    this.#accounts = accounts;
    this.#inbound = host.hooks.decision('stanza/inbound');
    this.#inboundMessage = host.hooks.transformation('message/inbound');
    this.#unclaimed = host.hooks.decision('message/unclaimed');
    this.#behind = host.hooks.decision('message/behind');
    this.#received = host.hooks.notice('message/received');
    this.#presence = host.hooks.decision('presence/account');
    this.#directed = host.hooks.decision('iq/directed');
  }

  deliver(stanza: Stanza): Outcome {
    const { to } = stanza;
    if (to === undefined) return DROPPED;
    if (to.local === '') return this.#toHost(stanza);
    const session = to.resource === '' ? undefined : this.#registry.find(to);
    if (session === undefined && !this.#accounts.exists(to.domain, to.local)) return noSuchUser(stanza);
    if (!this.#inbound.idle) {
      const answer = this.#inbound.ask(stanza);
      if (answer !== undefined) return answer;
    }
    if (stanza.kind === 'message') return this.#message(stanza, to, session);
    return stanza.kind === 'iq' ? this.#iq(stanza, to, session) : this.#presenceTo(stanza, to, session);
  }

  /** Section 8.1.1.1 and 8.5: an address without localpart is the server itself. */
  #toHost(stanza: Stanza): Outcome {
    if (stanza.isRequest) return this.#request('host', stanza);
    if (stanza.kind === 'iq') return this.#host.requests.settle(stanza) ? DELIVERED : DROPPED;
    if (stanza.kind === 'message' && stanza.type !== 'error') return UNAVAILABLE;
    return DROPPED;
  }

  #message(stanza: Stanza, to: Jid, session: Session | undefined): Outcome {
    const message = this.#inboundMessage.idle ? stanza : this.#inboundMessage.apply(stanza, undefined);
    if (session !== undefined) {
      const waits = session.behind ? this.#keptBehind(message, to) : undefined;
      if (waits !== undefined) return waits;
      // Section 8.5.3.1: a full JID that matches gets every type of message.
      if (session.deliver(message)) return this.#handedOver(message, to, [session]);
    } else if (to.resource !== '') {
      // Section 8.5.3.2.1: without a match, chat is handled as if sent to the bare JID.
      if (message.type === 'error') return DROPPED;
      if (message.type !== 'chat') return UNAVAILABLE;
    }
    return this.#toAccount(message, to);
  }

  /** Section 8.5.2.1.1: chat and normal to the most available resources, headlines to all that are not negative. */
  #toAccount(message: Stanza, to: Jid): Outcome {
    const type = message.messageType;
    if (type === 'error') return DROPPED;
    if (type === 'groupchat') return UNAVAILABLE;
    const sessions = this.#registry.of(to.bare);
    const chosen = type === 'headline' ? available(sessions, 0) : available(sessions, highestPriority(sessions));
    const outcome = this.#toChosen(message, to, chosen);
    if (outcome !== undefined) return outcome;
    if (type === 'headline') return DROPPED;
    const fallen = this.#toChosen(message, to, sessions.filter(fallsBack));
    return fallen ?? this.#keptOr(this.#unclaimed.ask(message) ?? UNAVAILABLE, message, to);
  }

  #toChosen(message: Stanza, to: Jid, chosen: readonly Session[]): Outcome | undefined {
    const waits = chosen.some(({ behind }) => behind) ? this.#keptBehind(message, to) : undefined;
    if (waits !== undefined) return waits;
    const takers = chosen.filter((session) => session.deliver(message));
    return takers.length === 0 ? undefined : this.#handedOver(message, to, takers);
  }

  /** Messages arrive in the order in which they were sent, also those that come while stored ones are handed over. */
  #keptBehind(message: Stanza, to: Jid): Outcome | undefined {
    const type = message.messageType;
    if (type !== 'chat' && type !== 'normal') return undefined;
    const outcome = this.#behind.ask(message);
    return outcome && this.#keptOr(outcome, message, to);
  }

  #keptOr(outcome: Outcome, message: Stanza, to: Jid): Outcome {
    if (outcome.kind === 'stored' && !this.#received.idle)
      this.#received.tell({ stanza: message, bare: to.bare, to: [] });
    return outcome;
  }

  #handedOver(message: Stanza, to: Jid, takers: readonly Session[]): Outcome {
    if (!this.#received.idle) this.#received.tell({ stanza: message, bare: to.bare, to: takers });
    return takers.length === 1 ? DELIVERED : deliveredTo(takers.length);
  }

  #presenceTo(stanza: Stanza, to: Jid, session: Session | undefined): Outcome {
    if (stanza.type === undefined || stanza.type === 'unavailable') {
      if (to.resource !== '') return session?.deliver(stanza) === true ? DELIVERED : DROPPED;
      // Section 8.5.2.1.2: to all available resources.
      let copies = 0;
      for (const other of this.#registry.of(to.bare)) {
        if (other.presence !== undefined && other.deliver(stanza)) copies += 1;
      }
      return copies === 0 ? DROPPED : deliveredTo(copies);
    }
    if (stanza.type === 'error') return session?.deliver(stanza) === true ? DELIVERED : DROPPED;
    // Section 8.5.3.2.2: without a match, of what belongs to subscriptions only the request counts.
    const answers = stanza.type === 'subscribed' || stanza.type === 'unsubscribe' || stanza.type === 'unsubscribed';
    if (answers && to.resource !== '' && session === undefined) return DROPPED;
    return this.#presence.ask(stanza) ?? DROPPED;
  }

  #iq(stanza: Stanza, to: Jid, session: Session | undefined): Outcome {
    if (to.resource === '') return stanza.isRequest ? this.#request('account', stanza) : DROPPED;
    // Section 8.5.3.2.3: no match, service-unavailable; to an answer nothing is answered.
    if (session === undefined) return stanza.isRequest ? UNAVAILABLE : DROPPED;
    if (stanza.isRequest && !this.#directed.idle) {
      const refusal = this.#directed.ask(stanza);
      if (refusal !== undefined) return refused(refusal);
    }
    if (session.deliver(stanza)) return DELIVERED;
    return stanza.isRequest ? UNAVAILABLE : DROPPED;
  }

  #request(scope: IqScope, stanza: Stanza): Outcome {
    try {
      const answer = this.#host.iq.answer(scope, stanza);
      if (answer instanceof Written) return this.#replyWritten(stanza, answer);
      if (!(answer instanceof Promise)) return this.#reply(stanza, answer);
      this.#replyLater(stanza, answer);
      return DELIVERED;
    } catch (error) {
      return this.#failed(stanza, error);
    }
  }

  #replyLater(stanza: Stanza, answer: Promise<IqAnswer>): void {
    answer
      .then(
        (settled) => this.#reply(stanza, settled),
        (error: unknown) => this.#failed(stanza, error),
      )
      // The reply itself could not be routed: the store may have failed, or closed.
      .catch((error: unknown) => this.#router.fault(error, stanza));
  }

  /** A handler's bug costs its requester an error, and nobody else anything. */
  #failed(stanza: Stanza, error: unknown): Outcome {
    this.#router.fault(error, stanza);
    return this.#reply(stanza, refuse('internal-server-error'));
  }

  #reply(stanza: Stanza, answer: IqAnswer): Outcome {
    if (answer === undefined) return DELIVERED;
    if (answer instanceof Written) return this.#replyWritten(stanza, answer);
    this.#router.route(answer instanceof Stanza ? answer : stanza.error(answer));
    return DELIVERED;
  }

  /** A session that is kept in the store takes the reply into the group of the write, so that a crash takes both or neither. */
  #replyWritten(stanza: Stanza, { durable, reply }: Written): Outcome {
    const { from } = stanza;
    if (from !== undefined && this.#registry.find(from)?.kept === true) return this.#reply(stanza, reply);
    this.#replyLater(
      stanza,
      durable.then(() => reply),
    );
    return DELIVERED;
  }
}

/** Section 8.5.1. A probe for nobody is ignored: silence tells a stranger nothing (section 11). */
function noSuchUser(stanza: Stanza): Outcome {
  if (stanza.kind === 'presence' || stanza.type === 'error' || stanza.type === 'result') return DROPPED;
  // As for an account without resources, so that nothing tells one from the other.
  if (stanza.kind === 'message' && stanza.messageType === 'headline' && stanza.to?.isBare === true) return DROPPED;
  return UNAVAILABLE;
}

/** The highest priority that is not negative; 0 when there is none, which then matches nobody. */
function highestPriority(sessions: readonly Session[]): number {
  let highest = 0;
  for (const { presence, priority } of sessions) if (presence !== undefined && priority > highest) highest = priority;
  return highest;
}

/** Negative by its own priority, and takes what nobody else does. */
function fallsBack({ fallback, presence, priority }: Session): boolean {
  return fallback && presence !== undefined && priority < 0;
}

function available(sessions: readonly Session[], priority: number): readonly Session[] {
  return sessions.filter((session) => session.presence !== undefined && session.priority >= priority);
}
