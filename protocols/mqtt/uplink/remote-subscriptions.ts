import type { Log } from '#src/observe/log.ts';
import { reasonCodes, reasonName } from '../packet/reason-codes.ts';
import { isShared } from '../packet/topic.ts';
import type { ClientPacket, SubscribeAcknowledgement, Subscription, Version } from '../packet/types.ts';
import { MESSAGE_IDS } from './outbound.ts';
import type { Wanted } from './remap.ts';
import type { UplinkState } from './state.ts';

interface Peer {
  readonly version: Version;
  send(packet: ClientPacket): void;
}

/** Filters in one packet. */
const PAGE = 16;

const keyOf = ({ filter, qos }: Wanted): string => `${qos} ${filter}`;
const filterOf = (key: string): string => key.slice(2);

/** What an uplink subscribes to there (MQTT 5 sections 3.8 and 3.10): only what the session there does not have already. */
export class RemoteSubscriptions {
  readonly #state: UplinkState;
  readonly #wanted: readonly Wanted[];
  readonly #log: Log;
  /** Keys by packet identifier: what the answer is about. */
  readonly #asked = new Map<number, readonly string[]>();

  constructor(state: UplinkState, wanted: readonly Wanted[], log: Log) {
    this.#state = state;
    this.#wanted = wanted;
    this.#log = log;
  }

  connected(peer: Peer): void {
    const { subscribed } = this.#state;
    const filters = new Set(this.#wanted.map(({ filter }) => filter));
    const gone = [...subscribed].filter((key) => !filters.has(filterOf(key)));
    const missing = this.#wanted.filter((each) => !subscribed.has(keyOf(each)));
    let packetId = MESSAGE_IDS;
    for (let at = 0; at < gone.length; at += PAGE) {
      const keys = gone.slice(at, at + PAGE);
      this.#asked.set(++packetId, keys);
      peer.send({ type: 'unsubscribe', packetId, filters: keys.map(filterOf), userProperties: [] });
    }
    for (let at = 0; at < missing.length; at += PAGE) {
      const page = missing.slice(at, at + PAGE);
      this.#asked.set(++packetId, page.map(keyOf));
      peer.send({ type: 'subscribe', packetId, subscriptions: page.map(subscriptionOf), userProperties: [] });
    }
  }

  disconnected(): void {
    this.#asked.clear();
  }

  acknowledged({ packetId, reasons, type }: SubscribeAcknowledgement): void {
    const keys = this.#asked.get(packetId) ?? [];
    this.#asked.delete(packetId);
    const subscribed = new Map([...this.#state.subscribed].map((key) => [filterOf(key), key]));
    for (const [at, key] of keys.entries()) {
      const reason = reasons[at] ?? reasonCodes.success;
      const filter = filterOf(key);
      if (type === 'unsuback') subscribed.delete(filter);
      else if (reason < reasonCodes.unspecifiedError) subscribed.set(filter, key);
      else this.#log.warn('the other broker refuses a subscription', { filter, reason: reasonName(reason) });
    }
    if (keys.length > 0) this.#state.setSubscribed(new Set(subscribed.values()));
  }
}

/** Our own messages stay away (No Local), and RETAIN comes through as it was published: MQTT 5 section 3.8.3.1. */
function subscriptionOf({ filter, qos }: Wanted): Subscription {
  // [MQTT-3.8.3-4]
  return { filter, qos, noLocal: !isShared(filter), retainAsPublished: true, retainHandling: 0 };
}
