import type { Publication } from './publication.ts';
import type { Session } from './session.ts';
import { type Membership, ShareMembers, type ShareStrategy } from './topics/shared.ts';
import type { Granted } from './topics/tree.ts';

/** A shared subscription (MQTT 5 section 4.8.2) as the topic tree holds it: one subscriber that gives each message to one member. */
export class ShareGroup {
  /** `name/filter`. */
  readonly key: string;
  readonly filter: string;
  readonly #members = new ShareMembers<Session>();
  readonly #strategy: () => ShareStrategy;

  constructor(key: string, filter: string, strategy: () => ShareStrategy) {
    this.key = key;
    this.filter = filter;
    this.#strategy = strategy;
  }

  get size(): number {
    return this.#members.size;
  }

  get members(): readonly Membership<Session>[] {
    return this.#members.all;
  }

  /** What the topic tree is told: how a message goes on depends on the member that gets it. */
  get granted(): Granted {
    return { filter: this.filter, qos: 2, noLocal: false, retainAsPublished: true, retainHandling: 2, id: undefined };
  }

  join(session: Session, granted: Granted): Granted | undefined {
    return this.#members.join(session, granted);
  }

  leave(session: Session): boolean {
    return this.#members.leave(session);
  }

  deliver(publication: Publication): void {
    const chosen = this.#members.choose(this.#strategy());
    if (chosen === undefined) return;
    const { granted, member } = chosen;
    const { message } = publication;
    const qos = granted.qos < message.qos ? granted.qos : message.qos;
    const ids = granted.id === undefined ? NO_IDS : [granted.id];
    member.take(publication, qos, granted.retainAsPublished && message.retain, ids, this);
  }
}

const NO_IDS: readonly number[] = Object.freeze([]);
