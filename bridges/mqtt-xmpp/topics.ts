import type { Broker } from '#protocols/mqtt/broker.ts';
import type { StanzaEdge } from '#protocols/mqtt/edge.ts';
import { type ReasonCode, reasonCodes, reasonName } from '#protocols/mqtt/packet/reason-codes.ts';
import type { Message } from '#protocols/mqtt/packet/types.ts';
import type { ReservedTopics } from '#protocols/mqtt/reserved.ts';
import type { Identity, Session } from '#protocols/mqtt/session.ts';
import { covers as coversFilter, matchesFilter } from '#protocols/mqtt/topics/filters.ts';
import type { Granted } from '#protocols/mqtt/topics/tree.ts';
import { Jid } from '#src/address/jid.ts';
import { jidFromTopic } from '#src/address/topic.ts';
import { carbonIn } from '#src/im/carbon-copy.ts';
import type { Tracing } from '#src/im/tracing.ts';
import type { Host } from '#src/router/host.ts';
import type { Router } from '#src/router/router.ts';
import type { Registry } from '#src/session/registry.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import type { EventTopics } from './events.ts';
import { answerInfo } from './disco.ts';
import { give, giveRetained, listensTo } from './giving.ts';
import { messageFrom, rawMessage } from './inbox.ts';
import type { PresenceTopics } from './presence.ts';
import { stanzaFrom } from './publish.ts';
import { reasonOf } from './reasons.ts';
import type { MqttXmppOptions } from './settings.ts';

const { notAuthorized, payloadFormatInvalid, topicFilterInvalid, topicNameInvalid } = reasonCodes;

export interface TopicParts {
  readonly host: Host;
  readonly broker: Broker;
  readonly router: Router;
  readonly registry: Registry;
  readonly presence: PresenceTopics;
  readonly events: EventTopics;
  readonly options: () => MqttXmppOptions;
  readonly tracing: Tracing | undefined;
}

/**
 * The topics of a host that stand for messages and presence:
 * `<root>/send/<jid>` to publish, `<root>/inbox`, `<root>/sent` and `<root>/presence/<jid>` to subscribe. Each client has its own.
 */
export class MessageTopics implements ReservedTopics, StanzaEdge {
  readonly #parts: TopicParts;

  constructor(parts: TopicParts) {
    this.#parts = parts;
  }

  get #root(): string {
    return this.#parts.options().root;
  }

  covers(topic: string): boolean {
    const { enabled, root, sipRoot } = this.#parts.options();
    return enabled && (below(root, topic) || below(sipRoot, topic));
  }

  // What clients publish

  publish(from: Identity, message: Message): ReasonCode {
    const { account, clientId } = from;
    const sender = account === '' ? undefined : Jid.make(account, this.#parts.host.domain, clientId);
    if (sender === undefined) return notAuthorized;
    const prefix = `${this.#root}/send/`;
    if (!message.topic.startsWith(prefix)) return topicNameInvalid;
    const to = jidFromTopic(message.topic.slice(prefix.length));
    return to === undefined ? topicNameInvalid : this.#send(message, sender, to);
  }

  #send(message: Message, sender: Jid, to: Jid): ReasonCode {
    const { broker, host, options, registry, router } = this.#parts;
    const stanza = stanzaFrom(message, sender, to, options().maxPayload, broker.now);
    if (!(stanza instanceof Stanza)) return payloadFormatInvalid;
    const device = registry.find(sender);
    const outcome = device === undefined ? router.send(stanza) : router.submit(host, device, stanza);
    // Whatever was written for it, here or on the way, is on the disk before the client is told.
    broker.wrote = true;
    const reason = reasonOf(outcome);
    this.#parts.tracing?.note(stanza, 'mqtt', `answered ${reasonName(reason)}`);
    return reason;
  }

  // What clients subscribe to

  refusal(session: Session, filter: string): ReasonCode | undefined {
    const account = this.#accountOf(session);
    if (account === undefined) return notAuthorized;
    const { events, options, presence } = this.#parts;
    const { root, sipRoot } = options();
    if (below(sipRoot, filter)) return events.refusal(account, filter);
    const [, kind, ...levels] = filter.split('/');
    if (kind === '#' || kind === '+' || OWN.has(kind ?? ''))
      return levels.length === 0 ? undefined : topicFilterInvalid;
    if (kind !== 'presence' || levels.length === 0) return topicFilterInvalid;
    const wanted = filter.slice(`${root}/presence/`.length);
    if (wanted === '+' || wanted === '#') return undefined;
    const contact = levels.length === 1 ? jidFromTopic(wanted) : undefined;
    if (contact === undefined || !contact.isBare) return topicFilterInvalid;
    return presence.allowed(account, contact) ? undefined : notAuthorized;
  }

  subscribed(session: Session, granted: Granted, isNew: boolean): void {
    const { broker, events, options } = this.#parts;
    const { filter, retainHandling } = granted;
    broker.devices?.listens(session);
    if (retainHandling === 2 || (retainHandling === 1 && !isNew)) return;
    const account = this.#accountOf(session);
    if (account === undefined) return;
    if (below(options().sipRoot, filter)) {
      for (const message of events.current(account, filter)) giveRetained(session, message, granted.qos, granted.id);
    } else this.#showPresence(session, account, granted);
  }

  #showPresence(session: Session, account: Jid, { filter, id, qos }: Granted): void {
    const { presence, router } = this.#parts;
    const root = this.#root;
    if (!coversFilter(filter, `${root}/presence/+`) && !filter.startsWith(`${root}/presence/`)) return;
    const asked = filter === `${root}/presence/+` || !filter.startsWith(`${root}/presence/`) || filter.endsWith('#');
    const contacts = asked ? presence.visible(account) : [filter.slice(`${root}/presence/`.length)];
    for (const name of contacts) {
      const contact = asked ? Jid.parse(name) : jidFromTopic(name);
      const device = this.#parts.broker.devices?.of(session);
      if (contact === undefined || !presence.allowed(account, contact)) continue;
      const known = presence.current(contact);
      if (known !== undefined && matchesFilter(filter, known.topic)) giveRetained(session, known, qos, id);
      // RFC 6121 section 4.3: its server answers to the resource that asks.
      else if (device !== undefined)
        router.route(Stanza.make('presence', { from: device.jid, to: contact, type: 'probe' }));
    }
  }

  #accountOf({ account }: Session): Jid | undefined {
    return account === '' ? undefined : Jid.make(account, this.#parts.host.domain);
  }

  // What comes for clients

  listens(session: Session): boolean {
    return this.#parts.options().enabled && listensTo(session, `${this.#root}/inbox`);
  }

  deliver(session: Session, stanza: Stanza): boolean {
    if (!this.#parts.options().enabled) return false;
    if (stanza.kind === 'message') return this.#message(session, stanza);
    return stanza.kind === 'presence' ? this.#presence(session, stanza) : this.#iq(session, stanza);
  }

  #message(session: Session, stanza: Stanza): boolean {
    const carbon = carbonIn(stanza);
    const root = this.#root;
    const topic = `${root}/${carbon?.direction === 'sent' ? 'sent' : 'inbox'}`;
    if (!listensTo(session, topic)) return false;
    const message = messageFrom(carbon?.message ?? stanza, topic, root, this.#parts.broker.now);
    // Nothing of it is for this client, and so for no other in its place.
    return typeof message === 'string' ? true : give(session, message);
  }

  #presence(session: Session, stanza: Stanza): boolean {
    const account = this.#accountOf(session);
    const message = account === undefined ? undefined : this.#parts.presence.arrived(account, stanza);
    if (message !== undefined) give(session, message);
    return true;
  }

  #iq(session: Session, stanza: Stanza): boolean {
    if (stanza.isRequest) return answerInfo(this.#parts.router, stanza, session.clientId);
    return give(session, rawMessage(stanza, `${this.#root}/inbox`));
  }
}

const OWN: ReadonlySet<string> = new Set(['inbox', 'sent']);

const below = (root: string, topic: string): boolean =>
  topic.startsWith(root) && (topic.length === root.length || topic.charCodeAt(root.length) === 0x2f);
