import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { makeCertificate } from '#tools/bench/peers/certificate.ts';
import { accepting, freePort } from '#tools/bench/peers/peer.ts';
import { root } from '#tools/source.ts';

/** The hosts that the server under test serves; accounts live on the first, which lets clients register. */
export const DOMAIN = 'localhost';
export const OTHER_DOMAIN = 'capulet.example';
/** A host whose calls all have their media relayed. */
export const RELAYED_DOMAIN = 'relayed.example';
export const ADDRESS = '127.0.0.1';
/** An account that may not use the proxy for bytestreams. */
export const STRANGER = 'stranger-proxy65';
/** An account that may have one call at a time. */
export const SINGLE = 'rosaline-sipp';

/** What time-limited credentials of the relay are made of. */
export const TURN_SECRET = 'north';

export type Protocol = 'xmpp' | 'mqtt' | 'sip' | 'turn';

export interface Ports {
  /** MQTT, plain and over TLS. */
  readonly mqtt: number;
  readonly mqtts: number;
  /** Plain with STARTTLS. */
  readonly c2s: number;
  /** TLS from the first byte. */
  readonly tls: number;
  /** SIP over UDP and TCP, and over TLS. */
  readonly sip: number;
  readonly sips: number;
  /** WebSocket, plain and over TLS; the path is `/ws` for XMPP, `/mqtt` for MQTT and `/sip` for SIP. */
  readonly ws: number;
  readonly wss: number;
  /** SOCKS5 bytestreams; the proxy is `proxy.DOMAIN`. */
  readonly proxy65: number;
  /** STUN and TURN over UDP and TCP, on ::1 too; and over TLS. */
  readonly turn: number;
  readonly turns: number;
}

/** A running server with its own data in a directory. */
export interface Server {
  readonly name: string;
  readonly speaks: readonly Protocol[];
  readonly ports: Ports;
  /** Of its process. */
  readonly pid: number;
  /** The certificate of DOMAIN, in a PEM file that a client can be told to trust. */
  readonly certificate: string;
  /** @param domain DOMAIN when absent; others on Trivium only */
  register(user: string, password: string, domain?: string): Promise<void>;
  alive(): boolean;
  /** What it printed last. */
  output(): string;
  stop(): Promise<void>;
}

export type ServerName = keyof typeof starters;

/** Starts a server in an empty directory. @throws Error with its last words when it does not start */
export async function startServer(name: ServerName, directory: string): Promise<Server> {
  const ports = {
    mqtt: await freePort(),
    mqtts: await freePort(),
    c2s: await freePort(),
    tls: await freePort(),
    sip: await freePort(),
    sips: await freePort(),
    ws: await freePort(),
    wss: await freePort(),
    proxy65: await freePort(),
    turn: await freePort(),
    turns: await freePort(),
  };
  return await starters[name](directory, ports);
}

const starters = { trivium, prosody, mosquitto };
const execute = promisify(execFile);
const START_LIMIT = 60_000;
const STOP_LIMIT = 15_000;
const LAST_WORDS = 3000;

function triviumSettings(ports: Ports): string {
  const handlers = '{/ws: websocket, /mqtt: mqtt, /sip: sip}';
  return `hosts:
  ${DOMAIN}:
    registration: {enabled: true, interval: 0s}
  ${OTHER_DOMAIN}: {}
  ${RELAYED_DOMAIN}: {sip: {media_relay: always}}
listeners:
  - {name: c2s, kind: c2s, address: ${ADDRESS}, port: ${ports.c2s}, tls: required}
  - {name: c2s-tls, kind: c2s, address: ${ADDRESS}, port: ${ports.tls}, tls: direct}
  - {name: http, kind: http, address: ${ADDRESS}, port: ${ports.ws}, tls: off, handlers: ${handlers}}
  - {name: https, kind: http, address: ${ADDRESS}, port: ${ports.wss}, tls: direct, handlers: ${handlers}}
  - {name: mqtt, kind: mqtt, address: ${ADDRESS}, port: ${ports.mqtt}, tls: off}
  - {name: mqtts, kind: mqtt, address: ${ADDRESS}, port: ${ports.mqtts}, tls: direct}
  - {name: sip, kind: sip, transport: udp, address: ${ADDRESS}, port: ${ports.sip}, tls: off}
  - {name: sip-tcp, kind: sip, address: ${ADDRESS}, port: ${ports.sip}, tls: off}
  - {name: sips, kind: sip, address: ${ADDRESS}, port: ${ports.sips}, tls: direct}
  - {name: proxy65, kind: proxy65, address: ${ADDRESS}, port: ${ports.proxy65}, tls: off}
  - {name: turn-udp, kind: turn, transport: udp, address: ${ADDRESS}, port: ${ports.turn}, tls: off}
  - {name: turn-udp6, kind: turn, transport: udp, address: "::1", port: ${ports.turn}, tls: off}
  - {name: turn, kind: turn, address: ${ADDRESS}, port: ${ports.turn}, tls: off}
  - {name: turns, kind: turn, address: ${ADDRESS}, port: ${ports.turns}, tls: direct}
  - {name: admin, kind: admin, path: admin.sock, mode: "0600", tls: off}
acl: {strangers: [{user: ${STRANGER}}], single: [{user: ${SINGLE}}]}
access:
  bytestreams: [{deny: strangers}, {allow: local}]
  max_calls: [{value: 1, for: single}, {value: 1000, for: local}]
proxy65: {activation_timeout: 5s}
turn:
  {relay_address: [${ADDRESS}, "::1"], allow_peers: [127.0.0.0/8, "::1/128"], secret: ${TURN_SECRET}, unauthorized_rate: 10000}
`;
}

/** The server of this tree, started as an operator starts it. */
async function trivium(directory: string, ports: Ports): Promise<Server> {
  const data = join(directory, 'data');
  const config = join(directory, 'trivium.yml');
  writeFileSync(config, triviumSettings(ports));
  const main = join(root, 'src/main.ts');
  const launched = launch(directory, process.execPath, [main, 'start', '--config', config, '--data', data]);
  await launched.until((line) => line === 'Trivium ready');
  return {
    name: 'trivium',
    speaks: ['xmpp', 'mqtt', 'sip', 'turn'],
    ports,
    certificate: join(data, 'certificates', `${DOMAIN}.crt`),
    register: async (user, password, domain = DOMAIN) => {
      await execute(process.execPath, [main, 'register', user, domain, password, '--config', config, '--data', data]);
    },
    ...launched,
  };
}

/** Prosody as Debian packages it, to try a transcript against another server. */
async function prosody(directory: string, ports: Ports): Promise<Server> {
  mkdirSync(join(directory, 'data'));
  const certificate = makeCertificate(directory, DOMAIN);
  const config = join(directory, 'prosody.cfg.lua');
  const values = new Map(Object.entries({ directory, ...ports, ...certificate, domain: DOMAIN, other: OTHER_DOMAIN }));
  const template = readFileSync(join(import.meta.dirname, 'prosody.cfg.lua'), 'utf8');
  writeFileSync(
    config,
    template.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => String(values.get(name))),
  );
  const launched = launch(directory, 'prosody', ['-F', '--config', config]);
  await launched.during(accepting(ports.c2s, ports.tls, ports.ws, ports.wss));
  return {
    name: 'prosody',
    speaks: ['xmpp'],
    ports,
    certificate: certificate.certificate,
    register: async (user, password) => {
      await execute('prosodyctl', ['--config', config, 'register', user, DOMAIN, password]);
    },
    ...launched,
  };
}

/** Mosquitto as Debian packages it, to try an MQTT transcript against another broker. */
async function mosquitto(directory: string, ports: Ports): Promise<Server> {
  const { certificate, key } = makeCertificate(directory, DOMAIN);
  const passwords = join(directory, 'passwords');
  writeFileSync(passwords, '');
  const config = join(directory, 'mosquitto.conf');
  const tls = `certfile ${certificate}\nkeyfile ${key}\n`;
  writeFileSync(
    config,
    `user root\nlog_dest stderr\nallow_anonymous false\npassword_file ${passwords}\npersistence true\npersistence_location ${directory}/\n` +
      `listener ${ports.mqtt} ${ADDRESS}\nlistener ${ports.mqtts} ${ADDRESS}\n${tls}` +
      `listener ${ports.ws} ${ADDRESS}\nprotocol websockets\nlistener ${ports.wss} ${ADDRESS}\nprotocol websockets\n${tls}`,
  );
  const launched = launch(directory, 'mosquitto', ['-c', config]);
  await launched.during(accepting(ports.mqtt, ports.mqtts, ports.ws, ports.wss));
  return {
    name: 'mosquitto',
    speaks: ['mqtt'],
    ports,
    certificate,
    register: async (user, password) => {
      await execute('mosquitto_passwd', ['-b', passwords, user, password]);
      const read = launched.until((line) => line.endsWith('Reloading config.'));
      launched.signal('SIGHUP');
      await read;
    },
    ...launched,
  };
}

interface Launched extends Pick<Server, 'alive' | 'output' | 'pid' | 'stop'> {
  /** Waits for a line of output. */
  until(matches: (line: string) => boolean): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Waits for something else, as long as the process lives. */
  during(ready: Promise<unknown>): Promise<void>;
}

function launch(directory: string, command: string, args: readonly string[]): Launched {
  const log = join(directory, 'output.txt');
  writeFileSync(log, '');
  const child = spawn(command, args, { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
  const file = createWriteStream(log, { flags: 'a' });
  child.stdout.pipe(file, { end: false });
  child.stderr.pipe(file, { end: false });
  const lines = [createInterface({ input: child.stdout }), createInterface({ input: child.stderr })];
  const output = (): string => readFileSync(log, 'utf8').slice(-LAST_WORDS);
  const alive = (): boolean => child.exitCode === null && child.signalCode === null;
  // Whatever ends this program, the server does not stay behind.
  process.once('exit', () => child.kill('SIGKILL'));
  const over = Promise.withResolvers<never>();
  over.promise.catch(() => undefined);
  child.once('error', over.reject);
  child.once('exit', (code) => over.reject(new Error(`${command} ended with code ${code}\n${output()}`)));
  const during = async (ready: Promise<unknown>): Promise<void> => {
    const late = setTimeout(() => over.reject(new Error(`${command} did not start in time\n${output()}`)), START_LIMIT);
    try {
      await Promise.race([ready, over.promise]);
    } finally {
      clearTimeout(late);
    }
  };
  const until = async (matches: (line: string) => boolean): Promise<void> => {
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const one of lines) one.on('line', (line) => matches(line) && resolve());
    await during(promise);
  };
  return {
    alive,
    output,
    pid: child.pid ?? 0,
    during,
    until,
    signal: (signal) => void child.kill(signal),
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT);
  await ended;
  clearTimeout(timer);
}
