/** The clients of three protocols, each as people or devices use it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Events } from '../checks.ts';
import { ADDRESS, DOMAIN, type Server } from '../server.ts';
import type { Account } from '../transcript.ts';

// Debian installs slixmpp for its own Python only.
const PYTHON = '/usr/bin/python3';

/** What is missing on this machine, in words. */
export function missingClients(): string | undefined {
  for (const [command, of] of [
    ['mosquitto_sub', 'mosquitto-clients'],
    ['profanity', 'profanity'],
    ['sipp', 'sip-tester'],
    ['tmux', 'tmux'],
  ] as const) {
    if (spawnSync(command, ['--help']).error !== undefined) return `${command} is missing: apt-get install ${of}`;
  }
  const python = existsSync(PYTHON) && spawnSync(PYTHON, ['-I', '-c', 'import slixmpp']).status === 0;
  return python ? undefined : 'slixmpp is missing: apt-get install python3-slixmpp';
}

/** What slixmpp tells. */
export interface Seen {
  readonly event: 'blocked' | 'carbon' | 'message' | 'online' | 'pong' | 'presence' | 'receipt' | 'unblocked';
  readonly kind?: string;
  readonly sender?: string;
  readonly body?: string;
  readonly status?: string;
}

/** Somebody with slixmpp. */
export class SlixmppPerson {
  readonly events = new Events<Seen>((seen) => JSON.stringify(seen));
  readonly #child: ChildProcess;

  static async online(server: Server, account: Account, resource: string): Promise<SlixmppPerson> {
    const person = new SlixmppPerson(server, account, resource);
    await person.events.take('online', ({ event }) => event === 'online');
    return person;
  }

  private constructor({ certificate, ports }: Server, { jid, password }: Account, resource: string) {
    const child = spawn(PYTHON, ['-I', join(import.meta.dirname, 'slixmpp-person.py')], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    this.#child = child;
    const scene = { address: ADDRESS, port: ports.c2s, domain: DOMAIN, certificate, jid, password, resource };
    child.stdin.write(`${JSON.stringify(scene)}\n`);
    createInterface({ input: child.stdout }).on('line', (line) => this.events.push(JSON.parse(line) as Seen));
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
  }

  do(order: Readonly<Record<string, string>>): void {
    this.#child.stdin?.write(`${JSON.stringify(order)}\n`);
  }

  say(to: string, body: string): void {
    this.do({ do: 'say', to, body });
  }

  async told(event: Seen['event'], order: Readonly<Record<string, string>>): Promise<void> {
    this.do(order);
    await this.events.take(event, (seen) => seen.event === event);
  }

  async hear(body: string): Promise<Seen> {
    return await this.events.take(`"${body}"`, (seen) => seen.event === 'message' && seen.body?.trim() === body);
  }

  async leave(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin?.end();
    await gone;
  }
}

/** What mosquitto_sub prints: a topic and a payload. */
export interface Heard {
  readonly topic: string;
  readonly payload: string;
}

const connection = ({ ports }: Server, { password, user }: Account): readonly string[] => [
  ...['-V', 'mqttv5', '-h', ADDRESS, '-p', String(ports.mqtt), '-u', user, '-P', password],
];

/** mosquitto_sub, listening. */
export class MosquittoSub {
  readonly messages = new Events<Heard>(({ payload, topic }) => `${topic}: ${payload}`);
  readonly #lines = new Events<string>();
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  static async listen(
    server: Server,
    account: Account,
    id: string,
    topics: readonly string[],
    args: readonly string[] = [],
  ): Promise<MosquittoSub> {
    const sub = new MosquittoSub(server, account, id, topics, args);
    await sub.#lines.take('Subscribed', (line) => line.startsWith('Subscribed'));
    return sub;
  }

  private constructor(
    server: Server,
    account: Account,
    id: string,
    topics: readonly string[],
    args: readonly string[],
  ) {
    const filters = topics.flatMap((topic) => ['-t', topic]);
    const all = [
      '-oL',
      'mosquitto_sub',
      ...connection(server, account),
      '-i',
      id,
      '-q',
      '1',
      '-d',
      '-F',
      '>>%t %p',
      ...filters,
      ...args,
    ];
    const child = spawn('stdbuf', all, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('exit', resolve));
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        const [, topic, payload = ''] = /^>>(\S+) (.*)$/.exec(line) ?? [];
        if (topic === undefined) this.#lines.push(line);
        else this.messages.push({ topic, payload });
      });
    }
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
  }

  async hear(topic: string, words: string): Promise<Heard> {
    return await this.messages.take(
      `${topic}: ${words}`,
      (heard) => heard.topic === topic && heard.payload.includes(words),
    );
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#child.kill(signal);
    await this.#ended;
  }
}

/** Runs mosquitto_pub to its end. @returns what it printed */
export async function mosquittoPub(
  server: Server,
  account: Account,
  id: string,
  topic: string,
  payload: string,
  args: readonly string[] = [],
): Promise<string> {
  const child = spawn('mosquitto_pub', [
    ...connection(server, account),
    '-i',
    id,
    '-q',
    '1',
    '-d',
    '-t',
    topic,
    '-m',
    payload,
    ...args,
  ]);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  await new Promise((resolve) => child.once('close', resolve));
  return output;
}
