import { Buffer } from 'node:buffer';
import type { Timed, Timers } from '#src/net/timers.ts';
import { VERSION } from '#src/observe/version.ts';
import type { Broker } from './broker.ts';
import type { Message } from './packet/types.ts';
import type { Identity, Session } from './session.ts';
import { matchesFilter } from './topics/filters.ts';

/** A topic level of a name that may hold what a level must not. */
const levelOf = (name: string): string => name.replaceAll(/[%+#/]/g, (character) => encodeURIComponent(character));

const statusTopic = ({ account, clientId }: Identity): string =>
  `$SYS/clients/${levelOf(account === '' ? '-' : account)}/${levelOf(clientId)}/status`;

/**
 * What the server says of itself below `$SYS`, under the names that operators of other brokers know, and which devices are online.
 * Nothing is made while nobody listens: a new subscriber gets the values of the moment, and then those of each interval.
 */
export class SystemTopics implements Timed {
  readonly #broker: Broker;
  readonly #timers: Timers;
  readonly #started: number;

  constructor(broker: Broker, timers: Timers) {
    this.#broker = broker;
    this.#timers = timers;
    this.#started = timers.now;
  }

  /** Begins to publish, as often as the settings say. */
  start(): void {
    const { sysInterval } = this.#broker.options;
    if (sysInterval > 0) this.#timers.add(this, sysInterval);
  }

  onTimeout(): void {
    if (this.#broker.subscriptions.watchesSystem) {
      for (const [topic, value] of this.#values()) this.#tell(topic, value);
    }
    this.start();
  }

  /** The messages that a new subscription brings. */
  matching(filter: string): readonly Message[] {
    const { options, sessions } = this.#broker;
    if (!filter.startsWith('$SYS/')) return [];
    const values = options.sysInterval === 0 ? [] : this.#values();
    const found = values
      .filter(([topic]) => matchesFilter(filter, topic))
      .map(([topic, value]) => messageOf(topic, value));
    if (!options.deviceTopics) return found;
    for (const session of sessions) {
      const topic = statusTopic(session);
      if (matchesFilter(filter, topic)) found.push(messageOf(topic, statusOf(session)));
    }
    return found;
  }

  /** A client has come or gone. */
  status(session: Session): void {
    const { options, subscriptions } = this.#broker;
    if (options.deviceTopics && subscriptions.watchesSystem) this.#tell(statusTopic(session), statusOf(session));
  }

  #tell(topic: string, value: string): void {
    this.#broker.publish({ ...messageOf(topic, value), retain: false }, undefined);
  }

  #values(): readonly (readonly [topic: string, value: string])[] {
    const { drops, now, retained, sessions, subscriptions, traffic } = this.#broker;
    const heap = process.memoryUsage().heapUsed;
    let stored = 0;
    for (const { outgoing } of sessions) stored += outgoing.inFlight + outgoing.waiting;
    const numbers: Readonly<Record<string, number>> = {
      'clients/connected': sessions.connected,
      'clients/disconnected': sessions.size - sessions.connected,
      'clients/total': sessions.size,
      'clients/maximum': traffic.maximum,
      'clients/expired': traffic.expiredSessions,
      'messages/received': traffic.packetsReceived,
      'messages/sent': traffic.packetsSent,
      'messages/stored': stored + retained.count,
      'publish/messages/received': traffic.received,
      'publish/messages/sent': traffic.sent,
      'publish/messages/dropped': Object.values(drops).reduce((sum, count) => sum + count, 0),
      'bytes/received': traffic.bytesReceived,
      'bytes/sent': traffic.bytesSent,
      'subscriptions/count': subscriptions.size,
      'shared_subscriptions/count': subscriptions.groupCount,
      'retained messages/count': retained.count,
      'retained messages/bytes': retained.bytes,
      'heap/current': heap,
    };
    const broker = Object.entries(numbers).map(([name, value]) => [`$SYS/broker/${name}`, String(value)] as const);
    const dropped = Object.entries(drops).map(
      ([reason, count]) => [`$SYS/broker/dropped/${reason}`, String(count)] as const,
    );
    return [
      ['$SYS/broker/version', `trivium version ${VERSION}`],
      ['$SYS/broker/uptime', `${Math.floor((now - this.#started) / 1000)} seconds`],
      ...broker,
      ...dropped,
    ];
  }
}

function messageOf(topic: string, value: string): Message {
  return { topic, payload: Buffer.from(value), qos: 0, retain: true, properties: {} };
}

function statusOf({ link }: Session): string {
  return link === undefined ? 'offline' : 'online';
}
