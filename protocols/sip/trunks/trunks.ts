import type { Access } from '#src/accounts/access.ts';
import type { Jid } from '#src/address/jid.ts';
import { addressOfHost } from '../message/host.ts';
import { SipUri } from '../message/uri.ts';
import type { ForwardTarget } from '../proxy/target.ts';
import type { TrunkSettings } from '../settings.ts';
import type { AddedTrunks } from './added.ts';
import { Trunk, type TrunkParts } from './trunk.ts';

/** The providers of numbers of all hosts. */
export class Trunks {
  readonly #parts: TrunkParts;
  readonly #access: (host: string) => Access;
  /** Those of a host, or of all. */
  readonly #settings: (host?: string) => readonly TrunkSettings[];
  readonly #added: AddedTrunks;
  #trunks: readonly Trunk[] = [];

  constructor(
    parts: TrunkParts,
    access: (host: string) => Access,
    settings: (host?: string) => readonly TrunkSettings[],
    added: AddedTrunks,
  ) {
    this.#added = added;
    this.#parts = parts;
    this.#access = access;
    this.#settings = settings;
  }

  [Symbol.iterator](): IterableIterator<Trunk> {
    return this.#trunks.values();
  }

  get(name: string): Trunk | undefined {
    return this.#trunks.find((trunk) => trunk.name === name);
  }

  /** Answers challenges of the one of this name, if the URI leads to it. */
  authorizer(name: string | undefined, uri: string): ForwardTarget['authorize'] {
    const trunk = name === undefined ? undefined : this.get(name);
    const host = trunk && SipUri.parse(uri)?.host.toLowerCase();
    return host !== undefined && trunk?.isAt(addressOfHost(host) ?? host) === true ? trunk.authorize : undefined;
  }

  /** The one that a request from this address comes from. */
  from(ip: string): Trunk | undefined {
    return this.#trunks.length === 0 ? undefined : this.#trunks.find((trunk) => trunk.owns(ip));
  }

  /** The one that a user may call a number through: of those with a prefix of it, the one with the longest. */
  for(number: string, account: Jid): Trunk | undefined {
    let best: { readonly trunk: Trunk; readonly length: number } | undefined;
    for (const trunk of this.#trunks) {
      for (const prefix of trunk.settings.prefixes ?? []) {
        if (!number.startsWith(prefix) || prefix.length <= (best?.length ?? -1)) continue;
        if (this.#mayCall(trunk, account)) best = { trunk, length: prefix.length };
      }
    }
    return best?.trunk;
  }

  /** Puts the settings in force: trunks that stay the same keep their registration. */
  apply(): void {
    const before = new Map(this.#trunks.map((trunk) => [JSON.stringify(trunk.settings), trunk]));
    // What stands in the settings for all hosts is one trunk.
    const wanted = new Map(
      [...this.#settings(), ...this.#added].map((settings) => [JSON.stringify(settings), settings] as const),
    );
    for (const [key, trunk] of before) if (!wanted.has(key)) trunk.stop();
    this.#trunks = [...wanted].map(([key, settings]) => before.get(key) ?? new Trunk(settings, this.#parts));
    for (const trunk of this.#trunks) if (trunk.state === 'unregistered') trunk.start();
  }

  /** Whether the settings have a trunk of that name. */
  inSettings(name: string): boolean {
    return this.#settings().some((trunk) => trunk.name === name);
  }

  /** @param failed is told of trunks that were added and hold no more */
  restore(failed: (name: string, problem: string) => void): Promise<void> {
    return this.#added.restore(failed);
  }

  /** Adds a trunk beside those of the settings, or changes one that was added. @returns what is wrong with it; undefined for nothing */
  add(name: string, text: string): string | undefined {
    const problem = this.#added.add(name, text);
    if (problem === undefined) this.apply();
    return problem;
  }

  /** @returns whether there was one */
  remove(name: string): boolean {
    const removed = this.#added.remove(name);
    if (removed) this.apply();
    return removed;
  }

  stop(): void {
    for (const trunk of this.#trunks) trunk.stop();
  }

  /** A trunk of the settings is for the users of the hosts that have it; one that was added is for all. */
  #mayCall({ name, settings }: Trunk, { domain, local }: Jid): boolean {
    const ofHost = [...this.#settings(domain), ...this.#added].some((one) => one.name === name);
    if (!ofHost) return false;
    return (
      settings.access === undefined || this.#access(domain).allows(settings.access, { domain, local, protocol: 'sip' })
    );
  }
}
