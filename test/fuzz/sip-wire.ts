/**
 * SIP conversations that go wrong, over UDP and TCP: requests of strangers and of a user with credentials, calls and messages to a phone
 * that answers, damaged and cut into pieces. The server has to answer or drop each of them, never to fail inside, and to serve a
 * well-behaved phone all the while.
 *
 * All addresses that a request could lead the server to are on this machine, and what the server would follow to a damaged one (the contact of a
 * registration or a subscription) is not damaged.
 */
import { Buffer } from 'node:buffer';
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Body, type FieldList, type SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { type Phone, SipTestServer } from '#test/helpers/sip.ts';
import { Random } from './random.ts';
import { chunksOf, damagedMessage, damageOnce, wholeMessage } from './sip-messages.ts';
import { wholeSdp } from './sip-sdp.ts';

const DATAGRAMS = 60;
const STREAMS = 12;
/** Bytes in use that the process may have grown by, over all rounds, before it counts as a leak: transactions last 32 seconds. */
const GROWTH = 500 << 20;
const PATIENCE = 10_000;

/** Strangers of one domain are let in to accounts; nobody is taken elsewhere. */
const SETTINGS = `
acl: { friends: [{ server: [elsewhere.example] }] }
access: { callers: [{ allow: friends }] }
sip: { foreign_callers: callers, foreign_domains: false, min_expires: 1s, media_relay: always }
`;

interface Stage {
  readonly server: SipTestServer;
  readonly errors: string[];
  readonly memory: number;
  /** Whoever is called or written to. */
  readonly callee: Phone;
  /** A user who has proved to be one. */
  readonly user: Phone;
  readonly control: Phone;
  readonly socket: UdpSocket;
  challenge: SipResponse | undefined;
  nonceCount: number;
  isOver: boolean;
}

let stage: Promise<Stage> | undefined;

async function open(): Promise<Stage> {
  const errors: string[] = [];
  const server = await SipTestServer.start(SETTINGS, '', { write: (line) => void errors.push(line) });
  await server.register('callee@localhost', 'user@localhost', 'control@localhost');
  const callee = await server.registered('callee@localhost');
  const user = await server.phone('user@localhost');
  const control = await server.phone('control@localhost', { transport: 'tcp' });
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  socket.on('message', () => undefined);
  const opened: Stage = {
    server,
    errors,
    memory: inUse(),
    callee,
    user,
    control,
    socket,
    challenge: undefined,
    nonceCount: 0,
    isOver: false,
  };
  void answers(opened, callee);
  void answers(opened, user);
  return opened;
}

/** A phone rings, answers, is busy or says nothing, by what the Call-ID ends in. */
async function answers(opened: Stage, phone: Phone): Promise<void> {
  while (!opened.isOver) {
    const request = await phone.next((one) => one.kind === 'request', 'a request').catch(() => undefined);
    if (request?.kind !== 'request' || request.method === 'ACK') continue;
    const choice = (request.callId ?? '').charCodeAt((request.callId ?? '').length - 1) % 5;
    if (request.method === 'INVITE' && choice > 0) phone.answer(request, 180);
    const status = [200, 486, 200, 603][choice];
    if (status === undefined) continue;
    const fields: FieldList = [['Contact', `<${phone.contact}>`]];
    const body = request.body.length === 0 ? undefined : description(new Random(request.body.length));
    phone.send(SipResponse.to(request, status, { fields, recordRoute: true, tag: `u${phone.port}`, body }));
  }
}

/** A session description, which a relay may have to edit; no media is ever sent. */
function description(random: Random): Body {
  const bytes = wholeSdp(random);
  return { type: 'application/sdp', bytes: random.next(3) === 0 ? damageOnce(bytes, random) : bytes };
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What the program holds; freed memory that the system has not got back does not count. */
function inUse(): number {
  const { external, heapUsed } = process.memoryUsage();
  return external + heapUsed;
}

/** By how much the process has grown; what nobody holds any more counts only while there is little of it. */
function grownBy(memory: number): number {
  if (inUse() - memory > GROWTH) collect();
  return inUse() - memory;
}

const STRANGERS = ['INVITE', 'INVITE', 'MESSAGE', 'OPTIONS', 'BYE', 'CANCEL', 'ACK', 'INFO', 'UPDATE', 'PRACK', 'X'];

/** What a stranger sends to somebody of this server. */
function strange({ user }: Stage, random: Random): Buffer {
  const method = random.pick(STRANGERS);
  const fields: FieldList = [
    ['Contact', `<sip:eve@127.0.0.1:${user.port}>`],
    ...(random.next(3) === 0 ? [['Record-Route', '<sip:127.0.0.1:9;lr>'] as const] : []),
    ...(random.next(3) === 0 ? [['Supported', 'timer, 100rel'] as const] : []),
    ...(random.next(9) === 0 ? [['Proxy-Require', 'x'] as const] : []),
  ];
  const given = {
    to: random.pick([
      'sip:callee@localhost',
      'sip:user@localhost',
      'sip:nobody@localhost',
      'sip:localhost',
      '<sip:callee@localhost>;tag=1',
    ]),
    from: `<sip:eve@elsewhere.example>;tag=${random.next(3)}`,
    fields,
    ...(random.next(2) === 0 ? {} : { body: description(random) }),
    callId: `c${random.next(40)}`,
    cseq: random.next(4) + 1,
    maxForwards: random.pick([70, 70, 1, 0]),
  };
  return user.request(method, given).toBytes();
}

/** Requests of a user with credentials that hold. */
async function proven(opened: Stage, random: Random): Promise<readonly Buffer[]> {
  const { user } = opened;
  if (opened.challenge === undefined || opened.nonceCount > 500) {
    opened.challenge = await user.ask(user.registration());
    opened.nonceCount = 0;
  }
  const { challenge } = opened;
  const prove = (request: SipRequest): Buffer => {
    opened.nonceCount += 1;
    const nc = opened.nonceCount.toString(16).padStart(8, '0');
    return user.credentials(request, challenge, { nc }).toBytes();
  };
  const contact = random.pick([user.contact, `${user.contact};x=${random.next(20)}`, `sip:user@127.0.0.1:9`]);
  const expires = random.pick([600, 600, 1, 0, -1]);
  const text = { type: random.pick(['text/plain', 'text/html', 'x/y']), bytes: Buffer.from('hello') };
  const fields: FieldList = [
    ['Contact', `<${user.contact}>`],
    ['Event', random.pick(['presence', 'dialog', 'message-summary', 'presence.winfo'])],
    ['Expires', random.pick([0, 60])],
  ];
  const to = random.pick(['sip:callee@localhost', 'sip:user@localhost', 'sip:nobody@localhost']);
  return [
    prove(user.registration({ contact: `<${contact}>;q=0.${random.next(10)}`, expires })),
    prove(user.request('SUBSCRIBE', { to, fields })),
    damagedAtTimes(prove(user.request('MESSAGE', { to, body: text, callId: `m${random.next(1e9)}` })), random),
    damagedAtTimes(prove(user.request('PUBLISH', { to: 'sip:user@localhost', fields, body: text })), random),
    damagedAtTimes(
      prove(user.request('INVITE', { to, fields, body: description(random), callId: `i${random.next(1e9)}` })),
      random,
    ),
  ];
}

function damagedAtTimes(bytes: Buffer, random: Random): Buffer {
  return random.next(2) === 0 ? damageOnce(bytes, random) : bytes;
}

function anything(opened: Stage, random: Random): Buffer {
  switch (random.next(4)) {
    case 0:
      return wholeMessage(random);
    case 1:
      return damagedMessage(random);
    case 2:
      return damageOnce(strange(opened, random), random);
    default:
      return strange(opened, random);
  }
}

/** Sends datagrams and streams that are damaged. @throws Error when the server failed, hung or grew without bound */
export async function round(seed: number): Promise<number> {
  stage ??= open();
  const opened = await stage;
  const { callee, control, errors, memory, server, socket, user } = opened;
  const random = new Random(seed);
  for (const bytes of await proven(opened, random)) user.write(bytes);
  for (let count = 0; count < DATAGRAMS; count++) {
    await new Promise((resolve) => socket.send(anything(opened, random), server.port('sip'), '127.0.0.1', resolve));
  }
  const streams = Array.from({ length: STREAMS }, () => {
    const parts = Array.from({ length: 1 + random.next(6) }, () => anything(opened, random));
    return converse(server.port('sip-tcp'), chunksOf(Buffer.concat(parts), random));
  });
  await Promise.all(streams);
  const answer = await control.ask(control.request('OPTIONS', { to: 'sip:localhost' }));
  for (const phone of [control, user, callee]) phone.received.length = 0;
  if (answer.status !== 200) throw new Error(`OPTIONS was answered ${answer.status}`);
  if (errors.length > 0) throw new Error(`the server failed inside: ${errors.splice(0).join('')}`);
  const grown = grownBy(memory);
  if (grown > GROWTH) throw new Error(`the process has grown by ${grown >> 20} MB`);
  return DATAGRAMS + STREAMS;
}

/** Ends the server. */
export async function close(): Promise<void> {
  const opened = await stage;
  stage = undefined;
  if (opened === undefined) return;
  opened.isOver = true;
  const { requestsIn, responsesOut, malformed } = opened.server.sip.transports.counters;
  const { begun, badSdp, ended } = opened.server.sip.media.counters;
  const relayed = { begun, ended, badSdp, ports: opened.server.sip.media.ports };
  console.log(`sip-wire: ${JSON.stringify({ requestsIn, malformed, responsesOut, relayed })}`);
  opened.socket.close();
  await opened.server[Symbol.asyncDispose]();
}

/** Sends chunks as fast as they are taken, says good-bye and waits for the end. */
async function converse(port: number, chunks: readonly Buffer[]): Promise<void> {
  const socket: Socket = connect(port, '127.0.0.1');
  const closed = once(socket, 'close');
  socket.on('error', () => undefined);
  socket.resume();
  await once(socket, 'connect').catch(() => undefined);
  for (const chunk of chunks) {
    if (socket.destroyed) break;
    await new Promise<void>((resolve) => socket.write(chunk, () => resolve()));
  }
  socket.end();
  const timer = setTimeout(() => socket.destroy(new Error('hangs')), PATIENCE);
  await closed.catch(() => undefined);
  clearTimeout(timer);
  if (socket.errored?.message !== 'hangs') return;
  throw new Error(`no end to ${JSON.stringify(Buffer.concat(chunks).toString('latin1'))}`);
}
