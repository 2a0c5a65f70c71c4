import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { type IpAddress, isLoopback, parseIp } from '#src/address/ip.ts';
import type { Timed, Timers } from '#src/net/timers.ts';
import type { Log } from '#src/observe/log.ts';
import { type Family, familyOf } from '#protocols/stun/address.ts';
import { mayReach, type PeerRules } from './peers.ts';

/** Where relays of one family are opened, and how peers reach them. */
export interface RelayAddress {
  readonly local: string;
  /** Another one than `local` behind a 1:1 NAT. */
  readonly public: string;
}

export interface AddressOptions extends PeerRules {
  readonly publicAddress: readonly string[];
  readonly relayAddress: readonly string[];
}

/** Milliseconds after which domain names are looked up again. */
const RESOLVE_EVERY = 300_000;
const NO_RULES = { allowPeers: [], denyPeers: [] };

/**
 * The addresses of the relays by family: what the settings say, or what this machine has. A domain name stands for what it resolves
 * to at the time; when it cannot be resolved, what it stood for last remains.
 */
export class RelayAddresses implements Timed {
  readonly #timers: Timers;
  readonly #log: Log;
  readonly #options: () => AddressOptions;
  readonly #interfaces: () => readonly string[];
  readonly #resolved = new Map<string, readonly string[]>();
  #own: ReadonlySet<string> = new Set();
  #byFamily: ReadonlyMap<Family, RelayAddress> = new Map();

  constructor(timers: Timers, log: Log, options: () => AddressOptions, interfaces = machineAddresses) {
    this.#timers = timers;
    this.#log = log;
    this.#options = options;
    this.#interfaces = interfaces;
    this.#settle();
  }

  /** Undefined when there are no relays of the family. */
  of(family: Family): RelayAddress | undefined {
    return this.#byFamily.get(family);
  }

  /** Is it an address of this machine, or one by which it is reached? */
  isOwn(address: string): boolean {
    return this.#own.has(address);
  }

  /** Is it an address of the relays? */
  isRelay(address: string): boolean {
    for (const relay of this.#byFamily.values()) if (relay.public === address || relay.local === address) return true;
    return false;
  }

  /** Looks domain names up, now and every five minutes. */
  async refresh(): Promise<void> {
    const names = this.#options().publicAddress.filter((text) => parseIp(text) === undefined);
    await Promise.all(names.map((name) => this.#resolve(name)));
    this.#settle();
    this.#timers.add(this, RESOLVE_EVERY);
  }

  onTimeout(): void {
    void this.refresh();
  }

  stop(): void {
    this.#timers.remove(this);
  }

  /** What keeps peers from reaching the relays, in words. */
  problems(): readonly string[] {
    const found = this.#options()
      .publicAddress.filter((text) => parseIp(text) === undefined && (this.#resolved.get(text) ?? []).length === 0)
      .map((name) => `turn.public_address: ${name} has no address`);
    if (this.#byFamily.size === 0) found.push('this machine has no address for relays: set turn.relay_address');
    for (const { public: address } of this.#byFamily.values()) {
      if (!mayReach(address, this.#options()))
        found.push(`relays are announced at ${address}, which the Internet cannot reach: set turn.public_address`);
    }
    return found;
  }

  async #resolve(name: string): Promise<void> {
    try {
      const found = await lookup(name, { all: true });
      this.#resolved.set(
        name,
        found.map(({ address }) => address),
      );
    } catch (error) {
      this.#log.warn('a public address cannot be looked up', { name, error: String(error) });
    }
  }

  #settle(): void {
    const { publicAddress, relayAddress } = this.#options();
    const own = this.#interfaces();
    const told = publicAddress.flatMap((text) =>
      parseIp(text) === undefined ? (this.#resolved.get(text) ?? []) : [text],
    );
    const settled = new Map<Family, RelayAddress>();
    for (const family of [4, 6] as const) {
      const local = chosen(relayAddress, family) ?? detected(own, family);
      if (local !== undefined) settled.set(family, { local, public: chosen(told, family) ?? local });
    }
    // A machine that has nothing but itself still serves itself.
    if (settled.size === 0) settled.set(4, { local: '127.0.0.1', public: '127.0.0.1' });
    this.#byFamily = settled;
    this.#own = new Set([...own, ...told, ...relayAddress]);
  }
}

const chosen = (addresses: readonly string[], family: Family): string | undefined =>
  addresses.find((address) => familyOf(address) === family);

/** The first one that the Internet reaches, else the first that is not link-local. */
function detected(own: readonly string[], family: Family): string | undefined {
  const usable = own.filter((text) => {
    const address = parseIp(text);
    return address !== undefined && familyOf(text) === family && !isLoopback(address) && !isLinkLocal(address);
  });
  return usable.find((address) => mayReach(address, NO_RULES)) ?? usable[0];
}

function isLinkLocal({ family, words }: IpAddress): boolean {
  const [first = 0] = words;
  return family === 4 ? first >>> 16 === 0xa9fe : first >>> 22 === 0x3fa;
}

function machineAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address }) => address));
}
