import type { Measurement, Result } from '#tools/bench/result.ts';
import { median } from '#tools/bench/stats.ts';
import { type Cell, formatTable } from '#tools/bench/table.ts';

/** The medians of one scene on one server over the rounds. */
export interface Summary {
  readonly scene: string;
  readonly server: string;
  readonly rounds: number;
  readonly failures: readonly string[];
  readonly perSecond: number | undefined;
  /** Microseconds of the server's CPU per operation. */
  readonly cpu: number | undefined;
  /** Bytes per user. */
  readonly memory: number | undefined;
  readonly p50: number | undefined;
  readonly p99: number | undefined;
  readonly generatorCpu: number | undefined;
  readonly generatorShare: number | undefined;
}

/** Medians by scene and server, in the order of first appearance. */
export function summarize(measurements: readonly Measurement[]): readonly Summary[] {
  const groups = Map.groupBy(measurements, ({ scene, server }) => `${scene}\n${server}`);
  const summaries = [...groups.values()].map(summarizeGroup);
  const scenes = [...new Set(summaries.map(({ scene }) => scene))];
  return scenes.flatMap((scene) => summaries.filter((summary) => summary.scene === scene));
}

function summarizeGroup(group: readonly Measurement[]): Summary {
  const outcomes = group.map(({ outcome }) => outcome);
  const results = outcomes.flatMap((outcome) => ('result' in outcome ? [outcome.result] : []));
  const middle = (value: (result: Result) => number | undefined): number | undefined =>
    median(results.map(value).filter((number) => number !== undefined));
  return {
    scene: group[0]?.scene ?? '',
    server: group[0]?.server ?? '',
    rounds: results.length,
    failures: outcomes.flatMap((outcome) => ('error' in outcome ? [outcome.error] : [])),
    perSecond: middle((result) => result.perSecond),
    cpu: middle((result) => result.serverCpu),
    memory: middle((result) => result.memory),
    p50: middle((result) => result.p50),
    p99: middle((result) => result.p99),
    generatorCpu: middle((result) => result.generatorCpu),
    generatorShare: middle((result) => result.generatorShare),
  };
}

/** How many times the other's cost (CPU, else memory) is this one's. */
export function ratio(summary: Summary, other: Summary | undefined): number | undefined {
  if (other === undefined || other === summary) return undefined;
  const [own, theirs] = [summary.cpu ?? summary.memory, other.cpu ?? other.memory];
  return own === undefined || theirs === undefined ? undefined : theirs / own;
}

/** The one table: a row for each scene and server, with the cost of every server of `peers` as a multiple of the row's. */
export function report(summaries: readonly Summary[], peers: readonly string[]): string {
  const header = ['scene', 'server', 'ops/s', 'CPU µs/op', 'KB/user', 'p50 ms', 'p99 ms'];
  header.push(...peers.map((peer) => `${peer}/this`), 'gen µs/op', 'gen %');
  const rows = summaries.map((summary, i): readonly Cell[] => [
    summaries[i - 1]?.scene === summary.scene ? '' : summary.scene,
    summary.failures.length > 0 ? `${summary.server} (${summary.failures.length} failed)` : summary.server,
    summary.perSecond,
    summary.cpu,
    summary.memory && summary.memory / 1024,
    summary.p50,
    summary.p99,
    ...peers.map((peer) => ratio(summary, findPeer(summaries, summary.scene, peer))),
    summary.generatorCpu,
    summary.generatorShare && summary.generatorShare * 100,
  ]);
  return formatTable(header, rows);
}

function findPeer(summaries: readonly Summary[], scene: string, server: string): Summary | undefined {
  return summaries.find((summary) => summary.scene === scene && summary.server === server);
}
