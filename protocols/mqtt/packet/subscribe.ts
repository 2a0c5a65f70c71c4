import type { Buffer } from 'node:buffer';
import { type Fault, malformed, protocolError } from './fault.ts';
import { readProperties } from './properties.ts';
import { PacketReader } from './reader.ts';
import { reasonCodes } from './reason-codes.ts';
import { isShared, topicFilterFault } from './topic.ts';
import type { QoS, RetainHandling, Subscribe, Subscription, Unsubscribe, Version } from './types.ts';

/** A SUBSCRIBE from behind its fixed header: MQTT 5 section 3.8. */
export function readSubscribe(
  buf: Buffer,
  from: number,
  end: number,
  version: Version,
  maxTopicLevels: number,
): Subscribe | Fault {
  const reader = new PacketReader(buf, from, end);
  const packetId = reader.packetId();
  const { subscriptionId, userProperties = [] } = version === 5 ? readProperties(reader, 'subscribe') : {};
  const subscriptions: Subscription[] = [];
  while (reader.more) subscriptions.push(readSubscription(reader, version, maxTopicLevels));
  // [MQTT-3.8.3-2]
  if (subscriptions.length === 0) reader.refuse(protocolError('a SUBSCRIBE without a topic filter'));
  if (reader.fault !== undefined) return reader.fault;
  return {
    type: 'subscribe',
    packetId,
    subscriptions,
    ...(subscriptionId !== undefined && { subscriptionId }),
    userProperties,
  };
}

/** An UNSUBSCRIBE from behind its fixed header: MQTT 5 section 3.10. */
export function readUnsubscribe(
  buf: Buffer,
  from: number,
  end: number,
  version: Version,
  maxTopicLevels: number,
): Unsubscribe | Fault {
  const reader = new PacketReader(buf, from, end);
  const packetId = reader.packetId();
  const { userProperties = [] } = version === 5 ? readProperties(reader, 'unsubscribe') : {};
  const filters: string[] = [];
  while (reader.more) filters.push(readFilter(reader, maxTopicLevels));
  // [MQTT-3.10.3-2]
  if (filters.length === 0) reader.refuse(protocolError('an UNSUBSCRIBE without a topic filter'));
  return reader.fault ?? { type: 'unsubscribe', packetId, filters, userProperties };
}

/** A topic filter and its options: MQTT 5 section 3.8.3, 3.1.1 section 3.8.3. */
function readSubscription(reader: PacketReader, version: Version, maxTopicLevels: number): Subscription {
  const filter = readFilter(reader, maxTopicLevels);
  const options = reader.byte();
  const wrong = optionsFault(filter, options, version);
  if (wrong !== undefined) reader.refuse(wrong);
  const full = version === 5;
  return {
    filter,
    qos: (options & 3) as QoS,
    noLocal: full && (options & 4) !== 0,
    retainAsPublished: full && (options & 8) !== 0,
    retainHandling: (full ? (options >> 4) & 3 : 0) as RetainHandling,
  };
}

function optionsFault(filter: string, options: number, version: Version): Fault | undefined {
  const qos3 = (options & 3) === 3;
  if (version < 5) {
    // 3.1.1 [MQTT-3-8.3-4]; 3.1 does not use the other bits.
    if (qos3 || (version === 4 && options > 2)) return malformed('a requested QoS that is not 0, 1 or 2');
    return undefined;
  }
  // [MQTT-3.8.3-5]
  if ((options & 0xc0) !== 0) return malformed('reserved bits of the subscription options are set');
  if (qos3) return protocolError('a maximum QoS of 3');
  if ((options & 0x30) === 0x30) return protocolError('a retain handling of 3');
  // [MQTT-3.8.3-4]
  return (options & 4) !== 0 && isShared(filter) ? protocolError('No Local on a shared subscription') : undefined;
}

function readFilter(reader: PacketReader, maxTopicLevels: number): string {
  const filter = reader.text();
  const wrong = reader.fault === undefined ? topicFilterFault(filter, maxTopicLevels) : undefined;
  if (wrong !== undefined) reader.fail(reasonCodes.topicFilterInvalid, wrong);
  return filter;
}
