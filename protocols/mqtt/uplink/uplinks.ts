import { isDeepStrictEqual } from 'node:util';
import type { Destination } from '#src/net/dial.ts';
import type { Flusher } from '#src/net/flusher.ts';
import type { Timers } from '#src/net/timers.ts';
import type { Log } from '#src/observe/log.ts';
import type { Store } from '#src/store/store.ts';
import type { Wait, Waiter } from '../durably.ts';
import type { LocalBroker } from './local-broker.ts';
import type { Line } from './remote.ts';
import type { AddedUplinks } from './added.ts';
import type { UplinkOptions } from './settings.ts';
import { type UplinkState, UplinkStore } from './state.ts';
import { Uplink } from './uplink.ts';

export interface UplinksParts {
  readonly store: Store;
  readonly brokers: readonly LocalBroker[];
  /** The uplinks of a host by the settings in force. */
  readonly options: (host: string) => readonly UplinkOptions[];
  /** Those that commands have added. */
  readonly added: AddedUplinks;
  /** Bytes of a packet that a host takes. */
  readonly maxPacketSize: (host: string) => number;
  readonly durably: { wait(waiter: Waiter): Wait | undefined };
  readonly timers: Timers;
  readonly flusher: Flusher;
  readonly log: Log;
  readonly dial: (to: Destination, signal: AbortSignal) => Promise<Line>;
  readonly random?: () => number;
}

interface Entry {
  readonly host: string;
  readonly uplink: Uplink;
}

/** All uplinks of the server, by host and name. */
export class Uplinks implements Iterable<Entry> {
  readonly #parts: UplinksParts;
  readonly #stored: UplinkStore;
  readonly #entries = new Map<string, Entry>();

  constructor(parts: UplinksParts) {
    this.#parts = parts;
    this.#stored = new UplinkStore(parts.store);
  }

  [Symbol.iterator](): IterableIterator<Entry> {
    return this.#entries.values();
  }

  find(host: string, name: string): Uplink | undefined {
    return this.#entries.get(keyOf(host, name))?.uplink;
  }

  /** What commands have added comes back; before `open`. */
  async restore(): Promise<void> {
    const { added, log } = this.#parts;
    await added.restore((host, name, problem) =>
      log.error('an uplink that was added cannot be used', { host, uplink: name, problem }),
    );
  }

  /** The settings come first: what they name cannot be added. */
  #wanted(host: string): readonly UplinkOptions[] {
    const named = this.#parts.options(host);
    const names = new Set(named.map(({ name }) => name));
    return [...named, ...this.#parts.added.of(host).filter(({ name }) => !names.has(name))];
  }

  /** @returns what is wrong with it; undefined when it is added */
  add(host: string, name: string, text: string): string | undefined {
    const problem = this.#parts.added.add(host, name, text);
    if (problem === undefined) this.reload();
    return problem;
  }

  /** Takes out an uplink that was added; what waits for it stays until it is forgotten. @returns whether there was one */
  remove(host: string, name: string): boolean {
    const removed = this.#parts.added.remove(host, name);
    if (removed) this.reload();
    return removed;
  }

  /** Whether the settings have an uplink of that name. */
  inSettings(host: string, name: string): boolean {
    return this.#parts.options(host).some((options) => options.name === name);
  }

  /** Subscribes and connects. Nothing has been published yet in this process, so nothing is missed. */
  open(): void {
    for (const broker of this.#parts.brokers) {
      for (const options of this.#wanted(broker.domain))
        this.#begin(broker, options, this.#stored.open(broker.domain, options.name));
    }
  }

  /** New settings: what is the same stays connected; what has changed connects anew, with the messages that wait for it. */
  reload(): void {
    for (const broker of this.#parts.brokers) {
      const { domain } = broker;
      const wanted = new Map(this.#wanted(domain).map((options) => [options.name, options]));
      for (const { host, uplink } of [...this.#entries.values()]) {
        if (host !== domain || wanted.has(uplink.options.name)) continue;
        uplink.close();
        this.#entries.delete(keyOf(host, uplink.options.name));
      }
      for (const options of wanted.values()) this.#replace(broker, options);
    }
  }

  #replace(broker: LocalBroker, options: UplinkOptions): void {
    const old = this.find(broker.domain, options.name);
    if (old === undefined) return this.#begin(broker, options, this.#stored.open(broker.domain, options.name));
    if (isDeepStrictEqual(old.options, options)) return;
    const stopped = old.link.phase === 'stopped' && old.options.start === options.start;
    old.close();
    // The same state: what the old one has written since the last group is in it.
    const uplink = this.#make(broker, options, old.state);
    uplink.open();
    if (!stopped) uplink.link.begin();
  }

  #begin(broker: LocalBroker, options: UplinkOptions, state: UplinkState): void {
    const uplink = this.#make(broker, options, state);
    uplink.open();
    uplink.link.begin();
  }

  #make(broker: LocalBroker, options: UplinkOptions, state: UplinkState): Uplink {
    const { dial, durably, flusher, log, maxPacketSize, random, store, timers } = this.#parts;
    const uplink = new Uplink(options, {
      broker,
      state,
      durably,
      timers,
      flusher,
      dial,
      log: log.with({ host: broker.domain, uplink: options.name }),
      pressure: () => store.pressure,
      maxPacketSize: () => maxPacketSize(broker.domain),
      ...(random === undefined ? {} : { random }),
    });
    this.#entries.set(keyOf(broker.domain, options.name), { host: broker.domain, uplink });
    return uplink;
  }

  /** The server stops: a good-bye to all. */
  stop(): void {
    for (const { uplink } of this) uplink.link.stop();
  }

  /** Names of uplinks that the settings no longer have and for which something is kept. */
  async leftovers(host: string): Promise<readonly string[]> {
    const names = await this.#stored.names(host);
    return names.filter((name) => this.find(host, name) === undefined);
  }

  /** Messages that wait for an uplink that the settings no longer have. */
  waitingFor(host: string, name: string): number {
    return this.#stored.spool.length([host, name]);
  }

  /** Forgets an uplink that the settings no longer have. @returns how many messages waited for it */
  forget(host: string, name: string): number {
    return this.#stored.forget(host, name);
  }
}

const keyOf = (host: string, name: string): string => `${host}/${name}`;
