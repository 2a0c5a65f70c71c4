/** Presence as MQTT clients see it: `<root>/presence/<jid>`, only of those whose presence the roster shows to the client's account. */
import { Buffer } from 'node:buffer';
import type { Message } from '#protocols/mqtt/packet/types.ts';
import type { Jid } from '#src/address/jid.ts';
import { topicLevel } from '#src/address/topic.ts';
import { priorityOf } from '#src/im/presence.ts';
import type { Rosters } from '#src/im/roster.ts';
import { seesPresence, sharesPresence } from '#src/im/subscription.ts';
import type { Router } from '#src/router/router.ts';
import type { Registry } from '#src/session/registry.ts';
import type { Session } from '#src/session/session.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { JSON_TYPE } from './payload.ts';

export class PresenceTopics {
  readonly #router: Router;
  readonly #registry: Registry;
  readonly #rosters: Rosters;
  readonly #root: () => string;

  constructor(router: Router, registry: Registry, rosters: Rosters, root: () => string) {
    this.#router = router;
    this.#registry = registry;
    this.#rosters = rosters;
    this.#root = root;
  }

  /** Whether the roster shows a contact's presence to an account. */
  allowed(account: Jid, contact: Jid): boolean {
    if (contact.bare === account.bare) return true;
    const host = this.#router.host(contact.domain);
    if (host === undefined) return seesPresence(this.#rosters.state(account, contact));
    const withheld = host.hooks.decision('presence/withheld').ask({ account: contact.asBare(), contact: account });
    return withheld !== true && sharesPresence(this.#rosters.state(contact, account));
  }

  /** Everybody whose presence an account sees, itself included. */
  visible(account: Jid): readonly string[] {
    return [account.bare, ...this.#rosters.contacts(account, seesPresence)];
  }

  /** What is known of a contact of this server; undefined for one of another, which has to be asked. */
  current(contact: Jid): Message | undefined {
    if (this.#router.host(contact.domain) === undefined) return undefined;
    let best: Session | undefined;
    let resources = 0;
    for (const session of this.#registry.of(contact.bare)) {
      if (session.presence === undefined) continue;
      resources += 1;
      if (best === undefined || session.priority >= best.priority) best = session;
    }
    if (best?.presence === undefined) return this.#message(contact, { type: 'unavailable', resources });
    return this.#message(contact, { ...shown(best.presence), since: new Date(best.since).toISOString(), resources });
  }

  /**
   * A presence stanza for a device of an account, as its message. Of a contact of this server it tells all of its devices: those with the
   * highest priority speak for it.
   */
  arrived(account: Jid, presence: Stanza): Message | undefined {
    const { from, type } = presence;
    if (from === undefined || (type !== undefined && type !== 'unavailable')) return undefined;
    const known = this.allowed(account, from) ? this.current(from) : undefined;
    return known ?? this.#message(from, { ...shown(presence), since: new Date().toISOString() });
  }

  #message(contact: Jid, members: Readonly<Record<string, unknown>>): Message {
    return {
      topic: `${this.#root()}/presence/${topicLevel(contact.bare)}`,
      payload: Buffer.from(JSON.stringify({ jid: contact.bare, ...members })),
      qos: 1,
      retain: true,
      properties: { payloadFormat: 1, contentType: JSON_TYPE },
    };
  }
}

function shown(presence: Stanza): Readonly<Record<string, unknown>> {
  const { from, type } = presence;
  const show = presence.child('show')?.getText().trim();
  const status = presence.child('status')?.getText();
  return {
    type: type ?? 'available',
    ...(show === undefined ? {} : { show }),
    ...(status === undefined || status === '' ? {} : { status }),
    ...(type === undefined ? { priority: priorityOf(presence) ?? 0 } : {}),
    ...(from === undefined || from.isBare ? {} : { resource: from.resource }),
  };
}
