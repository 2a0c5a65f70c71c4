import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Checks, Events, LIMIT } from '../checks.ts';
import { ADDRESS, DOMAIN, type Server } from '../server.ts';
import { type Account, account, DIFFICULT, type Scene, type Transcript } from '../transcript.ts';

/** mosquitto_pub, mosquitto_sub and mosquitto_rr of Debian, with their options that reach the server. */
export const mosquittoClients: Transcript = {
  name: 'mosquitto-clients',
  protocol: 'mqtt',
  missing: () =>
    spawnSync('mosquitto_sub', ['--help']).error === undefined
      ? undefined
      : 'mosquitto_sub is missing: apt-get install mosquitto-clients',
  play,
};

// Options that are not tried, because the server does not see them or the machine lacks what they need: --unix (no MQTT over a socket file),
// --psk and --psk-identity (TLS with certificates only), --tls-engine and --keyform engine (hardware), --proxy (a SOCKS proxy between),
// --tls-use-os-certs (the machine's roots), --random-filter, -N, -v, -F %..., --pretty and --quiet beyond what a check reads (output).

const VERSIONS = ['mqttv31', 'mqttv311', 'mqttv5'] as const;
type Version = (typeof VERSIONS)[number];
// One line a message; the payload is last, because it may hold anything but a line end.
const FORMAT = '>>%t|%q|%r|%l|%p';

interface Message {
  readonly topic: string;
  readonly qos: number;
  readonly retain: boolean;
  readonly length: number;
  readonly payload: string;
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

function messageOf(line: string): Message | undefined {
  const [, topic = '', qos, retain, length, payload = ''] = /^>>([^|]*)\|(\d)\|(\d)\|(\d+)\|(.*)$/.exec(line) ?? [];
  return qos === undefined
    ? undefined
    : { topic, qos: Number(qos), retain: retain === '1', length: Number(length), payload };
}

/** A running client: its messages, its debug lines, its end. */
class Client {
  readonly messages = new Events<Message>(({ topic, payload }) => `${topic}: ${payload}`);
  readonly lines = new Events<string>();
  readonly ended: Promise<Ended>;
  readonly child: ChildProcess;
  #output = '';

  constructor(command: string, args: readonly string[], input?: string) {
    // Their output through a pipe would come in blocks.
    const child = spawn('stdbuf', ['-oL', command, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.child = child;
    // Some of them read no input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.#output += `${line}\n`;
        const message = messageOf(line);
        if (message === undefined) this.lines.push(line);
        else this.messages.push(message);
      });
    }
    const timer = setTimeout(() => child.kill('SIGKILL'), LIMIT * 2);
    this.ended = new Promise((resolve) => {
      child.once('close', (code) => {
        clearTimeout(timer);
        resolve({ code, output: this.#output });
      });
    });
  }

  async hear(topic: string, payload: string): Promise<Message> {
    return await this.messages.take(
      `${topic}: ${payload}`,
      (message) => message.topic === topic && message.payload === payload,
    );
  }

  async says(what: RegExp): Promise<string> {
    return await this.lines.take(String(what), (line) => what.test(line));
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.child.kill(signal);
    return await this.ended;
  }
}

/** The clients with the account and connection that a check uses. */
class Tools {
  readonly #server: Server;
  readonly #who: Account;
  readonly directory: string;

  constructor(server: Server, who: Account, directory: string) {
    this.#server = server;
    this.#who = who;
    this.directory = directory;
  }

  get server(): Server {
    return this.#server;
  }

  get who(): Account {
    return this.#who;
  }

  get plain(): readonly string[] {
    return ['-h', ADDRESS, '-p', String(this.#server.ports.mqtt)];
  }

  get tls(): readonly string[] {
    return ['-h', DOMAIN, '-p', String(this.#server.ports.mqtts), '--cafile', this.#server.certificate];
  }

  #all(version: Version, connection: readonly string[], args: readonly string[]): readonly string[] {
    const credentials =
      args.includes('-u') || args.includes('-L') ? [] : ['-u', this.#who.user, '-P', this.#who.password];
    return ['-V', version, ...connection, ...credentials, ...args];
  }

  /** Runs mosquitto_pub to its end. @throws Error when it fails */
  async pub(version: Version, args: readonly string[], input?: string, connection = this.plain): Promise<string> {
    const { code, output } = await new Client('mosquitto_pub', this.#all(version, connection, args), input).ended;
    if (code !== 0) throw new Error(`mosquitto_pub ${args.join(' ')}: exit code ${code}: ${output}`);
    return output;
  }

  /** Starts mosquitto_sub without waiting; it prints each message in a line. */
  start(version: Version, args: readonly string[], connection = this.plain): Client {
    return new Client('mosquitto_sub', this.#all(version, connection, ['-d', '-F', FORMAT, ...args]));
  }

  /** Starts mosquitto_sub and waits until the server has answered its subscription. */
  async sub(version: Version, args: readonly string[], connection = this.plain): Promise<Client> {
    const client = this.start(version, args, connection);
    await client.says(/^Subscribed \(mid: /);
    return client;
  }

  rr(args: readonly string[]): Client {
    return new Client('mosquitto_rr', this.#all('mqttv5', this.plain, ['-d', '-F', FORMAT, ...args]));
  }
}

async function play({ server, checks, directory }: Scene): Promise<void> {
  const who = account('mosquitto', 'juliet');
  await server.register(who.user, who.password);
  const tools = new Tools(server, who, directory);
  for (const version of VERSIONS) await everyVersion(checks, tools, version);
  await connections(checks, tools);
  await five(checks, tools);
}

async function everyVersion(checks: Checks, tools: Tools, version: Version): Promise<void> {
  const step = (what: string, run: () => Promise<void>): Promise<void> => checks.step(`${version}: ${what}`, run);
  const topic = `tools/${version}`;
  await step('-m at QoS 0, 1 and 2, -t twice, wildcards', async () => {
    const sub = await tools.sub(version, ['-t', `${topic}/a/#`, '-t', `${topic}/+/b`, '-q', '2']);
    for (const qos of [0, 1, 2]) {
      await tools.pub(version, ['-t', `${topic}/a/x`, '-m', `at ${qos}`, '-q', String(qos)]);
      assert.equal((await sub.hear(`${topic}/a/x`, `at ${qos}`)).qos, qos);
    }
    await tools.pub(version, ['-t', `${topic}/z/b`, '-m', DIFFICULT]);
    assert.equal((await sub.hear(`${topic}/z/b`, DIFFICULT)).length, Buffer.byteLength(DIFFICULT));
    await sub.stop();
  });
  await step('-f, -l, -s, -n and --repeat', async () => {
    const sub = await tools.sub(version, ['-t', `${topic}/in`, '-q', '1']);
    const file = join(tools.directory, 'payload');
    writeFileSync(file, 'from a file');
    await tools.pub(version, ['-t', `${topic}/in`, '-f', file, '-q', '1']);
    await sub.hear(`${topic}/in`, 'from a file');
    await tools.pub(version, ['-t', `${topic}/in`, '-l', '-q', '1', '-M', '2'], 'one\ntwo\nthree\n');
    for (const line of ['one', 'two', 'three']) await sub.hear(`${topic}/in`, line);
    await tools.pub(version, ['-t', `${topic}/in`, '-s', '-q', '2'], 'all of it');
    await sub.hear(`${topic}/in`, 'all of it');
    await tools.pub(version, ['-t', `${topic}/in`, '-n', '-q', '1']);
    assert.equal((await sub.hear(`${topic}/in`, '')).length, 0);
    await tools.pub(version, [
      '-t',
      `${topic}/in`,
      '-m',
      'again',
      '--repeat',
      '3',
      '--repeat-delay',
      '0.01',
      '-q',
      '1',
    ]);
    for (let n = 0; n < 3; n++) await sub.hear(`${topic}/in`, 'again');
    await sub.stop();
  });
  await step('-r, --retained-only, -R, --remove-retained', async () => {
    await tools.pub(version, ['-t', `${topic}/kept/1`, '-m', 'first', '-r', '-q', '1']);
    await tools.pub(version, ['-t', `${topic}/kept/2`, '-m', 'second', '-r', '-q', '1']);
    const only = tools.start(version, ['-t', `${topic}/kept/+`, '--retained-only']);
    assert.equal((await only.hear(`${topic}/kept/1`, 'first')).retain, true);
    await only.hear(`${topic}/kept/2`, 'second');
    await tools.pub(version, ['-t', `${topic}/kept/2`, '-m', 'live', '-q', '1']);
    assert.equal((await only.ended).code, 0);
    const fresh = await tools.sub(version, ['-t', `${topic}/kept/+`, '-R', '-C', '1']);
    await tools.pub(version, ['-t', `${topic}/kept/3`, '-m', 'news', '-q', '1']);
    await fresh.hear(`${topic}/kept/3`, 'news');
    await fresh.ended;
    const clears = tools.start(version, ['-t', `${topic}/kept/+`, '--remove-retained', '-q', '1']);
    for (let n = 0; n < 2; n++) await clears.says(/received PUBACK/);
    await clears.stop();
    const later = tools.start(version, ['-t', `${topic}/kept/+`, '-C', '1', '-q', '1']);
    await later.says(/^Subscribed/);
    await tools.pub(version, ['-t', `${topic}/kept/9`, '-m', 'nothing before this', '-q', '1']);
    const { output } = await later.ended;
    assert.deepEqual([...output.matchAll(/^>>.*/gm)].map(String), [`>>${topic}/kept/9|1|0|19|nothing before this`]);
  });
  await step('-c and -i: a session waits for its client', async () => {
    const stays = ['-c', '-i', `stay${version}`, '-t', `${topic}/mail`, '-q', '2'];
    const first = await tools.sub(version, stays);
    await first.stop();
    for (const [n, qos] of [1, 1, 1].entries())
      await tools.pub(version, ['-t', `${topic}/mail`, '-m', `letter ${n}`, '-q', String(qos)]);
    const again = tools.start(version, [...stays, '-C', '3']);
    for (let n = 0; n < 3; n++)
      assert.equal((await again.messages.take('a letter', () => true)).payload, `letter ${n}`);
    assert.equal((await again.ended).code, 0);
    const clean = await tools.sub(version, ['-i', `stay${version}`, '-t', `${topic}/other`, '-E']);
    await clean.ended;
  });
  await step('--will-*: published when the client is killed, not when it leaves', async () => {
    const watch = await tools.sub(version, ['-t', `${topic}/will/+`, '-q', '1']);
    const will = (name: string): readonly string[] => [
      ...[
        '-t',
        `${topic}/none`,
        '--will-topic',
        `${topic}/will/${name}`,
        '--will-payload',
        'gone',
        '--will-qos',
        '1',
        '--will-retain',
      ],
    ];
    assert.equal((await tools.start(version, [...will('polite'), '-E']).ended).code, 0);
    const rude = await tools.sub(version, will('rude'));
    await rude.stop('SIGKILL');
    assert.deepEqual(await watch.messages.take('a will', () => true), {
      topic: `${topic}/will/rude`,
      qos: 1,
      retain: false,
      length: 4,
      payload: 'gone',
    });
    const kept = tools.start(version, ['-t', `${topic}/will/+`, '-C', '1']);
    assert.equal((await kept.hear(`${topic}/will/rude`, 'gone')).retain, true);
    await kept.ended;
    await tools.pub(version, ['-t', `${topic}/will/rude`, '-n', '-r', '-q', '1']);
    await watch.hear(`${topic}/will/rude`, '');
    // Stopped by a signal it leaves with reason code 0x04 (MQTT 5 section 3.14.2.1), before that without one.
    await (await tools.sub(version, will('stopped'))).stop();
    await tools.pub(version, ['-t', `${topic}/will/end`, '-m', 'end', '-q', '1']);
    const expected = version === 'mqttv5' ? 'stopped' : 'end';
    assert.equal((await watch.messages.take('what comes next', () => true)).topic, `${topic}/will/${expected}`);
    await tools.pub(version, ['-t', `${topic}/will/stopped`, '-n', '-r', '-q', '1']);
    await watch.stop();
  });
  await step('-U, -T, -E, -W, -k, -I, -A, --nodelay', async () => {
    const sub = await tools.sub(version, [
      '-t',
      `${topic}/u/#`,
      '-U',
      `${topic}/u/#`,
      '-t',
      `${topic}/v/#`,
      '-T',
      `${topic}/v/out`,
    ]);
    await sub.says(/^Client .* received UNSUBACK/);
    for (const name of ['u/x', 'v/out', 'v/in'])
      await tools.pub(version, ['-t', `${topic}/${name}`, '-m', name, '-q', '1']);
    assert.equal((await sub.messages.take('what is left', () => true)).payload, 'v/in');
    await sub.stop();
    const { code } = await tools.start(version, ['-t', topic, '-E', '-I', 'prefix-', '-A', ADDRESS, '--nodelay']).ended;
    assert.equal(code, 0);
    const waits = await tools.start(version, ['-t', topic, '-W', '7', '-k', '5']).ended;
    assert.match(waits.output, /received PINGRESP/);
    assert.equal(waits.code, 27);
  });
}

async function connections(checks: Checks, tools: Tools): Promise<void> {
  const { who, server } = tools;
  await checks.step('-u and -P: a wrong password and an unknown user are refused', async () => {
    for (const version of VERSIONS) {
      await assert.rejects(
        tools.pub(version, ['-u', who.user, '-P', 'guess', '-t', 'x', '-m', 'x']),
        /not authori[sz]ed|bad user ?name or password/i,
      );
      await assert.rejects(
        tools.pub(version, ['-u', 'nobody', '-P', 'guess', '-t', 'x', '-m', 'x']),
        /not authori[sz]ed|bad user ?name or password/i,
      );
    }
  });
  await checks.step('-L: all in one URL', async () => {
    // It takes the parts as they stand: no password with a slash or an at sign.
    const url = { user: `url-${who.user}`, password: 'simple' };
    await server.register(url.user, url.password);
    const topic = 'tools/url';
    const sub = await tools.sub('mqttv5', ['-t', topic]);
    await tools.pub(
      'mqttv5',
      ['-L', `mqtt://${url.user}:${url.password}@${ADDRESS}:${server.ports.mqtt}/${topic}`, '-m', 'by URL'],
      undefined,
      [],
    );
    await sub.hear(topic, 'by URL');
    await sub.stop();
  });
  await checks.step('--cafile, --insecure, --tls-version, --ciphers, --capath', async () => {
    const sub = await tools.sub('mqttv5', ['-t', 'tools/tls', '--tls-version', 'tlsv1.3'], tools.tls);
    await tools.pub('mqttv311', ['-t', 'tools/tls', '-m', 'secret'], undefined, [
      ...tools.tls,
      '--tls-version',
      'tlsv1.2',
      '--ciphers',
      'ECDHE+AESGCM',
    ]);
    await sub.hear('tools/tls', 'secret');
    const other = ['-h', '127.0.0.1', '-p', String(server.ports.mqtts), '--cafile', server.certificate, '--insecure'];
    await tools.pub('mqttv5', ['-t', 'tools/tls', '-m', 'not checked'], undefined, other);
    await sub.hear('tools/tls', 'not checked');
    await sub.stop();
    const unknown = ['-h', DOMAIN, '-p', String(server.ports.mqtts), '--capath', tools.directory];
    await assert.rejects(tools.pub('mqttv5', ['-t', 'tools/tls', '-m', 'x'], undefined, unknown), /certificate|TLS/i);
  });
  await checks.step('--tls-alpn: the name of RFC 7301 for MQTT is taken', async () => {
    await tools.pub('mqttv5', ['-t', 'tools/alpn', '-m', 'x', '-q', '1'], undefined, [
      ...tools.tls,
      '--tls-alpn',
      'mqtt',
    ]);
  });
}

async function five(checks: Checks, tools: Tools): Promise<void> {
  await checks.step('-D publish: properties arrive', async () => {
    const format = ['-F', '>>%t|%q|%r|%l|%C;%R;%D;%P;%F'];
    const sub = await tools.sub('mqttv5', ['-t', 'tools/props', ...format]);
    const properties = [
      ['content-type', 'text/plain'],
      ['response-topic', 'tools/answer'],
      ['correlation-data', 'corr'],
      ['payload-format-indicator', '1'],
      ['message-expiry-interval', '60'],
    ].flatMap(([name = '', value = '']) => ['-D', 'publish', name, value]);
    const user = ['-D', 'publish', 'user-property', 'color', 'red'];
    await tools.pub('mqttv5', ['-t', 'tools/props', '-m', 'x', ...properties, ...user, '-q', '1']);
    const { payload } = await sub.messages.take('a message', () => true);
    assert.equal(payload, 'text/plain;tools/answer;corr;color:red;1');
    await sub.stop();
  });
  await checks.step('-D subscribe subscription-identifier, --retain-as-published', async () => {
    const args = ['-t', 'tools/rh', '-D', 'subscribe', 'subscription-identifier', '42', '--retain-as-published'];
    const sub = await tools.sub('mqttv5', [...args, '-F', '>>%t|%q|%r|%l|%S:%p']);
    await tools.pub('mqttv5', ['-t', 'tools/rh', '-m', 'new', '-r', '-q', '1']);
    assert.deepEqual(await sub.messages.take('a message', () => true), {
      topic: 'tools/rh',
      qos: 0,
      retain: true,
      length: 3,
      payload: '42:new',
    });
    await sub.stop();
    await tools.pub('mqttv5', ['-t', 'tools/rh', '-n', '-r', '-q', '1']);
  });
  await checks.step('-D publish topic-alias, with several messages of one connection', async () => {
    const sub = await tools.sub('mqttv5', ['-t', 'tools/alias', '-q', '1']);
    await tools.pub(
      'mqttv5',
      ['-t', 'tools/alias', '-D', 'publish', 'topic-alias', '5', '-l', '-q', '1'],
      'one\ntwo\n',
    );
    await sub.hear('tools/alias', 'one');
    await sub.hear('tools/alias', 'two');
    await sub.stop();
  });
  await checks.step('-D connect: session-expiry-interval, receive-maximum, maximum-packet-size; -x', async () => {
    const limits = ['-D', 'connect', 'receive-maximum', '2', '-D', 'connect', 'maximum-packet-size', '100'];
    const stays = ['-i', 'limits', '-c', '-x', '300', '-t', 'tools/limits', '-q', '1', ...limits];
    await (await tools.sub('mqttv5', stays)).stop();
    for (const text of ['1', '2', 'x'.repeat(200), '3'])
      await tools.pub('mqttv5', ['-t', 'tools/limits', '-m', text, '-q', '1']);
    const again = tools.start('mqttv5', [...stays, '-C', '3']);
    for (const text of ['1', '2', '3']) assert.equal((await again.messages.take(text, () => true)).payload, text);
    await again.ended;
    await (
      await tools.sub('mqttv5', ['-i', 'limits', '-t', 'tools/x', '-E'])
    ).ended;
  });
  await checks.step('-D will: will-delay-interval holds the will back, content type goes with it', async () => {
    const watch = await tools.sub('mqttv5', ['-t', 'tools/dying', '-F', '>>%t|%q|%r|%l|%C:%p']);
    const properties = ['-D', 'will', 'will-delay-interval', '1', '-D', 'will', 'content-type', 'text/x'];
    const will = [
      '-t',
      'tools/none',
      '--will-topic',
      'tools/dying',
      '--will-payload',
      'late',
      ...properties,
      '-x',
      '60',
      '-i',
      'dying',
    ];
    await (await tools.sub('mqttv5', will)).stop('SIGKILL');
    assert.equal((await watch.messages.take('the will', () => true)).payload, 'text/x:late');
    await watch.stop();
  });
  await checks.step('$share: each message to one of two', async () => {
    const subs = [
      await tools.sub('mqttv5', ['-t', '$share/g/tools/work', '-q', '1']),
      await tools.sub('mqttv5', ['-t', '$share/g/tools/work', '-q', '1']),
    ];
    const seen = new Events<string>();
    for (const sub of subs) {
      void (async () => {
        for (;;) seen.push((await sub.messages.take('work', () => true)).payload);
      })().catch(() => undefined);
    }
    await tools.pub('mqttv5', ['-t', 'tools/work', '-l', '-q', '1'], 'a\nb\nc\nd\n');
    for (const job of ['a', 'b', 'c', 'd']) await seen.take(job, (text) => text === job);
    await tools.pub('mqttv5', ['-t', 'tools/work', '-m', 'end', '-q', '1']);
    await seen.take('end', (text) => text === 'end');
    assert(!seen.has(() => true), 'a job came twice');
    for (const sub of subs) await sub.stop();
  });
  await checks.step('mosquitto_rr: a request and its response', async () => {
    const service = await tools.sub('mqttv5', ['-t', 'tools/service', '-F', '>>%t|%q|%r|%l|%R %D', '-q', '1']);
    const asks = tools.rr([
      '-t',
      'tools/service',
      '-e',
      'tools/answers',
      '-m',
      'what?',
      '-D',
      'publish',
      'correlation-data',
      'c7',
      '-q',
      '1',
    ]);
    const [answers = '', correlation = ''] = (await service.messages.take('a request', () => true)).payload.split(' ');
    assert.deepEqual([answers, correlation], ['tools/answers', 'c7']);
    await tools.pub('mqttv5', [
      '-t',
      answers,
      '-m',
      'that!',
      '-D',
      'publish',
      'correlation-data',
      correlation,
      '-q',
      '1',
    ]);
    await asks.hear('tools/answers', 'that!');
    assert.equal((await asks.ended).code, 0);
    await service.stop();
  });
}
