import { Buffer } from 'node:buffer';
import { Jid } from '#src/address/jid.ts';
import type { RosterItem, Rosters } from '#src/im/roster.ts';
import { asks, awaitsApproval, seesPresence, sharesPresence } from '#src/im/subscription.ts';
import type { Router } from '#src/router/router.ts';
import type { Addresses } from '../addresses.ts';
import type { PresenceEdge } from '../edge.ts';
import type { Body } from '../message/message.ts';
import type { Authority } from './authority.ts';
import { PIDF, WATCHER_INFO } from './packages.ts';
import { type ListedResource, writeResourceList } from './resource-list.ts';
import type { Subscription } from './subscription.ts';
import type { SubscriptionTable } from './subscriptions.ts';
import { type Watcher, writeWatcherInfo } from './watcher-info.ts';

export interface DocumentsParts {
  readonly addresses: Addresses;
  readonly authority: Authority;
  readonly roster: Rosters;
  readonly router: Router;
  readonly table: SubscriptionTable;
  edge(): PresenceEdge | undefined;
  /** Contacts of a list that are told of. */
  watched(host: string): number;
}

/** What the name of a list of contacts ends with: `sip:juliet-contacts@example.org` is the roster of juliet. */
const SUFFIX = '-contacts';

/** The account whose contacts a name stands for; the name itself must be no account's. */
export function listOwner({ domain, local, resource }: Jid): Jid | undefined {
  if (resource !== '' || !local.endsWith(SUFFIX)) return undefined;
  return Jid.make(local.slice(0, -SUFFIX.length), domain);
}

/** What notifications say: documents of the whole state, as the watcher may see it. */
export class Documents {
  readonly #parts: DocumentsParts;

  constructor(parts: DocumentsParts) {
    this.#parts = parts;
  }

  of(subscription: Subscription): Body | undefined {
    if (subscription.package === 'presence.winfo') return this.#watchers(subscription);
    return subscription.list ? this.#list(subscription) : this.#presence(subscription);
  }

  /** RFC 3856 section 6.6.3: before the presentity has agreed it looks as if nobody was there. */
  #presence({ presentity, watcher }: Subscription): Body | undefined {
    const active = this.#parts.authority.standing(watcher, presentity) === 'active';
    const bytes = this.#write(watcher, presentity, active);
    return bytes === undefined ? undefined : { type: PIDF, bytes };
  }

  #write(watcher: Jid, presentity: Jid, active: boolean): Buffer | undefined {
    const { authority } = this.#parts;
    return this.#parts.edge()?.write(presentity.asBare(), active ? authority.shown(watcher, presentity) : []);
  }

  /** The contacts of a list, with their addresses. */
  contacts(owner: Jid): readonly (readonly [jid: Jid, item: RosterItem])[] {
    const items = Object.values(this.#parts.roster.of(owner).items);
    const told = items.filter(({ state }) => seesPresence(state) || asks(state));
    return told.slice(0, this.#parts.watched(owner.domain)).flatMap((item) => {
      const jid = Jid.parse(item.jid);
      return jid === undefined ? [] : [[jid, item] as const];
    });
  }

  /** RFC 4662. Contacts elsewhere are named without a state: this server does not watch them for phones. */
  #list({ presentity, seq, watcher }: Subscription): Body {
    const { addresses, authority, router } = this.#parts;
    const resources = this.contacts(presentity).map(([jid, { name = '' }]): ListedResource => {
      const uri = addresses.uri(jid);
      if (router.host(jid.domain) === undefined) return { uri, name, state: undefined, document: undefined };
      const active = authority.standing(watcher, jid) === 'active';
      const document = active ? this.#write(watcher, jid, true) : undefined;
      return { uri, name, state: active ? 'active' : 'pending', document };
    });
    const uri = addresses.uri(presentity).replace('@', `${SUFFIX}@`);
    return writeResourceList(uri, seq - 1, presentity.domain, resources);
  }

  /** RFC 3857: subscriptions of phones, and those of the roster, which phones cannot tell apart from them. */
  #watchers({ presentity, seq }: Subscription): Body {
    const { addresses, authority, roster, table } = this.#parts;
    const now = Date.now();
    const watchers = new Map<string, Watcher>();
    for (const { jid, state } of Object.values(roster.of(presentity).items)) {
      const status = sharesPresence(state) ? 'active' : awaitsApproval(state) ? 'pending' : undefined;
      const contact = status === undefined ? undefined : Jid.parse(jid);
      if (contact === undefined || status === undefined) continue;
      const uri = addresses.uri(contact);
      watchers.set(contact.bare, { uri, status, expiration: undefined, subscribed: undefined });
    }
    for (const { ended, expires, package: name, since, watcher } of table.to(presentity)) {
      if (ended || name !== 'presence' || watcher.bare === presentity.bare) continue;
      const status = authority.standing(watcher, presentity) === 'active' ? 'active' : 'pending';
      watchers.set(watcher.bare, {
        uri: addresses.uri(watcher.asBare()),
        status,
        expiration: Math.max(0, Math.ceil((expires - now) / 1000)),
        subscribed: Math.floor((now - since) / 1000),
      });
    }
    const document = writeWatcherInfo(addresses.uri(presentity.asBare()), seq - 1, [...watchers.values()]);
    return { type: WATCHER_INFO, bytes: Buffer.from(document) };
  }
}
