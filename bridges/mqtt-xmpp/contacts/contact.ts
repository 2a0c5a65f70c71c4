import type { AclView } from '#protocols/mqtt/acl.ts';
import type { Broker } from '#protocols/mqtt/broker.ts';
import type { Publication } from '#protocols/mqtt/publication.ts';
import type { Jid } from '#src/address/jid.ts';
import type { Timed, Timers } from '#src/net/timers.ts';
import type { Router } from '#src/router/router.ts';
import type { Registry } from '#src/session/registry.ts';
import { escapeText } from '#src/stanza/serialise.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import { Digest, statusOf } from './values.ts';

/** Marks what people have published through a contact: it goes to no other person as a message. */
export class FromPerson {
  readonly account: string;

  constructor(account: string) {
    this.account = account;
  }
}

export interface ContactParts {
  readonly broker: Broker;
  readonly router: Router;
  readonly registry: Registry;
  readonly timers: Timers;
  /** Milliseconds between two messages. */
  readonly interval: () => number;
}

let serial = 0;

/** A topic, or a filter, in the roster of an account. */
export class TopicContact implements Timed {
  readonly account: Jid;
  readonly filter: string;
  readonly wild: boolean;
  /** The contact's address, with the resource that its presence comes from. */
  readonly jid: Jid;
  readonly #parts: ContactParts;
  readonly #digest = new Digest();
  #view: AclView | undefined;
  #status: string | undefined;
  /** Told something a moment ago: what comes now waits for the timer. */
  #resting = false;
  /** Nobody was there to read. */
  #missed = false;

  constructor(account: Jid, filter: string, jid: Jid, parts: ContactParts) {
    this.account = account;
    this.filter = filter;
    this.wild = /[#+]/.test(filter);
    this.jid = jid;
    this.#parts = parts;
  }

  /** Whether the access list of MQTT lets the account see the topic now. */
  get allowed(): boolean {
    const { acl } = this.#parts.broker;
    this.#view = acl.viewOf({ account: this.account.local, clientId: '' }, this.#view);
    return acl.maySubscribe(this.#view, this.filter);
  }

  value({ from, message }: Publication): void {
    if (!this.allowed) return;
    // One hop: what a person wrote to a topic is no message from the topic.
    if (!(from instanceof FromPerson) && !(message.retain && message.payload.length === 0)) this.#digest.add(message);
    if (!this.#resting) this.#tell();
  }

  onTimeout(): void {
    this.#resting = false;
    this.#tell();
  }

  /** What waits is told, when somebody is there; then a rest. */
  #tell(): void {
    const said = this.#speak();
    const showed = this.show(false);
    if (!said && !showed) return;
    this.#resting = true;
    this.#parts.timers.add(this, this.#parts.interval());
  }

  #speak(): boolean {
    if (this.#digest.count === 0) return false;
    if (
      !this.#parts.registry
        .of(this.account.bare)
        .some(({ fallback, presence, priority }) => presence !== undefined && (priority >= 0 || fallback))
    ) {
      this.#missed = true;
      return false;
    }
    const count = this.#digest.count;
    const body = this.#digest.take(this.wild);
    const away = this.#missed && count > 1 ? `While you were away:\n${body}` : body;
    this.#missed = false;
    // Of no use to those who come later: presence shows the latest value.
    const hint = "<no-store xmlns='urn:xmpp:hints'/>";
    const id = `t${(serial += 1).toString(36)}-${Date.now().toString(36)}`;
    const attributes = { from: this.jid, to: this.account, type: 'chat', id };
    this.#parts.router.send(Stanza.make('message', attributes, `<body>${escapeText(away)}</body>`, hint));
    return true;
  }

  /** Shows presence with the last retained value as status. @param always also when it has not changed */
  show(always: boolean, to: Jid = this.account): boolean {
    const status = this.#retained();
    if (!always && status === this.#status) return false;
    this.#status = status;
    this.#parts.router.send(this.presence(to));
    return true;
  }

  presence(to: Jid): Stanza {
    if (!this.allowed) return Stanza.make('presence', { from: this.jid, to, type: 'unavailable' });
    const status = this.#retained();
    return Stanza.make(
      'presence',
      { from: this.jid, to },
      status === '' ? '' : `<status>${escapeText(status)}</status>`,
    );
  }

  /** Its user has come: what was missed is told. */
  greeted(): void {
    if (this.#missed && !this.#resting) this.#tell();
  }

  #retained(): string {
    const { now, options, retained } = this.#parts.broker;
    if (this.wild) {
      const { length } = retained.match(this.filter, options.retainedMatches, now);
      return `${length} ${length === 1 ? 'topic' : 'topics'}`;
    }
    const value = retained.get(this.filter, now);
    return value === undefined ? '' : statusOf(value.message);
  }

  end(): void {
    this.#parts.timers.remove(this);
  }
}
