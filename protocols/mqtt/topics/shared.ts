import type { Granted } from './tree.ts';

/** A member of a share group, as choosing among them needs it. */
export interface ShareMember {
  /** Messages on their way that it has not acknowledged. */
  readonly inFlight: number;
  readonly connected: boolean;
  /** It is connected and can take another message now. */
  readonly ready: boolean;
}

/** `$share/{name}/{filter}` (MQTT 5 section 4.8.2); undefined for other filters. The filter was validated before. */
export function readShared(filter: string): { readonly name: string; readonly filter: string } | undefined {
  if (!filter.startsWith('$share/')) return undefined;
  const slash = filter.indexOf('/', 7);
  return slash < 0 ? undefined : { name: filter.slice(7, slash), filter: filter.slice(slash + 1) };
}

export type ShareStrategy = 'round_robin' | 'least_in_flight';

/** One member and what its SUBSCRIBE gave it. */
export interface Membership<S> {
  readonly member: S;
  readonly granted: Granted;
}

/** The members of one shared subscription, in turn: each message goes to one of them. */
export class ShareMembers<S extends ShareMember> {
  readonly #members: Membership<S>[] = [];
  #next = 0;

  get size(): number {
    return this.#members.length;
  }

  get all(): readonly Membership<S>[] {
    return this.#members;
  }

  /** Adds or replaces. @returns what it replaced */
  join(member: S, granted: Granted): Granted | undefined {
    const at = this.#members.findIndex((each) => each.member === member);
    const old = this.#members[at];
    if (old === undefined) this.#members.push({ member, granted });
    else this.#members[at] = { member, granted };
    return old?.granted;
  }

  leave(member: S): boolean {
    const at = this.#members.findIndex((each) => each.member === member);
    if (at < 0) return false;
    this.#members.splice(at, 1);
    if (at < this.#next) this.#next -= 1;
    return true;
  }

  /** Who gets the next message: one that is ready, else one that is connected, else the next in turn, whose session keeps it. */
  choose(strategy: ShareStrategy): Membership<S> | undefined {
    const { length } = this.#members;
    if (length === 0) return undefined;
    const ready = strategy === 'round_robin' ? this.#nextThat((member) => member.ready) : this.#leastBusy();
    const chosen = ready ?? this.#nextThat((member) => member.connected) ?? this.#next % length;
    this.#next = (chosen + 1) % length;
    return this.#members[chosen];
  }

  #nextThat(fits: (member: S) => boolean): number | undefined {
    const { length } = this.#members;
    for (let step = 0; step < length; step++) {
      const at = (this.#next + step) % length;
      const member = this.#members[at]?.member;
      if (member !== undefined && fits(member)) return at;
    }
    return undefined;
  }

  #leastBusy(): number | undefined {
    const { length } = this.#members;
    let best: number | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (let step = 0; step < length; step++) {
      const at = (this.#next + step) % length;
      const member = this.#members[at]?.member;
      if (member?.ready !== true || member.inFlight >= least) continue;
      best = at;
      least = member.inFlight;
    }
    return best;
  }
}
