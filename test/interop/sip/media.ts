import assert from 'node:assert/strict';
import { join } from 'node:path';
import { RELAYED_DOMAIN } from '../server.ts';
import type { Account, Scene, Transcript } from '../transcript.ts';
import { baresip } from './baresip.ts';
import { Phone, type PhoneTransport } from './baresip-phone.ts';

/** Phones of baresip on a host that relays all media: they hear each other through the server, and only through it. */
export const media: Transcript = { name: 'media', protocol: 'sip', missing: () => baresip.missing(), play };

/** Seconds. */
const SOME_SOUND = 0.5;

const person = (name: string): Account => ({
  user: name,
  jid: `${name}@${RELAYED_DOMAIN}`,
  password: `secret-of-${name}`,
});

async function play({ checks, directory, server }: Scene): Promise<void> {
  const [juliet, romeo] = [person('juliet'), person('romeo')];
  for (const { user, password } of [juliet, romeo]) await server.register(user, password, RELAYED_DOMAIN);
  const start = async (account: Account, transport: PhoneTransport): Promise<Phone> => {
    const phone = await Phone.start({
      server,
      account,
      directory: join(directory, `${account.user}-${transport}`),
      transport,
      answers: false,
    });
    await checks.need(`${account.user}: registers`, () => phone.registered());
    return phone;
  };
  const caller = await start(juliet, 'udp');
  const callee = await start(romeo, 'tcp');
  try {
    await checks.step('a call carries sound both ways through the relay', async () => {
      await caller.command('dial', `sip:${romeo.jid}`);
      await callee.told('CALL_INCOMING');
      await callee.command('accept');
      await Promise.all([caller.told('CALL_ESTABLISHED'), callee.told('CALL_ESTABLISHED')]);
      await Promise.all([caller.told('CALL_RTPESTAB'), callee.told('CALL_RTPESTAB')]);
      await Promise.all([caller.hears(SOME_SOUND), callee.hears(SOME_SOUND)]);
      const [one, other] = [portsOf(await caller.command('audio_debug')), portsOf(await callee.command('audio_debug'))];
      assert.ok(one.remote !== other.local && other.remote !== one.local, 'the phones send to each other');
    });
    await checks.step('and again after hold and resume (re-INVITE)', async () => {
      for (const what of ['hold', 'resume']) {
        const offered = callee.told('CALL_REMOTE_SDP', ({ param }) => param === 'offer');
        await caller.command(what);
        await offered;
      }
      await Promise.all([caller.hears(SOME_SOUND), callee.hears(SOME_SOUND)]);
    });
    await checks.step('it ends', async () => {
      await caller.command('hangup');
      await callee.told('CALL_CLOSED');
    });
  } finally {
    await caller.stop();
    await callee.stop();
  }
}

/** Where it receives sound, and where it sends it to: `local: 0.0.0.0:31352, remote: 127.0.0.1:31820/…`. */
function portsOf(told: string): { readonly local: number; readonly remote: number } {
  const [, local, remote] = /local: [0-9.]+:(\d+), remote: [0-9.]+:(\d+)/.exec(told) ?? [];
  assert.ok(local !== undefined && remote !== undefined, told);
  return { local: Number(local), remote: Number(remote) };
}
