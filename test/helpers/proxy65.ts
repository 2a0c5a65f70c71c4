/** A server with the proxy for bytestreams on free ports, clients that talk XMPP to it, and connections that talk SOCKS. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Element } from 'ltx';
import { commands } from '#protocols/commands.ts';
import { frontEnds } from '#protocols/index.ts';
import { hashOf } from '#protocols/proxy65/bytestreams.ts';
import { BYTESTREAMS } from '#protocols/proxy65/xep0065-bytestreams.ts';
import type { ProxyServer } from '#protocols/proxy65/server.ts';
import { type CommandResult, Commands, readNamed } from '#src/admin/commands.ts';
import { adminParts } from '#src/server/admin.ts';
import { createLog } from '#src/observe/log.ts';
import { openCore } from '#src/server/core.ts';
import { Server } from '#src/server/server.ts';
import { loadSettings } from '#src/settings/load.ts';
import { formatProblem } from '#src/settings/problem.ts';
import { programSections } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import { ScriptClient } from '#test/scripts/client.ts';

const SETTINGS = `
hosts: { localhost: {}, other.example: {} }
listeners:
  - { name: c2s, kind: c2s, address: '::', port: 0, tls: required }
  - { name: proxy65, kind: proxy65, address: '::', port: 0, tls: 'off' }
`;
/** Milliseconds. */
const PATIENCE = 10_000;

export class ProxyTestServer implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'trivium-proxy65-'));
  readonly #clients: ScriptClient[] = [];
  readonly #sockets: SocksClient[] = [];
  #server: Server | undefined;
  #requests = 0;

  static async start(text = ''): Promise<ProxyTestServer> {
    const server = new ProxyTestServer();
    const settings = server.#load(text);
    const core = await openCore(
      () => settings,
      () => undefined,
    );
    const log = createLog({ level: 'off' });
    server.#server = await Server.start({ settings, core, log, frontEnds, reread: () => settings });
    for (const user of ['juliet@localhost', 'romeo@localhost', 'tybalt@other.example']) await server.#register(user);
    return server;
  }

  #load(text: string): Settings {
    const loaded = loadSettings(`${SETTINGS}${text}`, 'test', programSections(frontEnds), {
      env: {},
      overrides: { data: { directory: this.directory }, metrics: { runtime: false }, shutdown: { grace: '200ms' } },
    });
    if (loaded.settings === undefined) throw new Error(loaded.problems.map(formatProblem).join('\n'));
    return loaded.settings;
  }

  async #register(user: string): Promise<void> {
    const [local = '', domain = ''] = user.split('@');
    await this.server.core.accounts.create(domain, local, 'secret');
  }

  get server(): Server {
    if (this.#server === undefined) throw new Error('the server is not started');
    return this.#server;
  }

  get proxy(): ProxyServer {
    const { proxy65 } = this.server.services;
    if (proxy65 === undefined) throw new Error('there is no proxy');
    return proxy65;
  }

  port(listener: string): number {
    const port = this.server.listeners.bound.find(({ name }) => name === listener)?.boundPort;
    if (port === undefined) throw new Error(`there is no listener ${listener}`);
    return port;
  }

  /** A client of an account, bound to the resource `x`. */
  async login(jid: string): Promise<ScriptClient> {
    const [local = '', domain = ''] = jid.split('@');
    const client = await ScriptClient.dial(jid, { port: this.port('c2s'), domain });
    this.#clients.push(client);
    await client.authenticate(local, 'secret');
    await client.bind('x');
    return client;
  }

  /** Asks the proxy of a host; the answer, whatever it is. */
  async ask(client: ScriptClient, type: 'get' | 'set', payload: string, to = 'proxy.localhost'): Promise<Element> {
    const id = `ask-${(this.#requests += 1)}`;
    client.send(`<iq type='${type}' id='${id}' to='${to}'>${payload}</iq>`);
    const answer = await client.next(PATIENCE);
    if (answer.attrs['id'] !== id) throw new Error(`not the answer: ${answer.toString()}`);
    return answer;
  }

  activate(client: ScriptClient, sid: string, target: string, to?: string): Promise<Element> {
    return this.ask(
      client,
      'set',
      `<query xmlns='${BYTESTREAMS}' sid='${sid}'><activate>${target}</activate></query>`,
      to,
    );
  }

  async dial(host = '127.0.0.1'): Promise<SocksClient> {
    const socket = connect({ host, port: this.port('proxy65'), noDelay: true });
    await once(socket, 'connect');
    const client = new SocksClient(socket);
    this.#sockets.push(client);
    return client;
  }

  /** A connection that has asked for a hash. */
  async join(hash: string, host?: string): Promise<SocksClient> {
    const client = await this.dial(host);
    await client.greet();
    const reply = await client.request(hash);
    if (reply !== 0) throw new Error(`refused with ${reply}`);
    return client;
  }

  /** Both connections of a bytestream between two clients, that of the target first, activated. */
  async stream(
    initiator: ScriptClient,
    sid: string,
    target = 'romeo@localhost/x',
  ): Promise<[SocksClient, SocksClient]> {
    const hash = hashOf(sid, `${initiator.name}/x`, target);
    const one = await this.join(hash);
    const other = await this.join(hash);
    const answer = await this.activate(initiator, sid, target);
    if (answer.attrs['type'] !== 'result') throw new Error(answer.toString());
    return [one, other];
  }

  /** The server has so many bytestreams, at last. */
  async left(streams: number): Promise<void> {
    const end = performance.now() + PATIENCE;
    while (this.proxy.streams.size !== streams) {
      if (performance.now() > end) throw new Error(`${this.proxy.streams.size} bytestreams, not ${streams}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Carries out an operator command. */
  async command(name: string, args: Readonly<Record<string, unknown>> = {}): Promise<CommandResult['value']> {
    const command = new Commands(commands).find(name);
    if (command === undefined) throw new Error(`no command ${name}`);
    return command.run(adminParts(this.server), readNamed(command.arguments, new Map(Object.entries(args))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of [...this.#clients, ...this.#sockets]) one.break();
    await this.server.stop('');
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** One TCP connection that says what a test has it say. */
export class SocksClient {
  readonly socket: Socket;
  #chunks: Buffer[] = [];
  #length = 0;
  #ended = false;
  #wake: (() => void) | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#wake?.();
    });
    const ended = (): void => {
      this.#ended = true;
      this.#wake?.();
    };
    socket.on('close', ended).on('end', ended);
    socket.on('error', () => undefined);
  }

  send(bytes: Buffer | readonly number[] | string): void {
    this.socket.write(typeof bytes === 'string' ? bytes : Buffer.from(bytes));
  }

  /** The next bytes, exactly so many. */
  async read(length: number): Promise<Buffer> {
    await this.#until(() => this.#length >= length, `${length} bytes`);
    const held = Buffer.concat(this.#chunks);
    this.#chunks = [held.subarray(length)];
    this.#length -= length;
    return held.subarray(0, length);
  }

  /** The server has closed its side. Gives what came before and nobody read. */
  async closed(): Promise<Buffer> {
    await this.#until(() => this.#ended, 'the end', true);
    return Buffer.concat(this.#chunks);
  }

  /** Offers methods, and gives the one that is chosen. */
  async greet(...offered: readonly number[]): Promise<number> {
    const methods = offered.length === 0 ? [0] : offered;
    this.send([5, methods.length, ...methods]);
    const [version, method = -1] = await this.read(2);
    if (version !== 5) throw new Error(`version ${version}`);
    return method;
  }

  /** RFC 1929; gives the status. */
  async authenticate(username: string, password: string): Promise<number> {
    const text = (value: string): number[] => [Buffer.byteLength(value), ...Buffer.from(value)];
    this.send([1, ...text(username), ...text(password)]);
    return (await this.read(2))[1] ?? -1;
  }

  /** CONNECT to a name; gives the code of the reply, which must name the same address. */
  async request(name: string, { command = 1, port = 0 } = {}): Promise<number> {
    const address = [3, name.length, ...Buffer.from(name), port >> 8, port & 0xff];
    this.send([5, command, 0, ...address]);
    const reply = await this.read(3 + address.length);
    if (!reply.subarray(3).equals(Buffer.from(address))) throw new Error(`BND is ${reply.subarray(3).toString('hex')}`);
    return reply[1] ?? -1;
  }

  async #until(test: () => boolean, what: string, endIsFine = false): Promise<void> {
    let impatient = false;
    const timer = setTimeout(() => {
      impatient = true;
      this.#wake?.();
    }, PATIENCE);
    try {
      while (!test()) {
        if (impatient) throw new Error(`waited in vain for ${what}`);
        if (this.#ended && !endIsFine) throw new Error(`closed before ${what}`);
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      clearTimeout(timer);
    }
  }

  end(): void {
    this.socket.end();
  }

  break(): void {
    this.socket.destroy();
  }
}
