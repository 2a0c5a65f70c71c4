// The load generator's process: it is forked, takes one job at a time as a message and answers each with a result.
import { setTimeout as delay } from 'node:timers/promises';
import { serveJobs } from '#tools/bench/generator.ts';
import { Meter } from '#tools/bench/meter.ts';
import { Phase, overAll } from '#tools/bench/phase.ts';
import type { Result } from '#tools/bench/result.ts';
import { chat } from '#tools/bench/xmpp/chat.ts';
import { Client, account, enableSm, login, sendPresence } from '#tools/bench/xmpp/client.ts';
import { fanout } from '#tools/bench/xmpp/fanout.ts';
import type { ChatJob, FanoutJob, IdleJob, Job, LoginJob, RegisterJob } from '#tools/bench/xmpp/job.ts';
import { attribute } from '#tools/bench/xmpp/scan.ts';
import type { KeyCache } from '#tools/bench/xmpp/scram.ts';

const PARALLEL = 20;
const caches = new Map<string, KeyCache>();

/** Keys last as long as the server: they are kept by its address. */
function cacheOf({ host, port, tls }: Job['endpoint']): KeyCache {
  const name = `${host} ${port} ${tls}`;
  const cache: KeyCache = caches.get(name) ?? new Map();
  caches.set(name, cache);
  return cache;
}

async function register(job: RegisterJob): Promise<Result> {
  const start = performance.now();
  // In runs of ten a stream: cheap, and no server counts that as abuse with its limits off.
  const runs = Math.ceil(job.count / 10);
  await overAll(runs, 4, async (batch) => {
    const client = await Client.connect(job.endpoint);
    await client.openStream();
    for (let n = batch * 10; n < Math.min(job.count, batch * 10 + 10); n++) {
      const { user, password } = account(n);
      client.write(
        `<iq type='set' id='reg${n}' to='${job.endpoint.domain}'><query xmlns='jabber:iq:register'>` +
          `<username>${user}</username><password>${password}</password></query></iq>`,
      );
      const answer = await client.expect('iq');
      if (attribute(answer, 'type') !== 'result' && !answer.includes('<conflict')) {
        throw new Error(`registration refused: ${answer}`);
      }
    }
    await client.close();
  });
  return { operations: job.count, perSecond: (job.count * 1000) / (performance.now() - start) };
}

async function connectAll(
  job: ChatJob | IdleJob | FanoutJob,
  from: number,
  count: number,
): Promise<[Client, string][]> {
  const cache = cacheOf(job.endpoint);
  return await overAll(count, PARALLEL, async (n) => {
    const client = await Client.connect(job.endpoint);
    return [client, await login(client, account(from + n), cache, 'bench')];
  });
}

async function closeAll(clients: readonly Client[]): Promise<void> {
  await overAll(clients.length, 100, async (n) => await clients[n]?.close());
}

async function runChat(job: ChatJob): Promise<Result> {
  const online = await connectAll(job, 0, job.pairs * 2);
  const clients = online.map(([client]) => client);
  const jids = online.map(([, jid]) => jid);
  const result = await chat(job, clients, jids);
  await closeAll(clients);
  return result;
}

async function runFanout(job: FanoutJob): Promise<Result> {
  const online = await connectAll(job, 0, job.contacts + 1);
  const clients = online.map(([client]) => client);
  const result = await fanout(job, clients);
  await closeAll(clients);
  return result;
}

async function runLogin(job: LoginJob): Promise<Result> {
  const cache = cacheOf(job.endpoint);
  const phase = new Phase(job.endpoint);
  let running = true;
  let next = 0;
  const worker = async (): Promise<void> => {
    while (running) {
      const n = next++ % job.accounts;
      const start = performance.now();
      const client = await Client.connect(job.endpoint);
      await login(client, account(n), cache);
      phase.record(start, performance.now());
      await client.close();
    }
  };
  // Every account once before: the client's PBKDF2 is paid there.
  await overAll(job.accounts, PARALLEL, async (n) => {
    const client = await Client.connect(job.endpoint);
    await login(client, account(n), cache);
    await client.close();
  });
  const workers = Promise.all(Array.from({ length: job.parallel }, worker));
  const timed = async (): Promise<Result> => {
    await delay(job.warmup * 1000);
    phase.begin();
    await delay(job.seconds * 1000);
    return phase.finish();
  };
  const [result] = await Promise.all([
    timed().finally(() => {
      running = false;
    }),
    workers,
  ]);
  return result;
}

async function runIdle(job: IdleJob): Promise<Result> {
  const { pid } = job.endpoint;
  const meter = pid === undefined ? undefined : new Meter(pid);
  const clients: Client[] = [];
  const come = async (from: number, count: number): Promise<void> => {
    for (const [client] of await connectAll(job, from, count)) clients.push(client);
    await overAll(count, PARALLEL, async (n) => {
      const client = clients[from + n];
      if (client === undefined) return;
      if (job.sm) await enableSm(client);
      await sendPresence(client);
      client.listen(() => undefined);
    });
  };
  await come(0, job.base);
  const before = await meter?.settled();
  await come(job.base, job.users);
  const after = await meter?.settled();
  await closeAll(clients);
  const memory = before === undefined || after === undefined ? undefined : (after - before) / job.users;
  return { operations: job.users, memory };
}

function run(job: Job): Promise<Result> {
  switch (job.kind) {
    case 'register':
      return register(job);
    case 'chat':
      return runChat(job);
    case 'login':
      return runLogin(job);
    case 'idle':
      return runIdle(job);
    case 'fanout':
      return runFanout(job);
  }
}

serveJobs(run);
