import { Buffer } from 'node:buffer';
import type { MessageParts, PresenceEdge, StanzaEdge, StatusRefusal } from '#protocols/sip/edge.ts';
import type { SipRequest } from '#protocols/sip/message/message.ts';
import type { SipSession } from '#protocols/sip/session.ts';
import { DISCO_INFO, writeInfo } from '#protocols/xmpp/types/disco.ts';
import type { Jid } from '#src/address/jid.ts';
import { carbonIn } from '#src/im/carbon-copy.ts';
import type { Tracing } from '#src/im/tracing.ts';
import type { Router } from '#src/router/router.ts';
import { escapeText } from '#src/stanza/serialise.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import { ACCEPTED, messageFrom, type MessageOptions, partsOf } from './message.ts';
import { presenceFrom, readPidf, writePidf } from './presence.ts';
import { notificationIn, RECEIPTS, reportOf } from './receipts.ts';
import type { SipXmppOptions } from './settings.ts';

/** What phones send and get, by RFC 7572. */
export class PhoneEdge implements StanzaEdge {
  readonly accepts: readonly string[] = ACCEPTED;
  readonly #router: Router;
  readonly #options: (host: string) => SipXmppOptions;
  readonly #tracing: Tracing | undefined;

  constructor(router: Router, options: (host: string) => SipXmppOptions, tracing: Tracing | undefined) {
    this.#router = router;
    this.#tracing = tracing;
    this.#options = options;
  }

  toStanza(request: SipRequest, from: Jid, to: Jid): Stanza | StatusRefusal {
    return messageFrom(request, from, to, this.#messageOptions(to.domain));
  }

  toRequest(stanza: Stanza): MessageParts | undefined {
    return partsOf(stanza, this.#messageOptions(stanza.to?.domain ?? ''), new Date());
  }

  #messageOptions(host: string): MessageOptions {
    const { messageType, receipts } = this.#options(host);
    return { type: messageType, receipts: receipts === 'cpim' };
  }

  take(session: SipSession, stanza: Stanza): boolean | undefined {
    if (stanza.kind === 'iq') return stanza.isRequest ? this.#answer(stanza) : true;
    if (stanza.kind !== 'message') return undefined;
    const carbon = carbonIn(stanza);
    if (carbon === undefined) return undefined;
    if (carbon.direction === 'received') return session.deliverCopy(carbon.message);
    return this.#options(session.jid.domain).sentCopies ? session.deliver(sentCopy(carbon.message, session.jid)) : true;
  }

  /** The phone has the message: who asked to be told is told (XEP-0184 section 5.2). */
  taken(session: SipSession, stanza: Stanza): void {
    this.#tracing?.note(stanza, 'sip', `MESSAGE taken by ${session.jid.full}`);
    const { from, id, type } = stanza;
    if (this.#options(session.jid.domain).receipts !== 'answer' || from === undefined || id === undefined) return;
    if (type === 'error' || stanza.child('request', RECEIPTS) === undefined || from.bare === session.jid.bare) return;
    if (notificationIn(stanza) !== undefined) return;
    const report = reportOf({ disposition: 'delivered', id });
    this.#router.route(Stanza.make('message', { from: session.jid, to: from, id: `r-${id}`, type }, report));
  }

  /** What a phone cannot answer: who it is (XEP-0030 section 3). */
  #answer(request: Stanza): boolean {
    const { payload } = request;
    if (request.type !== 'get' || payload?.is('query', DISCO_INFO) !== true || payload.attrs['node'] !== undefined)
      return false;
    const info = writeInfo({
      identities: [{ category: 'client', type: 'phone' }],
      features: [DISCO_INFO, 'http://jabber.org/protocol/chatstates', RECEIPTS],
      forms: [],
    });
    this.#router.route(request.result(`<query xmlns='${DISCO_INFO}'>${info}</query>`));
    return true;
  }
}

/** What the account itself wrote elsewhere: a phone has no place for it but a message, so its recipient stands before the text. */
const NO_STORE = "<no-store xmlns='urn:xmpp:hints'/>";

function sentCopy(message: Stanza, device: Jid): Stanza {
  const body = message.child('body')?.getText() ?? '';
  // Nobody misses it.
  const children =
    body === '' ? [] : [NO_STORE, `<body>${escapeText(`\u2192 ${message.to?.bare ?? ''}: ${body}`)}</body>`];
  return Stanza.make('message', { from: message.from, to: device, id: message.id, type: message.type }, ...children);
}

/** What phones publish and see of presence, by RFC 8048. */
export const pidfEdge: PresenceEdge = {
  write: (account, presences) => Buffer.from(writePidf(account, presences)),
  read(body, device) {
    const tuple = readPidf(body)?.tuples[0];
    return tuple === undefined ? undefined : presenceFrom(tuple, device);
  },
};
