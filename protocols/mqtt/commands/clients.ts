import { durably, host } from '#src/admin/commands/common.ts';
import { type Command, CommandError, defineCommand, type Row } from '#src/admin/commands.ts';
import { isReasonOf, reasonCodes } from '../packet/reason-codes.ts';
import { type Session, FOR_EVER } from '../session.ts';
import { brokerOf, client, sessionOf, tags, timeOf } from './common.ts';

function rowOf(session: Session): Row {
  const { account, clientId, durable, ended, expiry, link, outgoing, subscriptions } = session;
  const info = link?.info;
  return {
    client_id: clientId,
    user: account,
    ip: info?.ip ?? '',
    listener: info?.listener ?? '',
    version: info === undefined ? '' : versions[info.version],
    clean_start: durable ? 'false' : 'true',
    session_expiry: expiry === FOR_EVER ? 'never' : expiry,
    connected: link === undefined ? 'false' : 'true',
    subs: subscriptions?.size ?? 0,
    inflight: outgoing.inFlight,
    queued: outgoing.waiting,
    queued_bytes: outgoing.waitingBytes,
    last_seen: timeOf(info?.heardAt ?? ended),
  };
}

const versions = { 3: '3.1', 4: '3.1.1', 5: '5.0' } as const;

const listClients = defineCommand({
  name: 'mqtt_list_clients',
  description: 'The sessions of a host, of clients that are connected and of those that may come back.',
  tags,
  arguments: [host],
  result: 'table',
  run: (parts, args) => [...brokerOf(parts, args.host).sessions].map(rowOf),
});

const clientInfo = defineCommand({
  name: 'mqtt_client_info',
  description: 'One session: where its client is, what waits for it.',
  tags,
  arguments: [host, client],
  result: 'tuple',
  run(parts, args) {
    const session = sessionOf(brokerOf(parts, args.host), args.client_id);
    const info = session.link?.info;
    return {
      ...rowOf(session),
      port: info?.port ?? 0,
      keep_alive: info?.keepAlive ?? 0,
      connected_at: timeOf(info?.connectedAt),
      receiving: session.receiving?.size ?? 0,
    };
  },
});

const kick = defineCommand({
  name: 'mqtt_kick',
  description: 'Disconnect a client; its session stays, as long as its expiry says.',
  tags,
  arguments: [
    host,
    client,
    {
      name: 'reason_code',
      type: 'integer',
      description: 'Reason code of MQTT 5 that the client is told',
      default: reasonCodes.administrativeAction,
    },
  ],
  result: 'rescode',
  run(parts, args) {
    const { link } = sessionOf(brokerOf(parts, args.host), args.client_id);
    const reason = args.reason_code;
    if (!isReasonOf('serverDisconnect', reason)) throw new CommandError(400, `${reason} is no reason to disconnect`);
    if (link === undefined) throw new CommandError(404, 'the client is not connected');
    link.end(reason, 'ended by an operator');
    return true;
  },
});

const deleteSession = defineCommand({
  name: 'mqtt_delete_session',
  description: 'Disconnect a client if it is connected, and delete its session with all that waits for it.',
  tags,
  arguments: [host, client],
  result: 'rescode',
  run(parts, args) {
    const broker = brokerOf(parts, args.host);
    const session = sessionOf(broker, args.client_id);
    session.link?.end(reasonCodes.administrativeAction, 'the session was deleted');
    broker.sessions.end(session);
    return durably(parts, true);
  },
});

const queuePurge = defineCommand({
  name: 'mqtt_queue_purge',
  description: 'Delete the messages that wait for a client. Answers how many there were.',
  tags,
  arguments: [host, client],
  result: 'value',
  run(parts, args) {
    const session = sessionOf(brokerOf(parts, args.host), args.client_id);
    return durably(parts, session.outgoing.purge());
  },
});

export const clientCommands: readonly Command[] = [listClients, clientInfo, kick, deleteSession, queuePurge];
