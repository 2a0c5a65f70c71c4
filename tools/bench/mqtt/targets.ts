import { type Summary, ratio } from '#tools/bench/report.ts';

/** A figure that the broker has promised; `found` is undefined when this run does not tell. */
export interface Target {
  readonly text: string;
  readonly found: number | undefined;
  readonly holds: boolean;
}

const KILOBYTE = 1024;

/** The promises of the broker `name` against `other`, by the summaries of one run. */
export function targets(summaries: readonly Summary[], name: string, other: string): readonly Target[] {
  const find = (server: string, scene: RegExp): Summary | undefined =>
    summaries.find((summary) => summary.server === server && scene.test(summary.scene));
  const atLeast = (least: number, what: string, scene: RegExp): Target => {
    const own = find(name, scene);
    const found = own && ratio(own, find(other, scene));
    return { text: `${what}: ${least} times ${other} or more`, found, holds: found !== undefined && found >= least };
  };
  const atMost = (most: number, text: string, found: number | undefined): Target => ({
    text,
    found,
    holds: found !== undefined && found <= most,
  });
  const idle = find(name, /^idle$/)?.memory;
  const [few, many] = [find(name, /^filters 1000$/)?.cpu, find(name, /^filters 100000$/)?.cpu];
  return [
    atLeast(2, 'pairs, QoS 0, window 10', /^pairs \d+ q0 w=10$/),
    atLeast(2, 'pairs, QoS 1, window 10', /^pairs \d+ q1 w=10$/),
    atLeast(0.85, 'pairs, QoS 0, window 1', /^pairs \d+ q0 w=1$/),
    atLeast(0.85, 'pairs, QoS 1, window 1', /^pairs \d+ q1 w=1$/),
    atLeast(5, 'fan-out, QoS 0, window 5', /^fan-out .* q0 w=5$/),
    atLeast(0.85, 'fan-out, QoS 0, window 1', /^fan-out .* q0 w=1$/),
    atMost(6, 'KB of an idle client: 6 or less', idle && idle / KILOBYTE),
    atMost(3, '100,000 filters against 1,000: 3 times or less', few && many && many / few),
  ];
}
