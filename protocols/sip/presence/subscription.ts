import { Jid } from '#src/address/jid.ts';
import type { Timed, Timers } from '#src/net/timers.ts';
import type { Body, FieldList, SipRequest, SipResponse } from '../message/message.ts';
import type { ClientHandler } from '../transaction/client.ts';
import type { Flow } from '../transport/flow.ts';
import { type Dialog, requestIn } from './dialog.ts';
import { EVENT_LIST, type EventPackage } from './packages.ts';
import type { Standing } from './authority.ts';

/** A subscription at rest. */
export interface StoredSubscription {
  readonly version: 1;
  readonly package: EventPackage;
  /** The `id` of Event. */
  readonly event?: string | undefined;
  /** Whether it is of the list of contacts that the presentity keeps (RFC 4662). */
  readonly list: boolean;
  readonly watcher: string;
  /** A bare address, or that of one device. */
  readonly presentity: string;
  readonly dialog: Dialog;
  /** Milliseconds since 1970. */
  readonly since: number;
  readonly expires: number;
  /** Notifications up to this CSeq may have been sent. */
  readonly seq: number;
}

/** RFC 6665 section 4.1.3: why a subscription ends. */
export type EndReason = 'deactivated' | 'giveup' | 'noresource' | 'rejected' | 'timeout';

/** What a subscription needs of those who keep it. */
export interface Office {
  readonly timers: Timers;
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds between two notifications. */
  interval(subscription: Subscription): number;
  standing(subscription: Subscription): Standing;
  /** What there is to tell; undefined for nothing. */
  document(subscription: Subscription): Body | undefined;
  /** Sends a request to the subscriber. False when there is no way to it now. */
  send(subscription: Subscription, request: SipRequest, handler: ClientHandler): boolean;
  save(subscription: Subscription): void;
  /** It has ended: requests find it no more. */
  ended(subscription: Subscription): void;
}

/** Milliseconds until a request that could not be sent is sent again. */
const PATIENCE = 1000;
const LONGEST_PATIENCE = 60_000;
/** CSeq numbers that one write to the store covers. */
const RESERVE = 256;

/**
 * RFC 6665 section 4.2.2 and RFC 5057: answers to a NOTIFY that say that the subscription is not there, or never will be reached.
 * 408 is the timeout of a proxy on the way.
 */
const FATAL: ReadonlySet<number> = new Set([404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604]);

/**
 * One subscription (RFC 6665 section 4.2): pending or active, then terminated. One NOTIFY is on its way at a time, and changes that come faster
 * than the interval are one.
 */
export class Subscription implements Timed {
  readonly package: EventPackage;
  readonly event: string | undefined;
  readonly list: boolean;
  readonly watcher: Jid;
  readonly presentity: Jid;
  readonly since: number;
  dialog: Dialog;
  /** By which the subscriber's last request came, while this process knows it. */
  flow: Flow | undefined;
  /** Milliseconds since 1970. */
  expires: number;
  /** What was told last. */
  told: Standing | undefined = undefined;
  /** CSeq of the last NOTIFY. */
  seq: number;
  /** Addresses whose changes matter to a list. */
  watched: ReadonlySet<string> = new Set();
  readonly #office: Office;
  /** Of the NOTIFY that is on its way. */
  readonly #answers: ClientHandler = {
    onResponse: (response) => this.#answered(response),
    onTimeout: () => this.#unanswered(),
    onTransportError: () => this.#unsent(),
  };
  #reserved: number;
  #end: EndReason | undefined = undefined;
  /** The last NOTIFY has been sent, or will never be. */
  #over = false;
  #dirty: 'no' | 'later' | 'now' = 'no';
  #sending = false;
  #sentAt = 0;
  #retryAt = 0;
  #patience = PATIENCE;

  /** @throws RangeError for addresses that are none: the row is damaged */
  constructor(stored: StoredSubscription, office: Office, flow?: Flow) {
    const [watcher, presentity] = [Jid.parse(stored.watcher), Jid.parse(stored.presentity)];
    if (watcher === undefined || presentity === undefined) throw new RangeError('a subscription of nobody');
    this.package = stored.package;
    this.event = stored.event;
    this.list = stored.list;
    this.watcher = watcher;
    this.presentity = presentity;
    this.since = stored.since;
    this.dialog = stored.dialog;
    this.expires = stored.expires;
    this.seq = stored.seq;
    this.#reserved = stored.seq;
    this.flow = flow;
    this.#office = office;
  }

  /** As it is kept. */
  get stored(): StoredSubscription {
    const { dialog, event, expires, list, presentity, since, watcher } = this;
    return {
      version: 1,
      package: this.package,
      ...(event === undefined ? {} : { event }),
      list,
      watcher: watcher.full,
      presentity: presentity.full,
      dialog,
      since,
      expires,
      seq: this.#reserved,
    };
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** Section 4.2.1.3: a SUBSCRIBE has been accepted; all is told anew. @param seconds 0 ends it */
  refreshed(dialog: Dialog, flow: Flow, seconds: number): void {
    this.dialog = dialog;
    this.flow = flow;
    if (seconds === 0) return this.end('timeout');
    this.expires = this.#office.now() + seconds * 1000;
    this.#office.save(this);
    this.notify();
  }

  /** Tells now. */
  notify(): void {
    this.#dirty = 'now';
    this.#pump();
  }

  /** Something may look different: it is told when the interval allows. */
  changed(): void {
    if (this.#dirty === 'no') this.#dirty = 'later';
    this.#pump();
  }

  /** The rosters have changed: whoever is let in, or refused, is told at once. */
  judged(): void {
    const standing = this.#office.standing(this);
    if (standing === 'rejected') return this.end('rejected');
    if (standing !== this.told) this.notify();
  }

  /** There is a way to the subscriber again. */
  retry(): void {
    this.#retryAt = 0;
    if (this.#dirty !== 'no') this.#pump();
  }

  /** Section 4.2.2: the last NOTIFY says why. */
  end(reason: EndReason): void {
    if (this.#end !== undefined) return;
    this.#end = reason;
    this.#office.ended(this);
    this.notify();
  }

  /** Without a word. */
  forget(): void {
    this.#over = true;
    this.#office.timers.remove(this);
    if (this.#end !== undefined) return;
    this.#end = 'deactivated';
    this.#office.ended(this);
  }

  onTimeout(): void {
    if (this.#end === undefined && this.expires <= this.#office.now()) this.end('timeout');
    else this.#pump();
  }

  #pump(): void {
    const { timers } = this.#office;
    if (this.#over || this.#sending) return;
    const now = this.#office.now();
    const rest = Math.max(this.#sentAt + this.#office.interval(this), this.#retryAt) - now;
    if (this.#dirty === 'now' || (this.#dirty === 'later' && rest <= 0)) this.#send(now);
    const wait = this.#dirty === 'later' && rest > 0 ? rest : Number.POSITIVE_INFINITY;
    // Timers are coarse, and none waits longer than a day.
    if (!this.#over) timers.add(this, Math.max(0, Math.min(wait, this.expires - now, 86_400_000)));
  }

  #send(now: number): void {
    const standing = this.#end === undefined ? this.#office.standing(this) : 'rejected';
    if (this.#end === undefined && standing === 'rejected') return this.end('rejected');
    const request = this.#request(standing, now);
    const sent = this.#office.send(this, request, this.#answers);
    // Without a way to it the subscriber is told when it has shown itself again.
    if (!sent && this.#end === undefined) return;
    this.#sending = sent;
    this.#sentAt = now;
    this.#dirty = 'no';
    this.told = standing;
    if (this.#end === undefined) return;
    this.#over = true;
    this.#office.timers.remove(this);
  }

  #request(standing: Standing, now: number): SipRequest {
    this.seq += 1;
    if (this.seq > this.#reserved) {
      this.#reserved = this.seq + RESERVE;
      if (this.#end === undefined) this.#office.save(this);
    }
    const left = Math.max(0, Math.ceil((this.expires - now) / 1000));
    const state = this.#end === undefined ? `${standing};expires=${left}` : `terminated;reason=${this.#end}`;
    const fields: FieldList = [
      ['Event', this.event === undefined ? this.package : `${this.package};id=${this.event}`],
      ['Subscription-State', state],
      ...(this.list ? [['Require', EVENT_LIST] as const] : []),
    ];
    return requestIn(this.dialog, 'NOTIFY', this.seq, fields, this.#office.document(this));
  }

  #answered({ status }: SipResponse): void {
    if (status < 200) return;
    this.#sending = false;
    this.#patience = PATIENCE;
    if (FATAL.has(status)) this.forget();
    else this.#pump();
  }

  /** Section 4.2.2: "If a NOTIFY request … times out … the notifier MUST remove the subscription". */
  #unanswered(): void {
    this.#sending = false;
    this.forget();
  }

  /** The way is closed, or not open yet after a restart: it is tried again, less and less often. */
  #unsent(): void {
    this.#sending = false;
    if (this.#over) return;
    this.#dirty = 'later';
    this.#retryAt = this.#office.now() + this.#patience;
    this.#patience = Math.min(2 * this.#patience, LONGEST_PATIENCE);
    this.#pump();
  }
}
