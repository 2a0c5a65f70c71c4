import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '#tools/bench/peers/peer.ts';
import { Events } from '../checks.ts';
import { ADDRESS, DOMAIN, type Server } from '../server.ts';
import { type Account, account, type Scene, type Transcript } from '../transcript.ts';

/** linphone's command-line client, as Debian packages it: it signs with SHA-256 and puts its GRUU into its calls. */
export const linphone: Transcript = {
  name: 'linphone',
  protocol: 'sip',
  missing: () =>
    spawnSync('linphonec', ['--version']).error === undefined
      ? undefined
      : 'linphonec is missing: apt-get install linphone-cli',
  play,
};

/** A linphonec without sound card, led by its standard input. */
class Linphone {
  readonly lines = new Events<string>();
  readonly #child: ChildProcess;

  static async start(server: Server, who: Account, transport: 'udp' | 'tcp' | 'tls', home: string): Promise<Linphone> {
    // It keeps its databases where the XDG rules say, and makes no directory for them.
    mkdirSync(join(home, '.local/share/linphone'), { recursive: true });
    const settings = join(home, 'linphonerc');
    writeFileSync(settings, await settingsOf(server, who, transport));
    return new Linphone(spawn('linphonec', ['-c', settings], { cwd: home, env: { ...process.env, HOME: home } }));
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    const { stderr, stdout } = child;
    if (stdout === null || stderr === null) throw new Error('linphonec has no output');
    createInterface({ input: stdout }).on('line', (line) => this.lines.push(line));
    stderr.resume();
    const killed = (): void => void child.kill('SIGKILL');
    process.once('exit', killed);
    child.once('exit', () => process.off('exit', killed));
    this.say('soundcard use files');
  }

  say(command: string): void {
    this.#child.stdin?.write(`${command}\n`);
  }

  async tells(pattern: RegExp): Promise<string> {
    return await this.lines.take(String(pattern), (line) => pattern.test(line));
  }

  /** It tells only who asks. */
  async registered(): Promise<void> {
    for (let tries = 0; tries < 50; tries++) {
      this.say('status register');
      if (/identity=/.test(await this.tells(/registered(,|=)/))) return;
      await delay(200);
    }
    throw new Error('it did not register');
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.say('quit');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
  }
}

async function settingsOf(
  { certificate, ports }: Server,
  { jid, password, user }: Account,
  transport: string,
): Promise<string> {
  const own = await freePort();
  const rtp = await freePort();
  const uri = `sip:${ADDRESS}:${transport === 'tls' ? ports.sips : ports.sip};transport=${transport}`;
  const listens = (name: string): number => (name === transport ? own : 0);
  return `[sip]
default_proxy=0
sip_port=${listens('udp')}
sip_tcp_port=${listens('tcp')}
sip_tls_port=${listens('tls')}
bind_address=${ADDRESS}
use_ipv6=0
guess_hostname=0
root_ca=${certificate}
verify_server_certs=1
verify_server_cn=0
[rtp]
audio_rtp_port=${rtp}
[video]
capture=0
display=0
automatically_initiate=0
automatically_accept=0
[proxy_0]
reg_proxy=${uri}
reg_route=<${uri};lr>
reg_identity=sip:${jid}
reg_expires=600
reg_sendregister=1
publish=0
[auth_info_0]
username=${user}
passwd=${password}
realm=${DOMAIN}
domain=${DOMAIN}
`;
}

const ways = [
  ['udp', 'udp'],
  ['tcp', 'tls'],
] as const;

async function play({ checks, directory, server }: Scene): Promise<void> {
  const person = (name: string): Account => ({ ...account('linphone', name), password: `secret-of-${name}` });
  const juliet = person('juliet');
  const romeo = person('romeo');
  for (const { password, user } of [juliet, romeo]) await server.register(user, password);
  for (const [from, to] of ways) {
    const label = `${from} to ${to}`;
    const step = async (what: string, run: () => Promise<unknown>): Promise<void> =>
      void (await checks.step(`${label}: ${what}`, run));
    const caller = await Linphone.start(server, juliet, from, join(directory, `caller-${from}`));
    const callee = await Linphone.start(server, romeo, to, join(directory, `callee-${to}`));
    try {
      await step('both register', async () => {
        for (const phone of [caller, callee]) await phone.registered();
      });
      await step('a call is answered, and media streams stand', async () => {
        caller.say(`call sip:${romeo.jid}`);
        await callee.tells(/Receiving new incoming call/);
        await caller.tells(/ringing/);
        callee.say('answer');
        await Promise.all([caller.tells(/Media streams established/), callee.tells(/Media streams established/)]);
      });
      await step('the callee hangs up, and the caller sees it', async () => {
        callee.say('terminate');
        await caller.tells(/Call \d+ with .* ended/);
      });
      await step('a message arrives', async () => {
        caller.say(`chat sip:${romeo.jid} hello from ${from}`);
        assert.match(await callee.tells(/Message received/), new RegExp(`juliet.*hello from ${from}`));
      });
    } finally {
      await Promise.all([caller.stop(), callee.stop()]);
    }
  }
}
