import { Buffer } from 'node:buffer';
import type { Broker } from '#protocols/mqtt/broker.ts';
import { topicFilterFault } from '#protocols/mqtt/packet/topic.ts';
import type { Publication } from '#protocols/mqtt/publication.ts';
import type { LocalSubscriber } from '#protocols/mqtt/subscriptions.ts';
import type { Jid } from '#src/address/jid.ts';
import { topicFromLocal } from '#src/address/topic.ts';
import type { Rosters } from '#src/im/roster.ts';
import { seesPresence } from '#src/im/subscription.ts';
import type { Host } from '#src/router/host.ts';
import { DELIVERED, DROPPED, type Outcome, refused } from '#src/router/outcome.ts';
import type { Router, Target } from '#src/router/router.ts';
import { type Condition, refuse } from '#src/stanza/conditions.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import type { Table } from '#src/store/store.ts';
import { RECEIPTS, reportOf } from '#bridges/sip-xmpp/receipts.ts';
import type { MqttXmppOptions } from '../settings.ts';
import { type ContactParts, FromPerson, TopicContact } from './contact.ts';
import { answer } from './requests.ts';

/** The resource that topics speak from. */
const RESOURCE = 'mqtt';
const MAX_FILTER = 512;

/** A contact as it is stored, by host, account and filter. */
export interface StoredContact {
  /** Milliseconds since the epoch. */
  readonly since: number;
}

export interface ContactsParts extends ContactParts {
  readonly host: Host;
  readonly rosters: Rosters;
  readonly table: Table<StoredContact>;
  readonly options: () => MqttXmppOptions;
}

const no = (condition: Condition, text: string): Outcome => refused(refuse(condition, text));

/** All contacts of one filter, behind one subscription of the broker. */
class Feed implements LocalSubscriber {
  readonly contacts = new Set<TopicContact>();

  deliver(publication: Publication): void {
    for (const contact of this.contacts) contact.value(publication);
  }
}

/** Topics as contacts: whatever stands behind `mqtt.<host>`. */
export class TopicContacts implements Target {
  readonly #parts: ContactsParts;
  readonly #broker: Broker;
  readonly #router: Router;
  readonly #accounts = new Map<string, Map<string, TopicContact>>();
  readonly #feeds = new Map<string, Feed>();

  constructor(parts: ContactsParts) {
    this.#parts = parts;
    this.#broker = parts.broker;
    this.#router = parts.router;
  }

  /** Brings back what the last process knew. @param address of the service */
  async restore(
    address: Jid,
    account: (local: string) => Jid | undefined,
    jidOf: (address: Jid, filter: string) => Jid | undefined,
  ): Promise<void> {
    for await (const [[, local = '', filter = '']] of this.#parts.table.scan([this.#parts.host.domain])) {
      const owner = account(local);
      const jid = jidOf(address, filter);
      if (owner !== undefined && jid !== undefined) this.#add(owner, filter, jid);
    }
  }

  get size(): number {
    let size = 0;
    for (const contacts of this.#accounts.values()) size += contacts.size;
    return size;
  }

  deliver(stanza: Stanza): Outcome {
    const { from, to, type } = stanza;
    if (from === undefined || to === undefined || type === 'error' || type === 'result') return DROPPED;
    if (from.local === '' || from.domain !== this.#parts.host.domain) {
      return stanza.kind === 'presence' ? DROPPED : no('forbidden', 'topics are for the users of this server');
    }
    if (stanza.kind === 'iq') return this.#request(stanza, from, to);
    const topic = to.local === '' ? undefined : topicFromLocal(to.local);
    if (topic === undefined || topic.length > MAX_FILTER || topicFilterFault(topic) !== undefined) {
      return stanza.kind === 'presence' && to.local === '' ? DROPPED : no('item-not-found', 'no such topic');
    }
    if (this.#broker.reserved?.covers(topic) === true) return no('not-allowed', 'not a topic for people');
    return stanza.kind === 'message' ? this.#publish(stanza, from, to, topic) : this.#presence(stanza, from, to, topic);
  }

  #request(stanza: Stanza, from: Jid, to: Jid): Outcome {
    const { payload } = stanza;
    if (payload === undefined) return no('bad-request', 'a request without a payload');
    const result = answer({ stanza, payload, from, to, own: false }, this.#broker);
    if (result instanceof Stanza) this.#router.route(result);
    else if (result !== undefined && 'condition' in result) return refused(result);
    return DELIVERED;
  }

  // What people write

  #publish(stanza: Stanza, from: Jid, to: Jid, topic: string): Outcome {
    const type = stanza.messageType;
    const body = stanza.child('body')?.getText();
    if (type === 'groupchat') return no('service-unavailable', 'a topic is no room');
    if (body === undefined || type === 'headline') return DROPPED;
    if (/[#+]/.test(topic)) return no('not-allowed', 'a filter with wildcards can only be read');
    if (topic.startsWith('$')) return no('not-allowed', "the topic is the server's");
    const broker = this.#broker;
    if (!broker.acl.mayPublish(broker.acl.viewOf({ account: from.local, clientId: from.resource }, undefined), topic)) {
      return no('forbidden', 'the access list does not allow it');
    }
    const payload = Buffer.from(body);
    const message = {
      topic,
      payload,
      qos: 1 as const,
      retain: this.#parts.options().contactRetain,
      properties: { payloadFormat: 1 as const, userProperties: [['from', from.bare] as const] },
    };
    if (payload.length > broker.options.maxPacketSize || !broker.canRetain(message))
      return no('resource-constraint', 'no room');
    broker.publish(message, new FromPerson(from.bare));
    if (stanza.id !== undefined && stanza.child('request', RECEIPTS) !== undefined) {
      const report = reportOf({ disposition: 'delivered', id: stanza.id });
      this.#router.send(
        Stanza.make('message', { from: to, to: from, type: stanza.type, id: `r-${stanza.id}` }, report),
      );
    }
    return DELIVERED;
  }

  // The roster

  #presence(stanza: Stanza, from: Jid, to: Jid, topic: string): Outcome {
    const account = from.asBare();
    if (stanza.type === 'subscribe') return this.#subscribe(account, to, topic);
    if (stanza.type === 'probe') return this.#probed(from, to, topic);
    if (stanza.type !== 'unsubscribe') return DROPPED;
    this.#remove(account, topic);
    this.#answer(account, to, 'unsubscribed');
    return DELIVERED;
  }

  /** Approved at once, as far as the access list of MQTT allows. */
  #subscribe(account: Jid, to: Jid, topic: string): Outcome {
    const known = this.#accounts.get(account.bare);
    const contact = known?.get(topic) ?? this.#make(account, topic, to);
    if (contact?.allowed !== true) {
      this.#answer(account, to, 'unsubscribed');
      return DELIVERED;
    }
    if (known?.has(topic) !== true) {
      if ((known?.size ?? 0) >= this.#parts.options().contactsPerAccount)
        return no('resource-constraint', 'too many topics are contacts');
      this.#keep(contact);
    }
    this.#answer(account, to, 'subscribed');
    contact.show(true);
    return DELIVERED;
  }

  /** RFC 6121 section 4.3: its user has come, or asks anew. */
  #probed(from: Jid, to: Jid, topic: string): Outcome {
    const account = from.asBare();
    let contact = this.#accounts.get(account.bare)?.get(topic);
    if (contact === undefined) {
      // The roster came from elsewhere: an import, or a backup.
      const made = seesPresence(this.#parts.rosters.state(account, to)) ? this.#make(account, topic, to) : undefined;
      if (made?.allowed !== true) return DROPPED;
      this.#keep(made);
      contact = made;
    }
    this.#router.send(contact.presence(from));
    contact.greeted();
    return DELIVERED;
  }

  #make(account: Jid, topic: string, to: Jid): TopicContact | undefined {
    const jid = to.withResource(RESOURCE);
    return jid === undefined ? undefined : new TopicContact(account, topic, jid, this.#parts);
  }

  #answer(account: Jid, to: Jid, type: 'subscribed' | 'unsubscribed'): void {
    this.#router.send(Stanza.make('presence', { from: to.asBare(), to: account, type }));
  }

  #keep(contact: TopicContact): void {
    this.#parts.table.put(this.#place(contact), { since: this.#broker.now });
    this.#link(contact);
  }

  #add(account: Jid, filter: string, jid: Jid): void {
    this.#link(new TopicContact(account, filter, jid, this.#parts));
  }

  #link(contact: TopicContact): void {
    const { account, filter } = contact;
    const contacts = this.#accounts.get(account.bare) ?? new Map<string, TopicContact>();
    contacts.set(filter, contact);
    this.#accounts.set(account.bare, contacts);
    let feed = this.#feeds.get(filter);
    if (feed === undefined) {
      feed = new Feed();
      this.#feeds.set(filter, feed);
      const granted = {
        filter,
        qos: 2,
        noLocal: false,
        retainAsPublished: true,
        retainHandling: 2,
        id: undefined,
      } as const;
      this.#broker.subscriptions.addLocal(feed, granted);
    }
    feed.contacts.add(contact);
  }

  #remove(account: Jid, filter: string): void {
    const contacts = this.#accounts.get(account.bare);
    const contact = contacts?.get(filter);
    if (contacts === undefined || contact === undefined) return;
    contacts.delete(filter);
    if (contacts.size === 0) this.#accounts.delete(account.bare);
    this.#parts.table.delete(this.#place(contact));
    contact.end();
    const feed = this.#feeds.get(filter);
    feed?.contacts.delete(contact);
    if (feed?.contacts.size !== 0) return;
    this.#feeds.delete(filter);
    this.#broker.subscriptions.removeLocal(feed, filter);
  }

  /** The account is gone. */
  drop(account: Jid): void {
    for (const filter of [...(this.#accounts.get(account.bare)?.keys() ?? [])]) this.#remove(account, filter);
  }

  #place({ account, filter }: TopicContact): readonly string[] {
    return [this.#parts.host.domain, account.local, filter];
  }
}
