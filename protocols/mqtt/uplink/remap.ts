import type { QoS } from '../packet/types.ts';
import { matchesFilter } from '../topics/filters.ts';
import { readShared } from '../topics/shared.ts';

/**
 * A line of an uplink's topics, as mosquitto's `topic` lines: on this side topics are `localPrefix` + what matches the filter, on the
 * other side `remotePrefix` + the same.
 */
export interface TopicRule {
  /** Empty: the prefixes are whole topics that stand for each other. */
  readonly filter: string;
  readonly direction: 'in' | 'out' | 'both';
  /** The highest QoS in either direction. */
  readonly qos: QoS;
  readonly localPrefix: string;
  readonly remotePrefix: string;
}

/** What becomes of a topic on the other side. */
export interface Remapped {
  readonly topic: string;
  readonly qos: QoS;
}

/** A filter to subscribe to. */
export interface Wanted {
  readonly filter: string;
  readonly qos: QoS;
}

/** A rule as it is asked in one direction. */
interface Way {
  /** What the topics here begin with, and what they match as a whole. */
  readonly prefix: string;
  readonly pattern: string;
  /** What stands in the prefix's place there. */
  readonly target: string;
  readonly qos: QoS;
}

/** The topics of an uplink, compiled. The first line that fits a topic decides. */
export class Remap {
  readonly #in: readonly Way[];
  readonly #out: readonly Way[];
  /** What to subscribe to here. */
  readonly local: readonly Wanted[];
  /** What to subscribe to there. */
  readonly remote: readonly Wanted[];

  constructor(rules: readonly TopicRule[]) {
    const inward = rules.filter(({ direction }) => direction !== 'out');
    const outward = rules.filter(({ direction }) => direction !== 'in');
    this.#in = inward.map((rule) => wayOf(rule, rule.remotePrefix, rule.localPrefix));
    this.#out = outward.map((rule) => wayOf(rule, rule.localPrefix, rule.remotePrefix));
    this.local = wanted(outward.map(({ filter, localPrefix, qos }) => ({ filter: localPrefix + filter, qos })));
    this.remote = wanted(inward.map(({ filter, remotePrefix, qos }) => ({ filter: remotePrefix + filter, qos })));
  }

  /** The remote topic for a local one; undefined when it stays here. */
  outward(topic: string): Remapped | undefined {
    return remapped(this.#out, topic);
  }

  /** The local topic for a remote one; undefined when nobody asked for it: a remote broker cannot publish where it likes. */
  inward(topic: string): Remapped | undefined {
    return remapped(this.#in, topic);
  }
}

/** Messages of `$share/name/a/#` (MQTT 5 section 4.8.2) come on topics that match `a/#`. */
function unshared(text: string): string {
  const filter = readShared(text)?.filter;
  return filter ?? text;
}

function wayOf({ filter, qos }: TopicRule, from: string, to: string): Way {
  return { prefix: unshared(from), pattern: unshared(from + filter), target: to, qos };
}

function remapped(ways: readonly Way[], topic: string): Remapped | undefined {
  for (const { pattern, prefix, qos, target } of ways) {
    // The whole is matched, so that a wildcard behind the prefix means what it meant in the subscription.
    if (!topic.startsWith(prefix) || !matchesFilter(pattern, topic)) continue;
    const there = target + topic.slice(prefix.length);
    if (there !== '') return { topic: there, qos };
  }
  return undefined;
}

/** Each filter once, with the highest QoS that a rule gives it. */
function wanted(filters: readonly Wanted[]): readonly Wanted[] {
  const found = new Map<string, QoS>();
  for (const { filter, qos } of filters) found.set(filter, Math.max(qos, found.get(filter) ?? 0) as QoS);
  return [...found].map(([filter, qos]) => ({ filter, qos }));
}
