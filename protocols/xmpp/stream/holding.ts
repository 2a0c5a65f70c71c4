import { hintsOf } from '#src/im/hints.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import type { ClientSession, Holding } from '../links/client-session.ts';

/** What is done for an inactive client. */
export interface HoldingRules {
  /** Hold presence, the last of each sender. */
  readonly presence: boolean;
  /** Hold notifications of personal eventing, the last of each node. */
  readonly notifications: boolean;
  /** Drop chat states that come alone. */
  readonly chatStates: boolean;
  /** Stanzas held for one client; when there are more, all are sent. */
  readonly limit: number;
}

const CARBONS = 'urn:xmpp:carbons:2';
const FORWARD = 'urn:xmpp:forward:0';
const EVENT = 'http://jabber.org/protocol/pubsub#event';

/**
 * What an inactive client is spared (XEP-0352 section 3): presence and notifications wait, each replacing the one before it, until
 * something comes that matters. Then all of it goes first, so that the order of the stream holds.
 */
export class InactiveHolding implements Holding {
  readonly #session: ClientSession;
  readonly #rules: HoldingRules;
  #held = new Map<string, Stanza>();

  constructor(session: ClientSession, rules: HoldingRules) {
    this.#session = session;
    this.#rules = rules;
  }

  get size(): number {
    return this.#held.size;
  }

  keeps(stanza: Stanza): boolean {
    if (stanza.kind === 'message' && this.#rules.chatStates && isChatState(stanza)) return true;
    const key = this.#keyOf(stanza);
    if (key === undefined) {
      this.release();
      return false;
    }
    this.#held.set(key, stanza);
    if (this.#held.size > this.#rules.limit) this.release();
    return true;
  }

  release(): void {
    if (this.#held.size === 0) return;
    const held = this.#held;
    this.#held = new Map();
    for (const stanza of held.values()) if (!this.#session.put(stanza)) return;
  }

  /** What a later stanza of the same key makes worthless; undefined for all that matters now. */
  #keyOf(stanza: Stanza): string | undefined {
    const { from, kind, type } = stanza;
    if (from === undefined || kind === 'iq') return undefined;
    if (kind === 'message') return this.#rules.notifications ? nodeOf(stanza, this.#session.jid.bare) : undefined;
    // Subscriptions and errors are answers to somebody's doing.
    return this.#rules.presence && (type === undefined || type === 'unavailable') ? from.full : undefined;
  }
}

/** Nothing but a chat state (XEP-0085), also when it comes as a carbon of another device's conversation. */
function isChatState(message: Stanza): boolean {
  if (message.type === 'error' || message.content.length === 0) return false;
  if (hintsOf(message).transient) return true;
  const carbon = message.child('received', CARBONS) ?? message.child('sent', CARBONS);
  const inner = carbon?.getChild('forwarded', FORWARD)?.getChild('message', 'jabber:client');
  if (inner === undefined) return false;
  const children = inner.getChildElements();
  const states = children.filter((child) => child.getNS() === 'http://jabber.org/protocol/chatstates');
  // Hints (XEP-0334) and the thread say nothing of their own.
  const others = children.filter((child) => child.getName() !== 'thread' && child.getNS() !== 'urn:xmpp:hints');
  return states.length > 0 && others.length === states.length;
}

/**
 * The node that an account's notification (XEP-0163 section 4.3) is about. Of the client's own account also the item: there, items
 * of a node are entries of a list (bookmarks, for one), and each counts.
 */
function nodeOf(message: Stanza, own: string): string | undefined {
  const { from } = message;
  if (from === undefined || from.local === '' || message.type === 'error') return undefined;
  const event = message.child('event', EVENT);
  if (event === undefined || message.child('body') !== undefined) return undefined;
  const [change, ...more] = event.getChildElements();
  const node: unknown = change?.attrs['node'];
  if (change === undefined || more.length > 0 || typeof node !== 'string') return undefined;
  if (from.bare !== own) return `${from.full} ${node}`;
  const [item, ...others] = change.getChildElements();
  const id: unknown = item?.attrs['id'];
  return others.length > 0 || typeof id !== 'string' ? undefined : `${from.full} ${id} ${node}`;
}
