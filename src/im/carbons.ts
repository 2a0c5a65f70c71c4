import type { Host } from '#src/router/host.ts';
import type { Reception, Submission } from '#src/router/events.ts';
import type { Registry } from '#src/session/registry.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import { hintsOf } from './hints.ts';

const CARBONS = 'urn:xmpp:carbons:2';
const MUC_USER = 'http://jabber.org/protocol/muc#user';

/** Copies of an account's messages for its other devices: XEP-0280. */
export class Carbons {
  readonly #registry: Registry;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  serve(host: Host): readonly Disposable[] {
    return [
      host.hooks.notice('message/sent').add('main', (submission) => this.#sent(submission)),
      host.hooks.notice('message/received').add('main', (reception) => this.#received(reception)),
    ];
  }

  #sent({ session, stanza }: Submission): void {
    const others = this.#registry.of(session.jid.bare);
    if (others.length < 2) return;
    // A message to oneself comes in as a received one.
    if (stanza.to?.bare === session.jid.bare) return;
    const takers = others.filter((other) => other.carbons && other !== session);
    if (takers.length === 0 || !copied(stanza)) return;
    for (const taker of takers) taker.deliver(copyOf('sent', stanza, taker));
  }

  #received({ bare, stanza, to }: Reception): void {
    const others = this.#registry.of(bare);
    if (others.length <= to.length) return;
    // What is kept for the account comes to who falls in for it from there: a copy would be a second one.
    const waits = to.length === 0 && !others.some(({ presence, priority }) => presence !== undefined && priority >= 0);
    const takers = others.filter(
      (other) =>
        other.carbons && !to.includes(other) && other.jid.full !== stanza.from?.full && !(waits && other.fallback),
    );
    if (takers.length === 0 || fromOccupant(stanza) || !copied(stanza)) return;
    for (const taker of takers) taker.deliver(copyOf('received', stanza, taker));
  }
}

/** Section 6.1, the rules `urn:xmpp:carbons:rules:0`, and section 9: what its sender keeps private. */
export function copied(message: Stanza): boolean {
  const type = message.messageType;
  if (type === 'groupchat' || type === 'headline') return false;
  if (message.child('private', CARBONS) !== undefined || hintsOf(message).noCopy) return false;
  if (message.child('sent', CARBONS) !== undefined || message.child('received', CARBONS) !== undefined) return false;
  if (type === 'chat' || type === 'error' || invites(message)) return true;
  return message.element
    .getChildElements()
    .some(
      (child) =>
        child.getName() === 'body' || RECEIPTS.has(child.getNS() ?? '') || child.getNS() === 'jabber:x:conference',
    );
}

/** A private message from an occupant of a room: the room has sent it to all who are in it. */
function fromOccupant(message: Stanza): boolean {
  return message.from?.isBare === false && message.child('x', MUC_USER) !== undefined && !invites(message);
}

/** A mediated invitation (XEP-0045 section 7.8.2). */
function invites(message: Stanza): boolean {
  return message.child('x', MUC_USER)?.getChild('invite', MUC_USER) !== undefined;
}

/** Delivery receipts, chat states and chat markers: what belongs to a conversation without a body. */
const RECEIPTS: ReadonlySet<string> = new Set([
  'urn:xmpp:receipts',
  'http://jabber.org/protocol/chatstates',
  'urn:xmpp:chat-markers:0',
]);

/** Section 7: from the account's bare JID, the original forwarded (XEP-0297) in the client namespace. */
function copyOf(
  direction: 'sent' | 'received',
  message: Stanza,
  taker: { readonly jid: Stanza['to'] & object },
): Stanza {
  const inner = message.toString().replace('<message', "<message xmlns='jabber:client'");
  const forwarded = `<forwarded xmlns='urn:xmpp:forward:0'>${inner}</forwarded>`;
  return Stanza.make(
    'message',
    { from: taker.jid.asBare(), to: taker.jid, type: message.type },
    `<${direction} xmlns='${CARBONS}'>${forwarded}</${direction}>`,
  );
}
