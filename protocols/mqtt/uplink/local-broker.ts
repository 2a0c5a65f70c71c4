import type { Broker } from '../broker.ts';
import type { Message } from '../packet/types.ts';
import type { LocalSubscriber } from '../subscriptions.ts';
import type { Retained } from '../topics/retained.ts';
import type { Granted } from '../topics/tree.ts';

/** What an uplink asks of the broker of its host. */
export interface LocalBroker {
  readonly domain: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Gives a message to all its subscribers. @param from the publisher, which finds itself in `Publication.from` */
  publish(message: Message, from: object | undefined): void;
  subscribe(subscriber: LocalSubscriber, granted: Granted): void;
  unsubscribe(subscriber: LocalSubscriber, filter: string): void;
  /** Messages that are retained here. */
  retainedBy(filter: string): readonly Retained[];
  /** Something was written for the publication at hand: its publisher is answered when that is durable. */
  noteWritten(): void;
}

export function localBroker(broker: Broker): LocalBroker {
  const { domain, retained, subscriptions } = broker;
  return {
    domain,
    get now() {
      return broker.now;
    },
    publish: (message, from) => void broker.publish(message, from),
    subscribe: (subscriber, granted) => subscriptions.addLocal(subscriber, granted),
    unsubscribe: (subscriber, filter) => subscriptions.removeLocal(subscriber, filter),
    retainedBy: (filter) => retained.match(filter, broker.options.retainedMatches, broker.now),
    noteWritten: () => void (broker.wrote = true),
  };
}
