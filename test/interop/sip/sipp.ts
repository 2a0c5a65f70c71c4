import { spawnSync } from 'node:child_process';
import { freePort } from '#tools/bench/peers/peer.ts';
import type { Checks } from '../checks.ts';
import { DOMAIN, type Server, SINGLE } from '../server.ts';
import { type Account, account, type Scene, type Transcript } from '../transcript.ts';
import { type Role, Sipp, type SippTransport } from './sipp-process.ts';
import { tlsTunnel } from './tls-tunnel.ts';

/** Scenarios of sipp, in our own files: each message that is expected is named in them, and any other fails the check. */
export const sipp: Transcript = {
  name: 'sipp',
  protocol: 'sip',
  missing: () =>
    spawnSync('sipp', ['-v']).error === undefined ? undefined : 'sipp is missing: apt-get install sip-tester',
  play,
};

/** The part that does not change between runs. */
interface Stage {
  readonly checks: Checks;
  readonly directory: string;
  /** Where requests by a transport go. */
  readonly servers: Readonly<Record<SippTransport, number>>;
  readonly juliet: Account;
  readonly romeo: Account;
}

/** sipp reads its keywords from the command line, so the password is a plain word. */
const person = (name: string): Account => ({ ...account('sipp', name), password: `secret-of-${name}` });

async function play({ checks, directory, server }: Scene): Promise<void> {
  const juliet = person('juliet');
  const romeo = person('romeo');
  const rosaline = { ...person('rosaline'), user: SINGLE, jid: `${SINGLE}@${DOMAIN}` };
  for (const { user, password } of [juliet, romeo, rosaline]) await server.register(user, password);
  await using tunnel = await tlsTunnel(server);
  const servers = { udp: server.ports.sip, tcp: server.ports.sip, tls: tunnel.port };
  const stage: Stage = { checks, directory, servers, juliet, romeo };
  for (const transport of ['udp', 'tcp', 'tls'] as const) await registrations(stage, transport);
  for (const pair of pairs) await conversations(stage, ...pair);
  await subscriptions(stage);
  await forking(stage);
  await checks.step('one call at a time, for an account that may have no more', async () => {
    const callee = await phone(stage, 'ring', 'udp');
    await together(stage, [callee], caller({ ...stage, juliet: rosaline }, 'second-call', 'udp'));
  });
  await load(stage, server);
}

/** Caller and callee. */
const pairs: readonly (readonly [SippTransport, SippTransport])[] = [
  ['udp', 'udp'],
  ['tcp', 'udp'],
  ['udp', 'tcp'],
  ['tls', 'tcp'],
];

/** What the caller does, what the phone does, and what it is. */
const calls: readonly (readonly [caller: string, phone: string, what: string])[] = [
  ['call', 'answer', 'a call is answered, the caller hangs up'],
  ['call-hung-up', 'answer-hang-up', 'a call is answered, the callee hangs up'],
  ['cancel', 'ring', 'a call is taken back while it rings'],
  ['busy', 'busy-phone', 'the callee is busy'],
  ['no-answer', 'no-answer-phone', 'nobody answers'],
  ['reinvite', 'reinvite-phone', 're-INVITE'],
  ['update', 'update-phone', 'UPDATE'],
  ['prack', 'prack-phone', 'PRACK'],
  ['info', 'info-phone', 'INFO'],
  ['refer', 'refer-phone', 'Replaces, REFER and its NOTIFY'],
  ['session-timer', 'session-timer-phone', 'a session timer, refused, granted and refreshed'],
  ['message', 'message-answer', 'a message'],
  ['subscribe-phone', 'subscribe-phone-answer', 'SUBSCRIBE and NOTIFY between phones'],
];

async function registrations({ checks, directory, juliet, servers }: Stage, transport: SippTransport): Promise<void> {
  const one = async (scenario: string, what: string, more: Partial<Role> = {}): Promise<void> => {
    const port = await freePort();
    const role = { scenario, who: juliet, transport, port, server: servers[transport], ...more };
    await checks.step(`${transport}: ${what}`, async () => await Sipp.play(role, directory));
  };
  await one('options', 'OPTIONS tells what the server can do');
  await one('register-no-digest', 'without digest nobody registers');
  await one('register-refused', 'nor with a wrong password', { password: 'wrong' });
  await one('register', 'with digest a phone registers, and again');
  await one('unregister', 'and takes all contacts back');
}

/** A phone of Romeo registers, and plays its part on the same port. */
async function phone(
  { directory, romeo, servers }: Stage,
  scenario: string,
  transport: SippTransport,
  more: Partial<Role> = {},
): Promise<Sipp> {
  const role = { who: romeo, transport, port: await freePort(), server: servers[transport] };
  await Sipp.play({ ...role, scenario: 'register' }, directory);
  return await Sipp.start({ ...role, scenario, ...more }, directory);
}

async function forget({ directory, romeo, servers }: Stage): Promise<void> {
  const role = { who: romeo, transport: 'udp', port: await freePort(), server: servers.udp } as const;
  await Sipp.play({ ...role, scenario: 'unregister' }, directory);
}

async function caller(stage: Stage, scenario: string, transport: SippTransport, more: Partial<Role> = {}) {
  const { directory, juliet, romeo, servers } = stage;
  const role = { who: juliet, to: romeo, transport, port: await freePort(), server: servers[transport] };
  await Sipp.play({ ...role, scenario, ...more }, directory);
}

/** Both sides have to see what their scenarios say. */
async function together(stage: Stage, phones: readonly Sipp[], calling: Promise<void>): Promise<void> {
  try {
    await calling;
    for (const one of phones) await one.done();
  } finally {
    for (const one of phones) await one.stop();
    await forget(stage);
  }
}

async function conversations(stage: Stage, from: SippTransport, to: SippTransport): Promise<void> {
  for (const [scenario, answer, what] of calls) {
    await stage.checks.step(`${from} to ${to}: ${what}`, async () => {
      const callee = await phone(stage, answer, to);
      await together(stage, [callee], caller(stage, scenario, from));
    });
  }
}

async function subscriptions(stage: Stage): Promise<void> {
  const { checks, directory, romeo, servers } = stage;
  await checks.step('a message to somebody who is away is stored', async () => {
    await caller(stage, 'message-stored', 'udp');
    const callee = await phone(stage, 'message-answer', 'udp');
    await together(stage, [callee], Promise.resolve());
  });
  for (const transport of ['udp', 'tcp'] as const) {
    await checks.step(`${transport}: SUBSCRIBE to presence, NOTIFY, and its end`, async () => {
      const role = { who: romeo, to: romeo, transport, port: await freePort(), server: servers[transport] };
      await Sipp.play({ ...role, scenario: 'subscribe' }, directory);
    });
  }
}

async function forking(stage: Stage): Promise<void> {
  for (const transport of ['udp', 'tcp'] as const) {
    await stage.checks.step(`two phones ring, one by ${transport} answers, the other is told to stop`, async () => {
      const silent = await phone(stage, 'ring-elsewhere', 'udp');
      const answering = await phone(stage, 'answer', transport);
      await together(stage, [silent, answering], caller(stage, 'call-forked', 'udp'));
    });
  }
  await stage.checks.step('two phones ring, one declines for both', async () => {
    const ringing = await phone(stage, 'ring-declined', 'udp');
    const declining = await phone(stage, 'decline-phone', 'tcp');
    await together(stage, [ringing, declining], caller(stage, 'declined', 'udp'));
  });
}

/** What counts is that the caller had each of its calls: sipp takes some of what is repeated for new calls. */
async function manyCalls(stage: Stage, number: number, rate: number, lost: number): Promise<void> {
  const common = { lost, limit: 150 };
  const callee = await phone(stage, 'answer-patient', 'udp', { ...common, calls: number * 2 });
  try {
    await caller(stage, 'call-patient', 'udp', { ...common, calls: number, rate, deaf: true });
  } finally {
    await callee.stop();
    await forget(stage);
  }
}

async function load(stage: Stage, server: Server): Promise<void> {
  const { checks } = stage;
  // On each of the four ways of a call.
  await checks.step('50 calls while 10 % of all messages are lost', async () => await manyCalls(stage, 50, 10, 10));
  await checks.step('1000 calls, 50 a second, none fails', async () => await manyCalls(stage, 1000, 50, 0));
  checks.tell('the server is there', server.alive());
}
