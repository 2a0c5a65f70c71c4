import type { Client } from '../links/client.ts';
import { isShared } from '../packet/topic.ts';
import { type ReasonCode, reasonCodes } from '../packet/reason-codes.ts';
import type { Message, QoS, Subscribe, Subscription } from '../packet/types.ts';
import { Publication } from '../publication.ts';
import type { Session } from '../session.ts';
import { readShared } from '../topics/shared.ts';
import type { Granted } from '../topics/tree.ts';

/** MQTT 5 section 3.9.3: a grant is its QoS. */
const GRANTS = [reasonCodes.success, reasonCodes.grantedQos1, reasonCodes.grantedQos2] as const;

/** SUBSCRIBE: MQTT 5 section 3.8. The answer comes before the retained messages. */
export function handleSubscribe(
  client: Client,
  session: Session,
  { packetId, subscriptionId, subscriptions }: Subscribe,
): void {
  const reasons: ReasonCode[] = [];
  const fresh: Granted[] = [];
  const reserved: (readonly [Granted, boolean])[] = [];
  let stored = false;
  for (const subscription of subscriptions) {
    const refusal = refusalOf(client, session, subscription);
    reasons.push(refusal ?? GRANTS[subscription.qos]);
    if (refusal !== undefined) continue;
    const granted: Granted = { ...adapted(client, subscription), id: subscriptionId };
    const isNew = subscribe(session, granted);
    stored ||= session.durable;
    if (session.broker.reserved?.covers(granted.filter) === true) reserved.push([granted, isNew]);
    else if (wantsRetained(granted, isNew)) fresh.push(granted);
  }
  client.reply({ type: 'suback', packetId, reasons }, stored);
  for (const granted of fresh) sendRetained(session, granted);
  for (const [granted, isNew] of reserved) session.broker.reserved?.subscribed(session, granted, isNew);
}

function refusalOf(client: Client, session: Session, { filter }: Subscription): ReasonCode | undefined {
  const { broker, subscriptions } = session;
  if (!broker.acl.maySubscribe(client.acl, filter)) return reasonCodes.notAuthorized;
  const { reserved } = broker;
  const wanted = readShared(filter)?.filter ?? filter;
  if (reserved?.covers(wanted) === true) {
    if (wanted !== filter) return reasonCodes.sharedSubscriptionsNotSupported;
    const refusal = reserved.refusal(session, filter);
    if (refusal !== undefined) return refusal;
  }
  const full = subscriptions !== undefined && subscriptions.size >= broker.options.maxSubscriptions;
  return full && !subscriptions.has(filter) ? reasonCodes.quotaExceeded : undefined;
}

/** Another broker's bridge sees its own messages not again, and the others with their RETAIN flag (mosquitto's private bit in CONNECT). */
function adapted({ bridge }: Client, subscription: Subscription): Subscription {
  if (!bridge || isShared(subscription.filter)) return subscription;
  return { ...subscription, noLocal: true, retainAsPublished: true };
}

/** @returns whether there was none to this filter */
function subscribe(session: Session, granted: Granted): boolean {
  const { broker } = session;
  const old = broker.subscriptions.add(session, granted);
  if (session.durable) {
    const { filter, ...rest } = granted;
    broker.stored.subscriptions.put([...session.place, filter], rest);
  }
  return old === undefined;
}

/** Section 3.8.3.1; a shared subscription brings none (section 4.8.2). */
function wantsRetained({ filter, retainHandling }: Granted, isNew: boolean): boolean {
  if (isShared(filter) || retainHandling === 2) return false;
  return retainHandling === 0 || isNew;
}

function sendRetained(session: Session, { filter, id, qos }: Granted): void {
  const { broker } = session;
  const ids = id === undefined ? [] : [id];
  const send = (message: Message, at: number): void => {
    const lower: QoS = qos < message.qos ? qos : message.qos;
    session.take(new Publication(message, at, undefined), lower, true, ids, undefined);
  };
  for (const { at, message } of broker.retained.match(filter, broker.options.retainedMatches, broker.now))
    send(message, at);
  for (const message of broker.system.matching(filter)) send(message, broker.now);
}
