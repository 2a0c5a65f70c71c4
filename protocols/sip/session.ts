import type { Jid } from '#src/address/jid.ts';
import type { KeptCopy } from '#src/session/copies.ts';
import { Session, type Origin } from '#src/session/session.ts';
import { type Refusal, refuse } from '#src/stanza/conditions.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import type { Binding } from './binding.ts';
import { conditionOf, type StanzaEdge } from './edge.ts';
import { reasonPhrase } from './message/status.ts';
import type { Courier, Outbox, Outboxes, Sent } from './outbox.ts';

/** What a session needs of the server. */
export interface SipSessionHome {
  readonly outboxes: Outboxes;
  edge(): StanzaEdge;
  /** Messages that may wait for one phone. */
  queue(host: string): number;
  copies(host: string): boolean;
  send(session: SipSession, stanza: Stanza, seq: number, told: (sent: Sent) => void): void;
  route(stanza: Stanza): void;
  /** The phone does not answer; these messages were for it. */
  lost(session: SipSession, waiting: readonly Stanza[]): void;
  eased(session: SipSession): void;
  /** An operator or the core ends the session: its bindings go. */
  closed(session: SipSession): void;
}

/** A phone that is registered: one device, with the contacts that it registered (several when it keeps several flows). */
export class SipSession extends Session implements Courier {
  /** The most recent last. Never empty while the session stands. */
  bindings: readonly Binding[];
  /** What the phone publishes of itself (RFC 3903); undefined for nothing. */
  published: Stanza | undefined = undefined;
  readonly #home: SipSessionHome;
  readonly #outbox: Outbox;

  constructor(jid: Jid, bindings: readonly Binding[], home: SipSessionHome) {
    super(jid, 'sip', Math.min(...bindings.map(({ since }) => since)));
    this.bindings = bindings;
    this.fallback = true;
    this.carbons = home.copies(jid.domain);
    this.#home = home;
    this.#outbox = home.outboxes.of([jid.domain, jid.local, jid.resource], home.queue(jid.domain), this);
  }

  /** The one that requests go to. */
  get binding(): Binding {
    const binding = this.bindings.at(-1);
    if (binding === undefined) throw new Error(`${this.jid.full} has no binding`);
    return binding;
  }

  get origin(): Origin {
    const { flow } = this.binding;
    return { connection: `sip_${flow?.transport ?? 'proxy'}`, ip: flow?.address ?? '', port: flow?.port ?? 0 };
  }

  override get crowded(): boolean {
    return this.#outbox.crowded;
  }

  /** Messages that wait for the phone. */
  get waiting(): number {
    return this.#outbox.length;
  }

  deliver(stanza: Stanza): boolean {
    return this.#home.edge().take?.(this, stanza) ?? this.#queue(stanza, false);
  }

  /** The same for a message that another device has received. */
  deliverCopy(stanza: Stanza): boolean {
    return this.#queue(stanza, true);
  }

  override keptCopy(message: Stanza, direct: boolean): KeptCopy | 'none' {
    const { last } = this.#outbox;
    if (last === undefined || last.carbon === direct) return 'none';
    if (direct) return last.stanza === message ? last : 'none';
    return last.stanza.id === message.id && last.stanza.from?.full === message.from?.full ? last : 'none';
  }

  #queue(stanza: Stanza, carbon: boolean): boolean {
    const edge = this.#home.edge();
    // What phones know of presence they subscribe to.
    if (stanza.kind !== 'message') return stanza.kind === 'presence';
    // What says nothing to a phone is no reason to look for somebody else.
    return edge.toRequest(stanza) === undefined || this.#outbox.add(stanza, carbon);
  }

  send(stanza: Stanza, seq: number, told: (sent: Sent) => void): void {
    this.#home.send(this, stanza, seq, (sent) => {
      if (sent.kind === 'taken') this.#home.edge().taken?.(this, stanza);
      told(sent);
    });
  }

  /** RFC 7247 section 7.2: its sender is told what the phone said. */
  rejected(stanza: Stanza, status: number): void {
    if (stanza.type !== 'error' && stanza.from !== undefined) {
      this.#home.route(
        stanza.error(refuse(conditionOf(status), `not taken by the phone: ${status} ${reasonPhrase(status)}`)),
      );
    }
  }

  unreachable(waiting: readonly Stanza[]): void {
    this.#home.lost(this, waiting);
  }

  eased(): void {
    this.#home.eased(this);
  }

  /** Sends what waits, as after a restart. */
  resume(): void {
    this.#outbox.pump();
  }

  /** @returns what still waited */
  end(): readonly Stanza[] {
    return this.#outbox.close();
  }

  close(_refusal?: Refusal): void {
    this.#home.closed(this);
  }
}

/** Available, behind every other resource (RFC 6121 section 4.7.2.3), or what the phone publishes. */
export function presenceOf({ jid, published }: SipSession): Stanza {
  return published ?? Stanza.make('presence', { from: jid }, BEHIND);
}

/** What somebody publishes: whatever it says of itself, messages to the account go to those who read them. */
export function atBack(presence: Stanza): Stanza {
  if (presence.type !== undefined) return presence;
  const kept = presence.element.getChildElements().filter((child) => child.getName() !== 'priority');
  return presence.withChildren(...kept, BEHIND);
}

const BEHIND = '<priority>-1</priority>';
