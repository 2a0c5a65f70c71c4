import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { accepting, freePort } from '#tools/bench/peers/peer.ts';
import { Events } from '../checks.ts';
import { ADDRESS, type Server } from '../server.ts';
import type { Account } from '../transcript.ts';
import { writeTone } from './tone.ts';

export type PhoneTransport = 'udp' | 'tcp' | 'tls';

export interface PhoneOptions {
  readonly server: Server;
  readonly account: Account;
  /** Empty, and its own. */
  readonly directory: string;
  readonly transport: PhoneTransport;
  /** Takes calls by itself. */
  readonly answers: boolean;
}

/** What baresip tells of itself over `ctrl_tcp`. */
export interface PhoneEvent {
  /** `REGISTER_OK`, `CALL_ESTABLISHED`, … */
  readonly type: string;
  readonly param: string;
  readonly peeruri: string;
}

const MODULES = '/usr/lib/baresip/modules';
/** Seconds that a registration is asked for. */
const EXPIRES = 60;

/** A baresip without sound card and terminal: it plays a tone from a file, records what it hears, and is led over a socket. */
export class Phone {
  readonly events = new Events<PhoneEvent>(({ type, param }) => `${type} ${param}`);
  readonly #answers = new Events<{ readonly token: string; readonly data: string }>(({ token }) => token);
  readonly #child: ChildProcess;
  readonly #control: Socket;
  readonly #directory: string;
  #buffered = '';
  #serial = 0;

  static async start(options: PhoneOptions): Promise<Phone> {
    const { directory } = options;
    mkdirSync(directory, { recursive: true });
    const control = await freePort();
    configure(options, control, await freePort());
    const log = openSync(join(directory, 'log.txt'), 'w');
    const child = spawn('baresip', ['-f', directory], { stdio: ['ignore', log, log] });
    const killed = (): void => void child.kill('SIGKILL');
    process.once('exit', killed);
    child.once('exit', () => process.off('exit', killed));
    await accepting(control);
    const socket = createConnection(control, ADDRESS);
    await once(socket, 'connect');
    return new Phone(child, socket, directory);
  }

  private constructor(child: ChildProcess, control: Socket, directory: string) {
    this.#child = child;
    this.#control = control;
    this.#directory = directory;
    control.setEncoding('latin1').on('data', (text: string) => this.#read(text));
    control.on('error', () => undefined);
  }

  /** Does a command of the menu and returns what it prints. */
  async command(command: string, params = ''): Promise<string> {
    this.#serial += 1;
    const token = String(this.#serial);
    const request = Buffer.from(JSON.stringify({ command, params, token }));
    this.#control.write(`${request.length}:${request.toString('latin1')},`, 'latin1');
    const { data } = await this.#answers.take(`the answer to ${command}`, (answer) => answer.token === token);
    return data;
  }

  /** Waits for an event of this type. */
  async told(type: string, matches: (event: PhoneEvent) => boolean = () => true): Promise<PhoneEvent> {
    return await this.events.take(type, (event) => event.type === type && matches(event));
  }

  /** Waits until it is registered: it begins before it can be asked, so its log tells. */
  async registered(): Promise<void> {
    for (let tries = 0; !/200 OK \(\) \[\d+ binding/.test(this.log()); tries++) {
      if (tries === 100) throw new Error(`it did not register\n${this.log()}`);
      await delay(100);
    }
  }

  /** Waits until it has received so many seconds more of sound. */
  async hears(seconds: number): Promise<void> {
    const before = await this.#heard();
    for (let tries = 0; (await this.#heard()) < before + seconds; tries++) {
      if (tries === 100) throw new Error(`it heard nothing in ten seconds\n${await this.command('audio_debug')}`);
      await delay(100);
    }
  }

  log(): string {
    return readFileSync(join(this.#directory, 'log.txt'), 'utf8').slice(-2000);
  }

  /** Goes without a word, as a phone that loses its power. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends as its user ends it: it unregisters. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Seconds of sound received in the call. */
  async #heard(): Promise<number> {
    const told = await this.command('audio_debug');
    return Number(/rx:[^]*?time = ([0-9.]+) sec/.exec(told)?.[1] ?? 0);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#control.destroy();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill(signal);
    await ended;
  }

  /** Netstrings of JSON: `<length>:<text>,`. */
  #read(text: string): void {
    this.#buffered += text;
    for (;;) {
      const colon = this.#buffered.indexOf(':');
      const length = Number(this.#buffered.slice(0, Math.max(colon, 0)));
      if (colon < 0 || this.#buffered.length < colon + length + 2) return;
      const json = Buffer.from(this.#buffered.slice(colon + 1, colon + 1 + length), 'latin1').toString();
      this.#buffered = this.#buffered.slice(colon + length + 2);
      const told = JSON.parse(json) as PhoneEvent & { token?: string; data?: string };
      if (told.token === undefined) this.events.push(told);
      else this.#answers.push({ token: told.token, data: told.data ?? '' });
    }
  }
}

function configure(
  { account, answers, directory, server, transport }: PhoneOptions,
  control: number,
  sip: number,
): void {
  const tone = join(directory, 'tone.wav');
  writeTone(tone);
  const modules = ['stdio', 'g711', 'aufile', 'uuid', 'auloop', 'menu', 'ctrl_tcp', 'contact'];
  const kind = (name: string): string =>
    ['auloop', 'menu', 'ctrl_tcp', 'contact'].includes(name) ? 'module_app' : 'module';
  const lines = [
    `module_path ${MODULES}`,
    ...modules.map((name) => `${kind(name)} ${name}.so`),
    'module_tmp account.so',
    `sip_listen ${ADDRESS}:${sip}`,
    `sip_cafile ${server.certificate}`,
    `ctrl_tcp_listen ${ADDRESS}:${control}`,
    `net_interface ${ADDRESS}`,
    `audio_source aufile,${tone}`,
    `audio_player aufile,${join(directory, 'heard.wav')}`,
    `audio_alert aufile,${join(directory, 'alert.wav')}`,
  ];
  writeFileSync(join(directory, 'config'), `${lines.join('\n')}\n`);
  const port = transport === 'tls' ? server.ports.sips : server.ports.sip;
  const parameters = [
    `outbound="sip:${ADDRESS}:${port};transport=${transport}"`,
    `auth_user=${account.user}`,
    `auth_pass=${account.password}`,
    `regint=${EXPIRES}`,
    `answermode=${answers ? 'auto' : 'manual'}`,
  ];
  writeFileSync(join(directory, 'accounts'), `<sip:${account.jid};transport=${transport}>;${parameters.join(';')}\n`);
  writeFileSync(join(directory, 'contacts'), '');
}
