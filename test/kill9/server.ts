import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { Jid } from '#src/address/jid.ts';
import { openCore } from '#src/server/core.ts';
import { readSettings } from '#src/cli/settings.ts';
import { Wire } from '#test/helpers/client-wire.ts';
import { ejabberd } from '#tools/bench/peers/ejabberd.ts';
import { mosquitto } from '#tools/bench/peers/mosquitto.ts';
import { launch, type Peer, type Place } from '#tools/bench/peers/peer.ts';
import { prosody } from '#tools/bench/peers/prosody.ts';
import type { Account } from '#tools/bench/xmpp/scram.ts';

/** A server that can be killed and started again in its place. */
export interface Victim extends Peer {
  /** Makes accounts; `running` says when it is done. */
  provision(place: Place, accounts: readonly Account[]): Promise<void>;
  readonly provisions: 'stopped' | 'running';
  /** @param slowDisk milliseconds that a write to the disk takes longer, at most; for those who know how */
  start(place: Place, slowDisk?: number): Promise<ChildProcess>;
  /** Starts it and kills it so many milliseconds later, ready or not. */
  stumble?(place: Place, milliseconds: number): Promise<void>;
}

export type Protocol = 'xmpp' | 'mqtt' | 'sip' | 'bridge';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const SLOW_DISK = join(import.meta.dirname, 'slow-disk.ts');

/** Defaults where they matter; only what would refuse this much load from one address is out of the way. */
function settingsOf({ domain, port, tlsPort }: Place, protocol: Protocol): string {
  const listeners = {
    xmpp: [`name: c2s, kind: c2s, port: ${port}, tls: optional`],
    mqtt: [`name: mqtt, kind: mqtt, port: ${port}, tls: 'off'`],
    sip: [`name: sip, kind: sip, port: ${port}, transport: udp, tls: 'off'`],
    bridge: [
      `name: c2s, kind: c2s, port: ${port}, tls: optional`,
      `name: mqtt, kind: mqtt, port: ${tlsPort}, tls: 'off'`,
      `name: sip, kind: sip, port: ${port}, transport: udp, tls: 'off'`,
    ],
  }[protocol].map((listener) => `  - {${listener}, address: 127.0.0.1}\n`);
  return `hosts: {${domain}: {}}
listeners:
${listeners.join('')}log: {level: info, format: json}
limits: {connections: {total: 10000, per_ip: 10000, per_ip_before_auth: 10000}}
access:
  max_offline: [{value: infinite, for: all}]
  shaper: [{value: none, for: all}]
shutdown: {grace: 5s}
${protocol === 'mqtt' || protocol === 'bridge' ? 'mqtt: {max_queued: 10000000, max_queued_size: 4GB}\n' : ''}`;
}

function argumentsOf({ directory }: Place): readonly string[] {
  return [MAIN, 'start', '--config', join(directory, 'trivium.yml'), '--data', join(directory, 'data')];
}

const triviumFor = (protocol: Protocol): Victim => ({
  name: 'trivium',
  provisions: 'stopped',
  available: () => existsSync(MAIN),
  configure: (place) => writeFileSync(join(place.directory, 'trivium.yml'), settingsOf(place, protocol)),
  start: (place, slowDisk = 0) => {
    const slow = slowDisk > 0 ? ['--import', SLOW_DISK] : [];
    const command = {
      command: process.execPath,
      args: [...slow, ...argumentsOf(place)],
      env: { SLOW_DISK: String(slowDisk) },
    };
    return launch(place, command, async (child) => {
      if (child.stdout === null) throw new Error('no output to read');
      const lines = createInterface({ input: child.stdout });
      for await (const line of lines) {
        if (line !== 'Trivium ready') continue;
        child.stdout.resume();
        return;
      }
      // The end of the process is told with its exit code.
      await new Promise(() => undefined);
    });
  },
  stumble: async (place, milliseconds) => {
    const child = spawn(process.execPath, argumentsOf(place), { cwd: place.directory, stdio: 'ignore' });
    await delay(milliseconds);
    await end(child, 'SIGKILL');
  },
  provision: async (place, accounts) => {
    const settings = readSettings({
      config: join(place.directory, 'trivium.yml'),
      data: join(place.directory, 'data'),
    });
    if (!('of' in settings)) throw new Error(settings.join('\n'));
    const core = await openCore(
      () => settings,
      () => undefined,
    );
    for (const { user, password } of accounts) {
      const jid = Jid.parse(`${user}@${place.domain}`);
      const made = jid === undefined ? undefined : await core.accounts.create(jid.domain, jid.local, password);
      if (made?.ok !== true) throw new Error(`the account ${user} cannot be made`);
    }
    await core.store.close();
  },
});

/** In-band registration (XEP-0077), ten accounts a connection. */
async function register({ domain, port }: Place, accounts: readonly Account[]): Promise<void> {
  for (let from = 0; from < accounts.length; from += 10) {
    const quiet = { onNode: () => undefined, onLost: () => undefined, onTrace: () => undefined };
    const wire = await Wire.open(port, domain, quiet);
    await wire.openStream();
    for (const { user, password } of accounts.slice(from, from + 10)) {
      wire.write(
        `<iq type='set' id='${user}' to='${domain}'><query xmlns='jabber:iq:register'><username>${user}</username><password>${password}</password></query></iq>`,
      );
      const answer = await wire.expect('iq');
      if (answer.attributes.get('type') !== 'result') throw new Error(`the account ${user} is refused`);
    }
    await wire.close();
  }
}

/** With all that its authors offer against losses: the state is written out after every change that counts (and only those). */
const MOSQUITTO_SETTINGS = `autosave_on_changes true
autosave_interval 1
max_inflight_messages 1000
`;

const cautiousMosquitto: Victim = {
  ...mosquitto,
  configure: (place) => {
    mosquitto.configure(place);
    appendFileSync(join(place.directory, 'mosquitto.conf'), MOSQUITTO_SETTINGS);
  },
  provisions: 'running',
  // Any name and password will do.
  provision: () => Promise.resolve(),
};

const byName = (...all: readonly Victim[]): ReadonlyMap<string, Victim> =>
  new Map(all.map((victim) => [victim.name, victim]));

/** Trivium, and the servers against which this suite was proven to find what it looks for. */
export const victims: Readonly<Record<Protocol, ReadonlyMap<string, Victim>>> = {
  xmpp: byName(
    triviumFor('xmpp'),
    { ...ejabberd, provisions: 'running', provision: register },
    { ...prosody, provisions: 'running', provision: register },
  ),
  mqtt: byName(triviumFor('mqtt'), cautiousMosquitto),
  sip: byName(triviumFor('sip')),
  bridge: byName(triviumFor('bridge')),
};

/** Sends the signal and settles when the process is gone, with its exit code (undefined: it died of a signal). */
export async function end(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<number | undefined> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? undefined;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  // A graceful stop that does not end is a failure of its own, and must not hang the suite.
  const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
  await ended;
  clearTimeout(timer);
  return child.exitCode ?? undefined;
}
