import type { Buffer } from 'node:buffer';
import { answerBinding } from '#protocols/stun/binding.ts';
import { data } from '#protocols/stun/attributes/data.ts';
import { knownAttributes } from '#protocols/stun/attributes/index.ts';
import { xorPeerAddress } from '#protocols/stun/attributes/xor-peer-address.ts';
import { errorCodes } from '#protocols/stun/error-codes.ts';
import { checkFingerprint } from '#protocols/stun/integrity.ts';
import { Message } from '#protocols/stun/message.ts';
import { classes, methods } from '#protocols/stun/methods.ts';
import { dontFragment } from '#protocols/stun/attributes/dont-fragment.ts';
import { authenticate } from './authentication.ts';
import { Exchange, object, type Refused } from './exchange.ts';
import type { Link } from './links/link.ts';
import type { TurnServer } from './server.ts';
import { allocate } from './steps/allocate.ts';
import { channelBind } from './steps/channel-bind.ts';
import { connect } from './steps/connect.ts';
import { connectionBind } from './steps/connection-bind.ts';
import { createPermission } from './steps/create-permission.ts';
import { refresh } from './steps/refresh.ts';

type Handler = (exchange: Exchange) => Refused | void | Promise<Refused | void>;

/** What an authenticated request does, by method. */
const handlers: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [methods.allocate, allocate],
  [methods.refresh, refresh],
  [methods.createPermission, createPermission],
  [methods.channelBind, channelBind],
  [methods.connect, connect],
  [methods.connectionBind, connectionBind],
]);

/** Takes one message of a client: answers it, relays what it carries, or drops it (RFC 8489 section 6.3). */
export function receive(server: TurnServer, link: Link, bytes: Buffer): void {
  const message = Message.decode(bytes);
  // "If any errors are detected, the message is silently discarded."
  if (message === undefined || checkFingerprint(message) === 'wrong') {
    server.counters.malformed += 1;
    return;
  }
  const { requests } = server.counters;
  const count = requests.get(message.method);
  if (count !== undefined) requests.set(message.method, count + 1);
  if (message.class === classes.indication) indication(link, message);
  else if (message.class === classes.request) request(server, link, message);
}

function request(server: TurnServer, link: Link, message: Message): void {
  if (message.method === methods.binding) {
    const answer = answerBinding(message, link.address, link.port);
    if (answer !== undefined) link.send(answer);
    return;
  }
  const handler = handlers.get(message.method);
  // "It checks … that the method value is a supported method": otherwise nobody is answered.
  if (handler === undefined) return;
  if (message.malformed) return object(server, link, message, { code: errorCodes.badRequest, challenge: false });
  const proof = authenticate(server, link, message);
  if ('code' in proof) return object(server, link, message, proof);
  link.authenticated();
  const exchange = new Exchange(server, link, message, proof);
  // "Once the authentication checks are done, the STUN agent checks for unknown attributes"
  const unknown = message.unknown(knownAttributes);
  if (unknown.length > 0) return void exchange.refuseUnknown(unknown);
  void carryOut(handler, exchange);
}

async function carryOut(handler: Handler, exchange: Exchange): Promise<void> {
  try {
    await handler(exchange);
  } catch (error) {
    exchange.server.log.error('a request failed', { error: String(error) });
    exchange.refuse(errorCodes.serverError);
  }
}

/** RFC 8656 section 11.2. Other indications of a client mean nothing here. */
function indication(link: Link, message: Message): void {
  const { allocation } = link;
  if (message.method !== methods.send || allocation === undefined || message.malformed) return;
  // "If the indication contains unknown comprehension-required attributes, the indication is discarded"; DONT-FRAGMENT is one here.
  if (message.has(dontFragment) || message.unknown(knownAttributes).length > 0) return;
  const peer = message.get(xorPeerAddress);
  const bytes = message.get(data);
  if (peer === undefined || bytes === undefined) return;
  allocation.fromIndication(peer, bytes);
}
