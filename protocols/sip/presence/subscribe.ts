import { randomBytes } from 'node:crypto';
import type { Jid } from '#src/address/jid.ts';
import type { Store } from '#src/store/store.ts';
import type { Addresses } from '../addresses.ts';
import { type FieldList, SipResponse, type SipRequest } from '../message/message.ts';
import type { MethodHandler, Received, Sender } from '../received.ts';
import type { ServerTransaction } from '../transaction/server.ts';
import type { Flow } from '../transport/flow.ts';
import type { Authority } from './authority.ts';
import { continueDialog, openDialog } from './dialog.ts';
import { listOwner } from './documents.ts';
import {
  EVENT_LIST,
  EVENT_PACKAGES,
  isOfDevices,
  MULTIPART,
  packageOf,
  PIDF,
  RLMI,
  takes,
  WATCHER_INFO,
} from './packages.ts';
import { grantedExpires, type PresenceOptions } from './settings.ts';
import { type Office, Subscription } from './subscription.ts';
import type { SubscriptionTable } from './subscriptions.ts';

export interface SubscribeParts {
  readonly addresses: Addresses;
  readonly authority: Authority;
  readonly office: Office;
  readonly store: Store;
  readonly table: SubscriptionTable;
  options(host: string): PresenceOptions;
  /** Is there somebody who writes presence documents? */
  available(): boolean;
  /** Our Contact in dialogs that came by a flow. */
  contact(flow: Flow): string;
  begun(subscription: Subscription): void;
}

/** Why a subscription is refused. */
interface Refused {
  readonly status: number;
  readonly reason?: string;
  readonly fields?: FieldList;
}

interface Wanted {
  readonly package: Subscription['package'];
  readonly event: string | undefined;
  readonly list: boolean;
  readonly watcher: Jid;
  readonly presentity: Jid;
  /** Seconds. */
  readonly expires: number;
}

const ALLOW_EVENTS: FieldList = [['Allow-Events', EVENT_PACKAGES.join(', ')]];

/** SUBSCRIBE to the presence of accounts (RFC 6665 section 4.2.1, RFC 3856 section 6). */
export class SubscribeHandler implements MethodHandler {
  readonly events = EVENT_PACKAGES;
  readonly #parts: SubscribeParts;
  /** Plain numbers: read by the metrics. */
  readonly counters = { begun: 0, refreshed: 0, fetched: 0, refused: 0 };

  constructor(parts: SubscribeParts) {
    this.#parts = parts;
  }

  /** A list of contacts has no account of its own. */
  claims(name: Jid): Jid | undefined {
    return listOwner(name);
  }

  /** What only phones can tell, such as their calls, they are asked for themselves. */
  leaves(request: SipRequest): boolean {
    return isOfDevices(request);
  }

  knows(request: SipRequest): boolean {
    return this.#parts.table.of(request) !== undefined;
  }

  /** Section 4.2.1.2: refreshing, and unsubscribing. */
  handleInDialog(tx: ServerTransaction): void {
    const { flow, request } = tx;
    const subscription = this.#parts.table.of(request);
    const event = packageOf(request);
    if (subscription === undefined || event?.name !== subscription.package || event.id !== subscription.event) {
      return this.#refuse(tx, {
        status: event === undefined ? 489 : 481,
        fields: event === undefined ? ALLOW_EVENTS : [],
      });
    }
    const options = this.#parts.options(subscription.presentity.domain);
    const expires = grantedExpires(request.expires, options);
    if (expires === 'brief') return this.#refuse(tx, tooBrief(options));
    const dialog = continueDialog(subscription.dialog, request, flow);
    if (dialog === 'late') return this.#refuse(tx, { status: 500, reason: 'CSeq Out Of Order' });
    this.counters.refreshed += 1;
    this.#accept(tx, subscription, expires, () => subscription.refreshed(dialog, flow, expires));
  }

  handle(received: Received): void {
    const wanted = this.#read(received);
    if ('status' in wanted) return this.#refuse(received, wanted);
    const { authority, office, table } = this.#parts;
    const { flow, request } = received;
    const localTag = randomBytes(8).toString('hex');
    const dialog = openDialog(request, flow, localTag, this.#parts.contact(flow));
    if (dialog === undefined) return this.#refuse(received, { status: 400, reason: 'No Dialog Can Begin So' });
    const now = Date.now();
    const { event, expires, list, presentity, watcher } = wanted;
    // A look at the state asks nobody for anything (RFC 8048 section 7: a probe).
    if (expires > 0 && !list && authority.standing(watcher, presentity) === 'rejected')
      authority.ask(watcher, presentity);
    const subscription = new Subscription(
      {
        ...{ version: 1, package: wanted.package, event, list, dialog, since: now, seq: 0 },
        watcher: watcher.full,
        presentity: presentity.full,
        expires: now + expires * 1000,
      },
      office,
      flow,
    );
    this.counters[expires === 0 ? 'fetched' : 'begun'] += 1;
    table.add(subscription);
    this.#parts.begun(subscription);
    if (expires > 0) table.save(subscription);
    this.#accept(received, subscription, expires, () => {
      if (expires === 0)
        subscription.end(authority.standing(watcher, presentity) === 'rejected' ? 'rejected' : 'timeout');
      else subscription.notify();
    });
  }

  /** Section 4.2.1.1, step by step. */
  #read({ request, sender, to }: Received): Wanted | Refused {
    // Section 4.2.1.2: "481 (Subscription does not exist)".
    if (request.to?.tag !== undefined) return { status: 481 };
    const event = packageOf(request);
    if (event === undefined || !this.#parts.available()) return { status: 489, fields: ALLOW_EVENTS };
    const watcher = watcherOf(sender);
    if (to.kind === 'host') return { status: 404 };
    if (watcher === undefined) return { status: 403 };
    const list = this.#isList(request, to.jid);
    const options = this.#parts.options(to.jid.domain);
    const expires = grantedExpires(request.expires, options);
    if (expires === 'brief') return tooBrief(options);
    const refused = this.#mayNot(request, watcher, to.jid, event.name, list) ?? this.#tooMany(watcher, to.jid, options);
    if (refused !== undefined) return refused;
    return { package: event.name, event: event.id, list, watcher, presentity: to.jid, expires };
  }

  /** The name that was asked for is no account's, so the account that it was resolved to keeps the list. */
  #isList({ requestUri }: SipRequest, owner: Jid): boolean {
    if (requestUri?.kind !== 'sip') return false;
    const found = this.#parts.addresses.resolve(requestUri);
    return typeof found === 'object' && found.kind === 'account' && listOwner(found.jid)?.bare === owner.bare;
  }

  #mayNot(
    request: SipRequest,
    watcher: Jid,
    presentity: Jid,
    name: Subscription['package'],
    list: boolean,
  ): Refused | undefined {
    const own = watcher.bare === presentity.bare;
    // RFC 3857 section 4.6: nobody else learns who watches.
    if (name === 'presence.winfo') {
      if (list) return { status: 489, fields: ALLOW_EVENTS };
      if (!takes(request, WATCHER_INFO)) return { status: 406 };
      return own ? undefined : { status: 403 };
    }
    if (list) {
      if (!own) return { status: 403 };
      // RFC 4662 section 4.2: "421 (Extension Required)".
      if (!request.tokens('Supported').includes(EVENT_LIST)) return { status: 421, fields: [['Require', EVENT_LIST]] };
      return takes(request, RLMI) && takes(request, MULTIPART) && takes(request, PIDF) ? undefined : { status: 406 };
    }
    if (!takes(request, PIDF)) return { status: 406 };
    return this.#parts.authority.blocked(watcher, presentity) ? { status: 403 } : undefined;
  }

  #tooMany(watcher: Jid, presentity: Jid, { maxSubscriptions }: PresenceOptions): Refused | undefined {
    const { addresses, table } = this.#parts;
    const full: Refused = { status: 403, reason: 'Too Many Subscriptions' };
    if (table.by(watcher).size >= maxSubscriptions) return full;
    if (addresses.serves(watcher.domain)) return undefined;
    let strangers = 0;
    for (const other of table.to(presentity)) if (!addresses.serves(other.watcher.domain)) strangers += 1;
    return strangers >= maxSubscriptions ? full : undefined;
  }

  /** "200 (OK)", once it would survive a crash; then the NOTIFY that every SUBSCRIBE has. */
  #accept(tx: ServerTransaction | Received, subscription: Subscription, expires: number, notify: () => void): void {
    const { dialog, list } = subscription;
    const answer = (): void => {
      tx.respond(
        SipResponse.to(tx.request, 200, {
          tag: dialog.localTag,
          recordRoute: true,
          fields: [
            ['Expires', String(expires)],
            ['Contact', `<${dialog.contact}>`],
            ...(list ? [['Require', EVENT_LIST] as const] : []),
          ],
        }),
      );
      notify();
    };
    const durable = this.#parts.store.barrier();
    if (durable === undefined) return answer();
    durable.then(answer, () => {
      subscription.forget();
      tx.respond(SipResponse.to(tx.request, 500, { reason: 'Not Stored' }));
    });
  }

  #refuse(tx: ServerTransaction | Received, { fields = [], reason, status }: Refused): void {
    this.counters.refused += 1;
    tx.respond(SipResponse.to(tx.request, status, { ...(reason === undefined ? {} : { reason }), fields }));
  }
}

const tooBrief = ({ minExpires }: PresenceOptions): Refused => ({
  status: 423,
  fields: [['Min-Expires', String(minExpires)]],
});

/** A provider of numbers watches nobody. */
function watcherOf(sender: Sender): Jid | undefined {
  if (sender.kind === 'local') return sender.account;
  return sender.kind === 'foreign' ? sender.jid?.asBare() : undefined;
}
