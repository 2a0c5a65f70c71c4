import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { authenticate, type Login, Objection, objectionTo, readClientId } from '../auth.ts';
import { Exchange } from '../enhanced-auth.ts';
import type { Client } from '../links/client.ts';
import { TopicAliases } from '../links/extras.ts';
import { HOLD } from '../links/flow.ts';
import { encode } from '../packet/encoder.ts';
import { reasonCodes } from '../packet/reason-codes.ts';
import type { Connack, Connect } from '../packet/types.ts';

/** A CONNECT on its way to its CONNACK: each step adds what it found. */
interface Connecting {
  readonly client: Client;
  readonly packet: Connect;
  login?: Login;
  /** Given by the server, since the client had none. */
  assignedClientId?: string;
  /** The last message of an enhanced authentication. */
  authenticationData?: Buffer;
}

type Verdict = Objection | undefined;
type Step = (connecting: Connecting) => Verdict | Promise<Verdict>;

/** MQTT 5 section 3.1.4, in this order. */
const steps: readonly Step[] = [readParameters, identify, nameClient, authorize, takeWill, fit, beginAnew, accept];

/** CONNECT: MQTT 5 section 3.1. */
export function handleConnect(client: Client, packet: Connect): void {
  client.state = 'connecting';
  run({ client, packet }, 0);
}

function run(connecting: Connecting, from: number): void {
  const { client } = connecting;
  for (const [index, step] of steps.entries()) {
    if (index < from) continue;
    const verdict = step(connecting);
    if (verdict instanceof Promise) return void wait(connecting, index, verdict);
    if (verdict !== undefined) return refuse(client, verdict);
  }
}

/** Nothing more is read until a password is checked; an enhanced authentication goes on by packets. */
async function wait(connecting: Connecting, index: number, verdict: Promise<Verdict>): Promise<void> {
  const { client } = connecting;
  if (client.auth === undefined) client.flow.hold(HOLD.login);
  const result = await decided(client, verdict);
  if (client.state === 'closed') return;
  try {
    if (result === undefined) run(connecting, index + 1);
    else refuse(client, result);
  } catch (error) {
    client.failed(error);
  }
  client.flow.letGo(HOLD.login);
}

async function decided(client: Client, verdict: Promise<Verdict>): Promise<Verdict> {
  try {
    return await verdict;
  } catch (error) {
    client.server.log.error('a login was not decided', { error: String(error) });
    return new Objection(reasonCodes.serverUnavailable, 'the accounts cannot be asked now');
  }
}

/** [MQTT-3.1.4-2]: the client is told, then the connection is closed. */
function refuse(client: Client, { guess, reason, text }: Objection): void {
  const { server, transport } = client;
  server.counters.refused += 1;
  server.log.info('login failed', { reason: text, ip: transport.ip, listener: transport.listener });
  if (guess) server.bans.fail(transport.ip, 'failed logins');
  client.write({ type: 'connack', sessionPresent: false, reason, reasonString: text });
  client.end(reason, text);
}

function readParameters({ client, packet }: Connecting): Verdict {
  const { options } = client.server;
  const { maximumPacketSize, requestProblemInformation } = packet;
  client.version = packet.version;
  if (client.server.memory.tight) return new Objection(reasonCodes.serverBusy, 'memory is short');
  client.bridge = packet.bridge;
  client.takes = { requestProblemInformation, ...(maximumPacketSize === undefined ? {} : { maximumPacketSize }) };
  client.window = Math.min(packet.receiveMaximum, options.maxInFlight);
  const aliases = Math.min(packet.topicAliasMaximum, options.topicAliasesOut);
  if (aliases > 0) client.aliases = new TopicAliases(aliases);
  return undefined;
}

function identify(connecting: Connecting): Verdict | Promise<Verdict> {
  const { client, packet } = connecting;
  if (packet.authenticationMethod !== undefined) return identifyByMethod(connecting, packet.authenticationMethod);
  const login = authenticate(client.server, client.transport, packet);
  const take = (result: Login | Objection): Verdict => {
    if (result instanceof Objection) return result;
    connecting.login = result;
    return undefined;
  };
  return login instanceof Promise ? login.then(take) : take(login);
}

/** MQTT 5 section 4.12. */
function identifyByMethod(connecting: Connecting, method: string): Verdict | Promise<Verdict> {
  const { client, packet } = connecting;
  const exchange = Exchange.begin(client.server, method, client.transport.tls?.serverName);
  if (exchange === undefined)
    return new Objection(reasonCodes.badAuthenticationMethod, 'an unknown authentication method');
  const step = exchange.step(packet.authenticationData);
  if (step.kind === 'failure') return step.objection;
  if (step.kind === 'success') return new Objection(reasonCodes.protocolError, 'an exchange that ends where it begins');
  const { promise, resolve } = Promise.withResolvers<Verdict>();
  client.method = method;
  client.auth = {
    exchange,
    done(result) {
      client.auth = undefined;
      if (result instanceof Objection) return resolve(result);
      connecting.login = result.login;
      connecting.authenticationData = result.data;
      resolve(undefined);
    },
  };
  client.write({ type: 'auth', reason: reasonCodes.continueAuthentication, method, data: step.data });
  return promise;
}

/** MQTT 5 section 3.1.3.1: the client identifier, which is the resource of the account's address. */
function nameClient(connecting: Connecting): Verdict {
  const { client, login, packet } = connecting;
  if (login === undefined) throw new Error('nobody was identified');
  if (packet.clientId === '') connecting.assignedClientId = `auto-${randomBytes(12).toString('hex')}`;
  const clientId = readClientId(login, connecting.assignedClientId ?? packet.clientId);
  if (clientId === undefined) return new Objection(reasonCodes.clientIdentifierNotValid, 'no resource by RFC 7622');
  client.identity = { account: login.account, clientId };
  client.broker = login.broker;
  return undefined;
}

function authorize({ client, login }: Connecting): Verdict {
  return login === undefined ? undefined : objectionTo(client.server, login, client.transport, client.clientId);
}

/** MQTT 5 section 3.1.2.5: a will is a publication of this client. */
function takeWill({ client, packet: { will } }: Connecting): Verdict {
  const { broker } = client;
  if (will === undefined || broker === undefined) return undefined;
  if (will.topic.startsWith('$'))
    return new Objection(reasonCodes.topicNameInvalid, "the topic of the will is the server's");
  if (!broker.acl.mayPublish(client.acl, will.topic))
    return new Objection(reasonCodes.notAuthorized, 'the will may not be published');
  if (!broker.canRetain(will)) return new Objection(reasonCodes.quotaExceeded, 'there is no room to retain the will');
  // It is kept as long as the connection: not with all that was read with it.
  client.will = { ...will, payload: Buffer.from(will.payload) };
  return undefined;
}

/** [MQTT-3.1.2-24]: who takes no packet of the size of CONNACK cannot be served. */
function fit(connecting: Connecting): Verdict {
  const { client, packet } = connecting;
  if (packet.maximumPacketSize === undefined || packet.maximumPacketSize >= SURE_TO_HOLD_CONNACK) return undefined;
  const { expiry, serverKeepAlive } = grantedTo(connecting);
  const bytes = encode(connackOf(connecting, false, expiry, serverKeepAlive), client.version, client.takes);
  return bytes === undefined ? new Objection(reasonCodes.packetTooLarge, 'no room for CONNACK') : undefined;
}

/** Bytes: client identifier, response topic and authentication data are its long parts. */
const SURE_TO_HOLD_CONNACK = 300_000;

/** What the server makes of the times that the client asks for, in seconds. */
function grantedTo({ client, packet }: Connecting): { expiry: number; serverKeepAlive: number | undefined } {
  const { keepAlive, sessionExpiry } = client.broker?.options ?? client.server.options;
  const limited = client.version === 5 && keepAlive > 0 && (packet.keepAlive === 0 || packet.keepAlive > keepAlive);
  return {
    expiry: Math.min(packet.sessionExpiry, sessionExpiry),
    serverKeepAlive: limited ? keepAlive : undefined,
  };
}

/** [MQTT-3.1.2-4]: a client that was told that there is no session must not find the old one after a crash. */
function beginAnew({ client, packet }: Connecting): Verdict | Promise<Verdict> {
  const { broker, identity, server } = client;
  if (!packet.cleanStart || broker?.sessions.discard(identity) !== true) return undefined;
  return server.store.barrier()?.then(() => undefined);
}

/** Takes over or begins the session, and answers. */
function accept(connecting: Connecting): Verdict {
  const { client, packet } = connecting;
  const { broker, server, transport } = client;
  if (broker === undefined) throw new Error('no host was found');
  const { sessions } = broker;
  const { cleanStart } = packet;
  const { expiry, serverKeepAlive } = grantedTo(connecting);
  const opened = sessions.open(client, { cleanStart, expiry, will: client.will });
  if (opened === undefined) return new Objection(reasonCodes.quotaExceeded, 'too many sessions');
  const { present, session } = opened;
  client.write(connackOf(connecting, present, expiry, serverKeepAlive));
  if (client.identity.account !== '') server.accounts.noteLogin(broker.domain, session.account, 'mqtt', transport.ip);
  if (server.log.debugEnabled) {
    server.log.debug('connected', {
      account: session.account,
      client: session.clientId,
      ip: transport.ip,
      version: client.version,
    });
  }
  client.opened(session, serverKeepAlive ?? packet.keepAlive);
  broker.system.status(session);
  // After CONNACK: what waits for the account may come at once.
  broker.devices?.opened(session, packet.userProperties.find(([name]) => name === 'status')?.[1] ?? '');
  return undefined;
}

/** MQTT 5 section 3.2.2.3: what differs from what the client asked for or would assume. */
function connackOf(
  { assignedClientId, authenticationData, client, packet }: Connecting,
  sessionPresent: boolean,
  sessionExpiry: number,
  serverKeepAlive: number | undefined,
): Connack {
  const { clientId, identity, method, server } = client;
  const { maxPacketSize, receiveMaximum, topicAliases } = client.broker?.options ?? server.options;
  return {
    type: 'connack',
    sessionPresent,
    reason: reasonCodes.success,
    receiveMaximum,
    maximumPacketSize: maxPacketSize,
    ...(topicAliases === 0 ? {} : { topicAliasMaximum: topicAliases }),
    ...(sessionExpiry === packet.sessionExpiry ? {} : { sessionExpiry }),
    ...(assignedClientId === undefined ? {} : { assignedClientId }),
    ...(serverKeepAlive === undefined ? {} : { serverKeepAlive }),
    ...(packet.requestResponseInformation ? { responseInformation: responseTopicOf(identity.account, clientId) } : {}),
    ...(method === undefined ? {} : { authenticationMethod: method }),
    ...(authenticationData === undefined ? {} : { authenticationData }),
  };
}

/** Section 4.10.1: where this client may expect its responses; access lists can keep others away from it. */
function responseTopicOf(account: string, clientId: string): string {
  const levels = [account === '' ? '-' : account, clientId].map((name) =>
    name.replaceAll(/[%+#/]/g, encodeURIComponent),
  );
  return `responses/${levels.join('/')}`;
}
