/**
 * One ban list for every protocol: origins (a v4 address, a v6 /64) that failed to authenticate too often, and those that
 * an operator banned. Asked on every accept, so asking is a map lookup and costs nothing while nobody is banned.
 */
import { originOf, parseIp, type IpAddress } from '#src/address/ip.ts';
import { json } from '#src/store/codec.ts';
import type { Store, Table, Ticket } from '#src/store/store.ts';

export interface BanPolicy {
  /** Summed weight of failures that leads to a ban. */
  readonly threshold: number;
  /** Seconds: how long a failure counts after the last one, and how long the ban that follows lasts. */
  readonly lifetime: number;
  /** Bound of the failure counters; beyond it the oldest is forgotten. */
  readonly maxCounters: number;
  /** Bound of the bans; beyond it the one that ends first gives way. */
  readonly maxBans: number;
}

export const defaultBanPolicy: BanPolicy = { threshold: 20, lifetime: 3600, maxCounters: 100_000, maxBans: 100_000 };

export interface Ban {
  /** `192.0.2.1` or `2001:db8:0:1::/64`. */
  readonly origin: string;
  readonly reason: string;
  /** An operator's JID, or `failures`. */
  readonly by: string;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** The same; undefined for a ban without end. */
  readonly until?: number;
}

export interface BansOptions {
  readonly store: Store;
  readonly policy?: Partial<BanPolicy>;
  /** Who is never banned: the rule `ban_exempt`. */
  readonly exempt: (address: IpAddress) => boolean;
  readonly now?: () => number;
  /** Told of each new ban, to end its connections and to tell other workers. */
  readonly onBan?: (ban: Ban) => void;
}

interface Counter {
  readonly score: number;
  readonly expires: number;
}

export class Bans {
  readonly #store: Store;
  readonly #table: Table<Ban>;
  readonly #exempt: (address: IpAddress) => boolean;
  readonly #now: () => number;
  readonly #onBan: ((ban: Ban) => void) | undefined;
  readonly #bans = new Map<string, Ban>();
  readonly #counters = new Map<string, Counter>();
  #policy: BanPolicy;

  private constructor({ store, policy, exempt, now = Date.now, onBan }: BansOptions) {
    this.#store = store;
    this.#table = store.table('bans', json<Ban>());
    this.#policy = { ...defaultBanPolicy, ...policy };
    this.#exempt = exempt;
    this.#now = now;
    this.#onBan = onBan;
  }

  /** Reads the bans of earlier runs. */
  static async open(options: BansOptions): Promise<Bans> {
    const bans = new Bans(options);
    for await (const [, ban] of bans.#table.scan([])) bans.adopt(ban);
    return bans;
  }

  configure(policy: Partial<BanPolicy>): void {
    this.#policy = { ...defaultBanPolicy, ...policy };
  }

  /** For text that is no address, false: a unix socket has no origin. */
  isBanned(text: string): boolean {
    if (this.#bans.size === 0) return false;
    const address = parseIp(text);
    return address !== undefined && this.#current(originOf(address)) !== undefined && !this.#exempt(address);
  }

  /** Counts a failed authentication; the ban when this one was the last straw. */
  fail(text: string, reason: string, weight = 1): Ban | undefined {
    const address = parseIp(text);
    if (address === undefined || weight <= 0 || this.#exempt(address)) return undefined;
    const origin = originOf(address);
    if (this.#current(origin) !== undefined) return undefined;
    const now = this.#now();
    const before = this.#counters.get(origin);
    const score = (before !== undefined && before.expires > now ? before.score : 0) + weight;
    this.#counters.delete(origin);
    const { threshold, lifetime, maxCounters } = this.#policy;
    const until = now + lifetime * 1000;
    if (score >= threshold) return this.#punish({ origin, reason, by: 'failures', since: now, until });
    if (this.#counters.size >= maxCounters) dropFirst(this.#counters);
    this.#counters.set(origin, { score, expires: until });
    return undefined;
  }

  /** By hand. Undefined when the text is no address. `seconds` is left out for a ban without end. */
  ban(
    text: string,
    reason: string,
    by: string,
    seconds?: number,
  ): { readonly ban: Ban; readonly ticket: Ticket } | undefined {
    const address = parseIp(text);
    if (address === undefined) return undefined;
    const since = this.#now();
    const ban: Ban = { origin: originOf(address), reason, by, since };
    return this.#add(seconds === undefined ? ban : { ...ban, until: since + seconds * 1000 });
  }

  /** Takes an address or an origin as `list` gives it. Undefined when it was not banned; its failures are forgotten anyway. */
  unban(text: string): Ticket | undefined {
    const address = parseIp(text.endsWith('/64') ? text.slice(0, -3) : text);
    if (address === undefined) return undefined;
    const origin = originOf(address);
    this.#counters.delete(origin);
    if (!this.#bans.delete(origin)) return undefined;
    return this.#table.delete([origin]);
  }

  list(): readonly Ban[] {
    return [...this.#bans.keys()].flatMap((origin) => this.#current(origin) ?? []);
  }

  /** Takes over a ban that another worker stored. */
  adopt(ban: Ban): void {
    this.#makeRoom();
    this.#bans.set(ban.origin, ban);
    this.#counters.delete(ban.origin);
  }

  /** Under attack the store may be behind: then the ban holds in memory alone. */
  #punish(ban: Ban): Ban {
    if (!this.#store.pressure) return this.#add(ban).ban;
    this.adopt(ban);
    this.#onBan?.(ban);
    return ban;
  }

  #add(ban: Ban): { readonly ban: Ban; readonly ticket: Ticket } {
    this.adopt(ban);
    const ticket = this.#table.put([ban.origin], ban);
    this.#onBan?.(ban);
    return { ban, ticket };
  }

  /** The ban that stands; one that is over is deleted on sight. */
  #current(origin: string): Ban | undefined {
    const ban = this.#bans.get(origin);
    if (ban?.until === undefined || ban.until > this.#now()) return ban;
    this.#forget(origin);
    return undefined;
  }

  #makeRoom(): void {
    if (this.#bans.size < this.#policy.maxBans) return;
    let first: Ban | undefined;
    for (const ban of this.#bans.values()) {
      if (first === undefined || (ban.until ?? Infinity) < (first.until ?? Infinity)) first = ban;
    }
    if (first !== undefined) this.#forget(first.origin);
  }

  #forget(origin: string): void {
    this.#bans.delete(origin);
    if (!this.#store.pressure) this.#table.delete([origin]);
  }
}

function dropFirst(counters: Map<string, Counter>): void {
  for (const origin of counters.keys()) {
    counters.delete(origin);
    return;
  }
}
