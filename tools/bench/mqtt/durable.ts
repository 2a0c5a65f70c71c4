import { Buffer } from 'node:buffer';
import { setTimeout as delay } from 'node:timers/promises';
import { Client } from '#tools/bench/mqtt/client.ts';
import { clientId, closeAll, connectAll } from '#tools/bench/mqtt/crowd.ts';
import { Order } from '#tools/bench/mqtt/flow.ts';
import type { DurableJob } from '#tools/bench/mqtt/job.ts';
import { PublishTemplate } from '#tools/bench/mqtt/packet.ts';
import { Phase, overAll } from '#tools/bench/phase.ts';
import type { Result } from '#tools/bench/result.ts';

const PUBLISHERS = 10;
const WINDOW = 20;
const LIMIT_MS = 60_000;

/**
 * Cycles: QoS 1 messages are published to sessions that are away, each publisher with a window of unacknowledged ones; then the sessions
 * come back and take what waits. An operation is a publish acknowledged, or a message delivered; latency counts from the publish to its
 * PUBACK, or from a session's CONNECT to each of its messages.
 */
export async function durable(job: DurableJob): Promise<Result> {
  const { endpoint, measured, sessions, seconds } = job;
  const phase = new Phase(endpoint);
  await overAll(sessions, 50, async (n) => {
    const client = await Client.connect(endpoint, clientId(n), false);
    await client.subscribe([`bench/away/${n}`], 1);
    await client.close();
  });
  const publishers = await connectAll(endpoint, sessions, PUBLISHERS);
  try {
    // The first cycle warms up.
    for (let cycle = 0; cycle < 2 || phase.milliseconds < seconds * 1000; cycle++) {
      const counted = cycle === 0 ? undefined : phase;
      await inTime(measure(measured === 'store' ? counted : undefined, () => store(publishers, job, phase)));
      await inTime(measure(measured === 'deliver' ? counted : undefined, () => deliver(job, phase)));
    }
    return phase.finish();
  } finally {
    await closeAll(publishers);
    // A clean session takes the place of each.
    await closeAll(await connectAll(endpoint, 0, sessions));
  }
}

async function measure(phase: Phase | undefined, run: () => Promise<void>): Promise<void> {
  phase?.begin();
  await run();
  phase?.pause();
}

async function inTime(work: Promise<void>): Promise<void> {
  const over = new AbortController();
  const late = delay(LIMIT_MS, undefined, { signal: over.signal }).then(() => {
    throw new Error(`not all messages came within ${LIMIT_MS / 1000} s`);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    late.catch(() => undefined);
    over.abort();
  }
}

/** Each session has its publisher, so that its messages have one order. */
async function store(publishers: readonly Client[], job: DurableJob, phase: Phase): Promise<void> {
  const { sessions, messages } = job;
  await Promise.all(
    publishers.map(async (publisher, p) => {
      const own = Array.from({ length: sessions }, (_, n) => n).filter((n) => n % publishers.length === p);
      const templates = own.map((n) => new PublishTemplate(`bench/away/${n}`, 1));
      const total = own.length * messages;
      const sentAt = new Float64Array(total);
      const done = Promise.withResolvers<void>();
      let sent = 0;
      let acknowledged = 0;
      const send = (count: number): void => {
        const now = performance.now();
        const parts: Buffer[] = [];
        for (let i = 0; i < count && sent < total; i++) {
          const template = templates[sent % own.length];
          if (template === undefined) throw new Error('a publisher without a topic');
          const bytes = Buffer.allocUnsafe(template.length);
          // The packet id is the sequence plus one: the acknowledgement tells which it was.
          template.write(bytes, 0, Math.floor(sent / own.length), sent);
          sentAt[sent++] = now;
          parts.push(bytes);
        }
        if (parts.length > 0) publisher.write(Buffer.concat(parts));
      };
      let due = 0;
      publisher.onAcknowledged = (id) => {
        phase.record(sentAt[id - 1] ?? 0, performance.now());
        due++;
        if (++acknowledged === total) done.resolve();
      };
      publisher.onChunk = () => {
        send(due);
        due = 0;
      };
      if (total === 0) return;
      send(WINDOW);
      await Promise.race([done.promise, publisher.failed]);
    }),
  );
}

async function deliver(job: DurableJob, phase: Phase): Promise<void> {
  const { endpoint, sessions, messages } = job;
  await overAll(sessions, 20, async (n) => {
    const start = performance.now();
    const order = new Order();
    const done = Promise.withResolvers<void>();
    let missing = messages;
    const client = await Client.connect(endpoint, clientId(n), false, (sender, _, at) => {
      // The place of the message in the order of its session, see `store`.
      order.see(sender);
      phase.record(start, at);
      if (--missing === 0) done.resolve();
    });
    await Promise.race([done.promise, client.failed]);
    await client.close();
  });
}
