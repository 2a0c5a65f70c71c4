import { originOf, parseIp } from '#src/address/ip.ts';
import { Meter } from './meter.ts';
import type { TurnOptions } from './settings.ts';

/** What the allocations of one user, or from one address, have in common. */
interface Share {
  allocations: number;
  readonly meter: Meter | undefined;
}

/** Counts allocations by user and by address, and holds what they may send together. Only those that have one are remembered. */
export class Shares {
  readonly #options: () => TurnOptions;
  readonly #users = new Map<string, Share>();
  readonly #addresses = new Map<string, number>();
  #total = 0;
  #meter: Meter | undefined = undefined;

  constructor(options: () => TurnOptions) {
    this.#options = options;
  }

  get total(): number {
    return this.#total;
  }

  /** `user`: a quota of the user or its address is used up; `server`: the server is full. */
  full(user: string, address: string): 'user' | 'server' | undefined {
    const { maxAllocations, maxAllocationsPerAddress, maxAllocationsPerUser } = this.#options();
    if ((this.#users.get(user)?.allocations ?? 0) >= maxAllocationsPerUser) return 'user';
    if ((this.#addresses.get(origin(address)) ?? 0) >= maxAllocationsPerAddress) return 'user';
    return this.#total >= maxAllocations ? 'server' : undefined;
  }

  /** @returns the meters that what it sends has to pass */
  enter(user: string, address: string, now: number): readonly Meter[] {
    const { bandwidthPerAllocation, bandwidthPerUser, bandwidthTotal } = this.#options();
    const share = this.#users.get(user) ?? { allocations: 0, meter: meter(bandwidthPerUser, now) };
    share.allocations += 1;
    this.#users.set(user, share);
    const from = origin(address);
    this.#addresses.set(from, (this.#addresses.get(from) ?? 0) + 1);
    if (this.#total === 0) this.#meter = meter(bandwidthTotal, now);
    this.#total += 1;
    return [meter(bandwidthPerAllocation, now), share.meter, this.#meter].filter((each) => each !== undefined);
  }

  leave(user: string, address: string): void {
    const share = this.#users.get(user);
    if (share !== undefined) {
      share.allocations -= 1;
      if (share.allocations === 0) this.#users.delete(user);
    }
    const from = origin(address);
    const count = (this.#addresses.get(from) ?? 1) - 1;
    if (count === 0) this.#addresses.delete(from);
    else this.#addresses.set(from, count);
    this.#total -= 1;
  }
}

const meter = (rate: number, now: number): Meter | undefined => (rate > 0 ? new Meter(rate, now) : undefined);

function origin(address: string): string {
  const ip = parseIp(address);
  return ip === undefined ? address : originOf(ip);
}
