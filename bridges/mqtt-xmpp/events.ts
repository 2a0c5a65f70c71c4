/** What happens to phones, for MQTT clients: `<sip_root>/<user>/registration` and `<sip_root>/<user>/calls`. */
import { Buffer } from 'node:buffer';
import type { Broker } from '#protocols/mqtt/broker.ts';
import { type ReasonCode, reasonCodes } from '#protocols/mqtt/packet/reason-codes.ts';
import type { Message } from '#protocols/mqtt/packet/types.ts';
import { Session } from '#protocols/mqtt/session.ts';
import type { Call } from '#protocols/sip/proxy/call.ts';
import { Jid } from '#src/address/jid.ts';
import { jidFromTopic, topicLevel } from '#src/address/topic.ts';
import { jidFromSipUri } from '#src/address/uri.ts';
import type { Host } from '#src/router/host.ts';
import type { Registry } from '#src/session/registry.ts';
import { give } from './giving.ts';
import { JSON_TYPE } from './payload.ts';
import type { PresenceTopics } from './presence.ts';

const KINDS: ReadonlySet<string> = new Set(['registration', 'calls']);

export class EventTopics {
  readonly #broker: Broker;
  readonly #host: Host;
  readonly #registry: Registry;
  readonly #presence: PresenceTopics;
  readonly #root: () => string;

  constructor(broker: Broker, host: Host, registry: Registry, presence: PresenceTopics, root: () => string) {
    this.#broker = broker;
    this.#host = host;
    this.#registry = registry;
    this.#presence = presence;
    this.#root = root;
  }

  /** Phones come and go. */
  serve(): readonly Disposable[] {
    const changed = ({ jid, protocol }: { readonly jid: Jid; readonly protocol: string }): void => {
      if (protocol === 'sip') this.#publish(jid.asBare(), this.#registration(jid.asBare()));
    };
    return [
      this.#host.hooks.notice('session/bound').add('last', changed),
      this.#host.hooks.notice('session/ended').add('last', changed),
    ];
  }

  /** Own phones, and those of contacts whose presence the account sees. */
  refusal(account: Jid, filter: string): ReasonCode | undefined {
    const [, user = '', kind = '', ...more] = filter.split('/');
    if (more.length > 0 || !(KINDS.has(kind) || kind === '+' || kind === '#')) return reasonCodes.topicFilterInvalid;
    if (user === '+') return undefined;
    const owner = this.#ownerOf(user);
    if (owner === undefined) return reasonCodes.topicFilterInvalid;
    return this.#presence.allowed(account, owner) ? undefined : reasonCodes.notAuthorized;
  }

  /** The registrations that a new subscription shows. */
  current(account: Jid, filter: string): readonly Message[] {
    const [, user = '', kind = ''] = filter.split('/');
    if (kind === 'calls') return [];
    const owners = user === '+' ? this.#presence.visible(account) : [this.#ownerOf(user)?.bare ?? ''];
    return owners.flatMap((name) => {
      const owner = Jid.parse(name);
      const seen = owner !== undefined && owner.domain === this.#host.domain && this.#presence.allowed(account, owner);
      return seen ? [this.#registration(owner)] : [];
    });
  }

  /** A call rings, was answered or is over: told to both sides, as far as they are accounts of this host. */
  called({ answered, from, id, started, state, status, to }: Call): void {
    const at = answered === undefined ? {} : { answered: new Date(answered).toISOString() };
    const event = {
      id,
      state,
      from,
      to,
      started: new Date(started).toISOString(),
      ...at,
      ...(status === 0 ? {} : { status }),
    };
    for (const [side, uri] of [
      ['caller', from],
      ['callee', to],
    ] as const) {
      const owner = jidFromSipUri(uri)?.asBare();
      if (owner?.domain !== this.#host.domain || owner.local === '') continue;
      this.#publish(owner, this.#message(owner, 'calls', { ...event, side }, false));
    }
  }

  #ownerOf(level: string): Jid | undefined {
    const jid = jidFromTopic(level);
    if (jid === undefined || !jid.isBare) return undefined;
    return jid.local === '' ? Jid.make(jid.domain, this.#host.domain) : jid;
  }

  #registration(owner: Jid): Message {
    const devices = this.#registry.of(owner.bare).filter(({ protocol }) => protocol === 'sip');
    const list = devices.map(({ jid, origin, since }) => ({
      resource: jid.resource,
      connection: origin.connection,
      ip: origin.ip,
      since: new Date(since).toISOString(),
    }));
    return this.#message(owner, 'registration', { user: owner.bare, registered: list.length > 0, devices: list }, true);
  }

  #message(owner: Jid, kind: string, members: object, retain: boolean): Message {
    return {
      topic: `${this.#root()}/${topicLevel(owner.local)}/${kind}`,
      payload: Buffer.from(JSON.stringify(members)),
      qos: 1,
      retain,
      properties: { payloadFormat: 1, contentType: JSON_TYPE },
    };
  }

  /** To every client of the host that subscribed by a filter that names the level, and may see it. */
  #publish(owner: Jid, message: Message): void {
    for (const { subscriber } of this.#broker.subscriptions.match(message.topic)) {
      if (!(subscriber instanceof Session) || subscriber.account === '') continue;
      const account = Jid.make(subscriber.account, this.#host.domain);
      if (account !== undefined && this.#presence.allowed(account, owner)) give(subscriber, message);
    }
  }
}
