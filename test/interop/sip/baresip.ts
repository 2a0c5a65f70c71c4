import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Checks } from '../checks.ts';
import type { Server } from '../server.ts';
import { type Account, account, type Scene, type Transcript } from '../transcript.ts';
import { Phone, type PhoneTransport } from './baresip-phone.ts';

/** Phones of baresip, as Debian packages it: they register, call each other through the server, hear each other, and hang up. */
export const baresip: Transcript = {
  name: 'baresip',
  protocol: 'sip',
  missing: () =>
    spawnSync('baresip', ['-h']).error === undefined ? undefined : 'baresip is missing: apt-get install baresip',
  play,
};

/** Seconds. */
const SOME_SOUND = 0.5;

async function play({ checks, directory, server }: Scene): Promise<void> {
  const juliet = person('juliet');
  const romeo = person('romeo');
  for (const { user, password } of [juliet, romeo]) await server.register(user, password);
  for (const [from, to] of ways) {
    const label = `${from} to ${to}`;
    const caller = await phone(checks, server, directory, juliet, from, `caller-${label}`);
    const callee = await phone(checks, server, directory, romeo, to, `callee-${label}`);
    try {
      await talk(checks, label, caller, callee, romeo);
    } finally {
      await caller.stop();
      await callee.stop();
    }
  }
  await forking(checks, server, directory, juliet, romeo);
}

const ways: readonly (readonly [PhoneTransport, PhoneTransport])[] = [
  ['udp', 'udp'],
  ['tcp', 'udp'],
  ['tls', 'tcp'],
  ['udp', 'tls'],
];

/** baresip reads its accounts from a line of parameters, so the password is a plain word. */
function person(name: string): Account {
  return { ...account('baresip', name), password: `secret-of-${name}` };
}

async function phone(
  checks: Checks,
  server: Server,
  directory: string,
  who: Account,
  transport: PhoneTransport,
  name: string,
  answers = false,
): Promise<Phone> {
  const started = await Phone.start({
    server,
    account: who,
    directory: join(directory, name.replaceAll(' ', '-')),
    transport,
    answers,
  });
  try {
    await checks.need(`${name}: registers with digest`, () => started.registered());
    return started;
  } catch (error) {
    await started.kill();
    throw error;
  }
}

async function talk(checks: Checks, label: string, caller: Phone, callee: Phone, to: Account): Promise<void> {
  const step = async (what: string, run: () => Promise<unknown>): Promise<void> =>
    void (await checks.step(`${label}: ${what}`, run));
  await step('a call rings, is answered, and carries sound both ways', async () => {
    await caller.command('dial', `sip:${to.jid}`);
    await callee.told('CALL_INCOMING');
    await caller.told('CALL_RINGING');
    await callee.command('accept');
    await Promise.all([caller.told('CALL_ESTABLISHED'), callee.told('CALL_ESTABLISHED')]);
    await Promise.all([caller.told('CALL_RTPESTAB'), callee.told('CALL_RTPESTAB')]);
    await Promise.all([caller.hears(SOME_SOUND), callee.hears(SOME_SOUND)]);
  });
  await step('hold and resume (re-INVITE) reach the other phone', async () => {
    const offered = callee.told('CALL_REMOTE_SDP', ({ param }) => param === 'offer');
    await caller.command('hold');
    await offered;
    const again = callee.told('CALL_REMOTE_SDP', ({ param }) => param === 'offer');
    await caller.command('resume');
    await again;
  });
  await step('a digit arrives', async () => {
    await caller.command('sndcode', '5');
    assert.equal((await callee.told('CALL_DTMF_START')).param, '5');
  });
  await step('the callee hangs up', async () => {
    await callee.command('hangup');
    await Promise.all([caller.told('CALL_CLOSED'), callee.told('CALL_CLOSED')]);
  });
  await step('a call is given up while it rings (CANCEL)', async () => {
    callee.events.forget();
    await caller.command('dial', `sip:${to.jid}`);
    await callee.told('CALL_INCOMING');
    await caller.told('CALL_RINGING');
    await caller.command('hangup');
    await Promise.all([caller.told('CALL_CLOSED'), callee.told('CALL_CLOSED')]);
  });
  await step('a call is refused (486), and the caller is told', async () => {
    callee.events.forget();
    await caller.command('dial', `sip:${to.jid}`);
    await callee.told('CALL_INCOMING');
    await callee.command('hangup');
    assert.match((await caller.told('CALL_CLOSED')).param, /486/);
  });
  await step('somebody who is not there (404)', async () => {
    await caller.command('dial', `sip:nobody-${to.jid}`);
    assert.match((await caller.told('CALL_CLOSED')).param, /404/);
  });
}

/** Two phones of one account ring; the one that answers has the call, the other stops ringing. */
async function forking(
  checks: Checks,
  server: Server,
  directory: string,
  juliet: Account,
  romeo: Account,
): Promise<void> {
  const caller = await phone(checks, server, directory, juliet, 'udp', 'fork-caller');
  const desk = await phone(checks, server, directory, romeo, 'udp', 'fork-desk');
  const pocket = await phone(checks, server, directory, romeo, 'tcp', 'fork-pocket');
  try {
    await checks.step('two phones ring, one answers, the other stops', async () => {
      await caller.command('dial', `sip:${romeo.jid}`);
      await Promise.all([desk.told('CALL_INCOMING'), pocket.told('CALL_INCOMING')]);
      await pocket.command('accept');
      await Promise.all([caller.told('CALL_ESTABLISHED'), pocket.told('CALL_ESTABLISHED'), desk.told('CALL_CLOSED')]);
      await pocket.hears(SOME_SOUND);
      await caller.command('hangup');
      await pocket.told('CALL_CLOSED');
    });
    await checks.step('a phone that unregistered is not called any more', async () => {
      await pocket.stop();
      desk.events.forget();
      await caller.command('dial', `sip:${romeo.jid}`);
      await desk.told('CALL_INCOMING');
      await desk.command('accept');
      await caller.told('CALL_ESTABLISHED');
      await caller.command('hangup');
      await desk.told('CALL_CLOSED');
    });
  } finally {
    await Promise.all([caller.stop(), desk.stop(), pocket.stop()]);
  }
}
