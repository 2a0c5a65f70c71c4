/**
 * Those who mean the broker ill, all at once, against a server process of its own: it is judged by its wire and its metrics.
 * MQTT_STRANGERS=5000 says how many connections never say who they are.
 */
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { generate } from 'mqtt-packet';
import { connectPacket, MqttTestClient } from '#test/helpers/mqtt.ts';
import { launch, stop } from '#tools/bench/peers/peer.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const MB = 1024 * 1024;
const STRANGERS = Number(process.env['MQTT_STRANGERS'] ?? 500);
/** Strangers beyond what one address may have. */
const TOO_MANY = 50;
const FLOOD = 256 * MB;
const PAYLOAD = 16 * 1024;
/** What the flood, the frozen queue (6 MB at most) and the strangers (some KB each) may add to the process; far below the flood. */
const GROWTH = 128 * MB + STRANGERS * 16 * 1024;
/** Strangers come from elsewhere: what one address may have is its own. */
const ELSEWHERE = '127.0.0.2';
const QUIET_ROUNDS = 300;
/** Connections that are made at once. */
const ABREAST = 50;
/** Seconds that a stranger has: all of them have come before the first goes, on a slow machine too. */
const PATIENCE = 15 + Math.ceil(STRANGERS / 200);
/** A PUBLISH, and a CONNECT, of 268,435,455 bytes: the most that a Remaining Length can say. */
const ANNOUNCED = [0xff, 0xff, 0xff, 0x7f];

const settings = (mqtt: number, http: number): string => `hosts: {localhost: {}}
listeners:
  - {name: mqtt, kind: mqtt, address: 127.0.0.1, port: ${mqtt}, tls: 'off'}
  - {name: watch, kind: http, address: 127.0.0.1, port: ${http}, tls: 'off', handlers: {/metrics: metrics}}
mqtt: {anonymous: [mqtt]}
log: {level: warn}
limits:
  auth_timeout: ${PATIENCE}s
  connections: {total: 20000, per_ip: 20000, per_ip_before_auth: ${STRANGERS}}
`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

class Target implements AsyncDisposable {
  readonly directory: string;
  readonly #child: ChildProcess;
  readonly #port: number;
  readonly #http: number;

  private constructor(directory: string, child: ChildProcess, port: number, http: number) {
    this.directory = directory;
    this.#child = child;
    this.#port = port;
    this.#http = http;
  }

  static async start(): Promise<Target> {
    const directory = mkdtempSync(join(tmpdir(), 'trivium-hostile-'));
    const [port, http] = [await freePort(), await freePort()];
    const config = join(directory, 'trivium.yml');
    writeFileSync(config, settings(port, http));
    const args = [MAIN, 'start', '--config', config, '--data', join(directory, 'data')];
    const place = { directory, domain: 'localhost', port, tlsPort: http, key: '', certificate: '', pem: '' };
    const child = await launch(place, { command: process.execPath, args }, async ({ stdout }) => {
      if (stdout === null) throw new Error('no output to read');
      for await (const line of createInterface({ input: stdout })) {
        if (line === 'Trivium ready') return void stdout.resume();
      }
      // The end of the process is told with its exit code.
      await new Promise(() => undefined);
    });
    return new Target(directory, child, port, http);
  }

  dial(localAddress = '127.0.0.1'): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const at = { host: '127.0.0.1', port: this.#port, localAddress, noDelay: true };
      const socket = connect(at, () => resolve(socket));
      socket.once('error', reject);
    });
  }

  async connect(clientId: string): Promise<readonly [MqttTestClient, Socket]> {
    const socket = await this.dial();
    const client = new MqttTestClient(socket, 5);
    client.send(connectPacket({ clientId }));
    await client.expect('connack');
    return [client, socket];
  }

  /** The value of a metric, `name` or `name{label="value"}`. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.#http}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`${name} `));
    return line === undefined ? 0 : Number(line.slice(name.length + 1));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stop(this.#child);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Publishes until `FLOOD` bytes are out, as fast as the server takes them. */
async function flood(socket: Socket): Promise<void> {
  const payload = Buffer.alloc(PAYLOAD, 'x');
  const packet = generate(
    { cmd: 'publish', topic: 'flood/x', payload, qos: 0, retain: false, dup: false },
    { protocolVersion: 5 },
  );
  for (let sent = 0; sent < FLOOD; sent += PAYLOAD) {
    if (!socket.write(packet)) await new Promise((resolve) => socket.once('drain', resolve));
  }
}

/** What a connection hears until the server ends it. */
function heard(socket: Socket): Promise<Buffer> {
  return new Promise((resolve) => {
    // The server was faster: one too many is sent away at once.
    if (socket.closed) return resolve(Buffer.alloc(0));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => undefined);
    socket.once('close', () => resolve(Buffer.concat(chunks)));
  });
}

/** Sends itself a message at QoS 1 and waits for it. @returns milliseconds */
async function round(client: MqttTestClient, n: number): Promise<number> {
  const begun = performance.now();
  const messageId = (n % 1000) + 1;
  client.send({ cmd: 'publish', topic: 'honest', payload: `${n}`, qos: 1, retain: false, dup: false, messageId });
  for (let open = 2; open > 0; open--) {
    const packet = await client.next();
    if (packet.cmd === 'publish') client.send({ cmd: 'puback', messageId: packet.messageId ?? 0 });
    else if (packet.cmd !== 'puback') throw new Error(`${packet.cmd} came`);
  }
  return performance.now() - begun;
}

const p99 = (times: readonly number[]): string =>
  `${(times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0).toFixed(1)} ms`;

const ended = (reason: string): string => `trivium_mqtt_connections_ended_total{reason="${reason}"}`;
const RESIDENT = 'process_resident_memory_bytes';

test('a frozen subscriber, a flood, announced giants and silent strangers, all at once', async (t) => {
  t.timeout(180_000);
  await using server = await Target.start();
  const [honest] = await server.connect('honest');
  await honest.subscribe({ topic: 'honest', qos: 1 });
  const [frozen, frozenSocket] = await server.connect('frozen');
  await frozen.subscribe({ topic: 'flood/#', qos: 1 });
  const [flooder, flooderSocket] = await server.connect('flooder');
  const [giant, giantSocket] = await server.connect('giant');
  const unknown = await server.dial();
  const quiet: number[] = [];
  for (let n = 0; n < QUIET_ROUNDS; n++) quiet.push(await round(honest, n));
  const before = await server.metric(RESIDENT);

  frozen.freeze();
  const flooding = flood(flooderSocket).then(() => flooder.ping());
  // MQTT 5 section 3.14.2.1: 0x95 as soon as the size is known; before CONNECT nothing is said.
  const sentAway = heard(unknown);
  unknown.write(Buffer.from([0x10, ...ANNOUNCED]));
  giantSocket.write(Buffer.from([0x30, ...ANNOUNCED]));
  const strangers: Promise<Buffer>[] = [];
  const silent: Socket[] = [];
  for (let n = 0; n < STRANGERS + TOO_MANY; n += ABREAST) {
    const some = Array.from({ length: ABREAST }, () => server.dial(ELSEWHERE));
    for (const socket of await Promise.all(some)) {
      silent.push(socket);
      strangers.push(heard(socket));
    }
  }

  const busy: number[] = [];
  let most = 0;
  const state = { flooding: true };
  void flooding.finally(() => (state.flooding = false)).catch(() => undefined);
  for (let n = 0; state.flooding || n < QUIET_ROUNDS; n++) {
    busy.push(await round(honest, n));
    if (n % 50 === 0) most = Math.max(most, await server.metric(RESIDENT));
  }
  await flooding;
  most = Math.max(most, await server.metric(RESIDENT));
  t.log(
    `p99 of ${busy.length} rounds ${p99(busy)}, quiet ${p99(quiet)}; ${Math.round((most - before) / MB)} MB more at most`,
  );
  t.true(most - before < GROWTH, `${most - before} bytes more`);

  t.is(await giant.ended(), 0x95);
  t.is((await sentAway).length, 0);
  t.is(await server.metric(ended('packetTooLarge')), 2);
  t.true((await server.metric('trivium_mqtt_messages_dropped_total{reason="slow"}')) > 0);
  t.true((await server.metric('trivium_mqtt_held_back_total')) > 0);
  // Its bytes are read into buffers that are used again: a flood gives the collector nothing to do.
  t.is(await server.metric('trivium_mqtt_flooding_clients'), 1);
  t.is(await server.metric('trivium_connections_refused_total{reason="limit"}'), TOO_MANY);

  // Who does not log in is let go in time, unheard.
  t.true((await Promise.all(strangers)).every((bytes) => bytes.length === 0));
  t.is(await server.metric(ended('keepAliveTimeout')), STRANGERS);

  // Whoever froze gets what was kept, in order, when it reads again.
  frozenSocket.resume();
  await frozen.ping();
  t.true(frozen.received.length > 0 && frozen.received.length < FLOOD / PAYLOAD);
  await round(honest, 0);
  for (const socket of [...silent, frozenSocket, flooderSocket]) socket.destroy();
});
