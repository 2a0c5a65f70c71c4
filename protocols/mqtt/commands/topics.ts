import { Buffer } from 'node:buffer';
import { durably, host } from '#src/admin/commands/common.ts';
import { type Command, CommandError, defineCommand, type Row } from '#src/admin/commands.ts';
import { topicNameFault } from '../packet/topic.ts';
import type { QoS } from '../packet/types.ts';
import type { Session } from '../session.ts';
import type { Retained } from '../topics/retained.ts';
import type { Granted } from '../topics/tree.ts';
import { brokerOf, checkFilter, filter, sessionOf, tags, timeOf } from './common.ts';

const topic = { name: 'topic', type: 'string', description: 'Topic name' } as const;

function subscriptionOf({ account, clientId }: Session, granted: Granted): Row {
  const { filter: text, id, noLocal, qos, retainAsPublished, retainHandling } = granted;
  return {
    client_id: clientId,
    user: account,
    filter: text,
    qos,
    no_local: String(noLocal),
    retain_as_published: String(retainAsPublished),
    retain_handling: retainHandling,
    subscription_id: id ?? '',
  };
}

const listSubscriptions = defineCommand({
  name: 'mqtt_list_subscriptions',
  description: 'Subscriptions of one client, or of all to one topic filter.',
  tags,
  arguments: [
    host,
    {
      name: 'client_or_filter',
      type: 'string',
      description: 'Client identifier, or a topic filter as it was subscribed to; empty for all',
      default: '',
    },
  ],
  result: 'table',
  run(parts, args) {
    const broker = brokerOf(parts, args.host);
    const wanted = args.client_or_filter;
    const byFilter = [...broker.sessions].flatMap((session) =>
      [...(session.subscriptions?.values() ?? [])]
        .filter((granted) => wanted === '' || granted.filter === wanted)
        .map((granted) => subscriptionOf(session, granted)),
    );
    if (wanted === '' || byFilter.length > 0) return byFilter;
    const session = sessionOf(broker, wanted);
    return [...(session.subscriptions?.values() ?? [])].map((granted) => subscriptionOf(session, granted));
  },
});

const shareGroups = defineCommand({
  name: 'mqtt_share_groups',
  description: 'Shared subscriptions and their members.',
  tags,
  arguments: [host],
  result: 'table',
  run: (parts, args) =>
    [...brokerOf(parts, args.host).subscriptions.groups].map(({ filter: text, key, members }) => ({
      group: key.slice(0, key.length - text.length - 1),
      filter: text,
      members: members.map(({ member }) => member.clientId),
    })),
});

const topicsTop = defineCommand({
  name: 'mqtt_topics_top',
  description: 'The topics that are published to most, by samples of one publication in 16.',
  tags,
  arguments: [host, { name: 'n', type: 'integer', description: 'How many', default: 20 }],
  result: 'table',
  run: (parts, args) =>
    brokerOf(parts, args.host)
      .top.list(args.n)
      .map(([name, samples]) => ({ topic: name, samples })),
});

const shown = ({ at, expires, message }: Retained): Row => ({
  topic: message.topic,
  qos: message.qos,
  bytes: message.payload.length,
  published: timeOf(at),
  expires: timeOf(expires),
});

const listRetained = defineCommand({
  name: 'mqtt_list_retained',
  description: 'Retained messages by topic filter.',
  tags,
  arguments: [
    host,
    { ...filter, default: '#' },
    { name: 'limit', type: 'integer', description: 'At most so many', default: 1000 },
  ],
  result: 'table',
  run(parts, args) {
    checkFilter(args.filter);
    const { now, retained } = brokerOf(parts, args.host);
    return retained.match(args.filter, args.limit, now).map(shown);
  },
});

const getRetained = defineCommand({
  name: 'mqtt_get_retained',
  description: 'One retained message. A payload that is no text is shown in base64.',
  tags,
  arguments: [host, topic],
  result: 'tuple',
  run(parts, args) {
    const { now, retained } = brokerOf(parts, args.host);
    const found = retained.get(args.topic, now);
    if (found === undefined) throw new CommandError(404, 'nothing is retained there');
    const { payload } = found.message;
    const text = payload.toString('utf8');
    const isText = Buffer.from(text).equals(payload);
    return {
      ...shown(found),
      encoding: isText ? 'text' : 'base64',
      payload: isText ? text : payload.toString('base64'),
    };
  },
});

const deleteRetained = defineCommand({
  name: 'mqtt_delete_retained',
  description: 'Delete retained messages by topic filter. Answers how many there were.',
  tags,
  arguments: [host, filter],
  result: 'value',
  run(parts, args) {
    checkFilter(args.filter);
    const { now, retained } = brokerOf(parts, args.host);
    const found = retained.match(args.filter, Number.POSITIVE_INFINITY, now);
    for (const { message } of found) retained.clear(message.topic);
    return durably(parts, found.length);
  },
});

const publish = defineCommand({
  name: 'mqtt_publish',
  description: 'Publish a message. Answers how many subscribers it had.',
  tags,
  arguments: [
    host,
    { name: 'from', type: 'string', description: 'Who publishes, as User Property "from"; empty for none' },
    topic,
    { name: 'payload', type: 'string', description: 'Text' },
    { name: 'qos', type: 'integer', description: '0, 1 or 2', default: 0 },
    { name: 'retain', type: 'string', description: 'true to have it retained', default: 'false' },
    { name: 'content_type', type: 'string', description: 'Content Type of MQTT 5', default: '' },
  ],
  result: 'value',
  run(parts, args) {
    const broker = brokerOf(parts, args.host);
    const fault = topicNameFault(args.topic);
    if (fault !== undefined) throw new CommandError(400, fault);
    if (args.qos < 0 || args.qos > 2) throw new CommandError(400, 'the QoS is 0, 1 or 2');
    const properties = {
      ...(args.content_type === '' ? {} : { contentType: args.content_type }),
      ...(args.from === '' ? {} : { userProperties: [['from', args.from]] as const }),
    };
    const message = {
      topic: args.topic,
      payload: Buffer.from(args.payload),
      qos: args.qos as QoS,
      retain: args.retain === 'true',
      properties,
    };
    if (!broker.canRetain(message)) throw new CommandError(503, 'there is no room to retain it');
    return durably(parts, broker.publish(message, undefined));
  },
});

export const topicCommands: readonly Command[] = [
  listSubscriptions,
  shareGroups,
  topicsTop,
  listRetained,
  getRetained,
  deleteRetained,
  publish,
];
