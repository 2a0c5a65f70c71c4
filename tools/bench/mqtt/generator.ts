// The load generator's process: it is forked, takes one job at a time as a message and answers each with a result.
import { serveJobs } from '#tools/bench/generator.ts';
import { durable } from '#tools/bench/mqtt/durable.ts';
import { idle } from '#tools/bench/mqtt/idle.ts';
import type { Job } from '#tools/bench/mqtt/job.ts';
import { fanin, fanout, pairs, subscriptions } from '#tools/bench/mqtt/loops.ts';
import type { Result } from '#tools/bench/result.ts';

function run(job: Job): Promise<Result> {
  switch (job.kind) {
    case 'pairs':
      return pairs(job);
    case 'fanout':
      return fanout(job);
    case 'fanin':
      return fanin(job);
    case 'subscriptions':
      return subscriptions(job);
    case 'durable':
      return durable(job);
    case 'idle':
      return idle(job);
  }
}

serveJobs(run);
