/** Clients that use stream management, on a server that can be killed and started again. */
import type { ExecutionContext } from 'ava';
import type { Clock } from '#src/net/timers.ts';
import { MemoryData } from '#src/store/memory.ts';
import { clientStateIndication } from '#protocols/xmpp/modules/xep0352-client-state-indication.ts';
import { streamManagement } from '#protocols/xmpp/modules/xep0198-stream-management.ts';
import { type TestStream, TestXmpp } from '#test/helpers/xmpp.ts';
import { element, jid, same } from '#test/helpers/xml.ts';

export const SM = 'urn:xmpp:sm:3';
export const ACCOUNTS = ['juliet@capulet.lit', 'romeo@capulet.lit', 'nurse@capulet.lit'];

/** Time that passes when a test says so. */
export class HandClock implements Clock {
  #now = 1_800_000_000_000;
  #tick: (() => void) | undefined;

  wall(): number {
    return this.#now;
  }

  elapsed(): number {
    return this.#now;
  }

  every(_interval: number, tick: () => void): () => void {
    this.#tick = tick;
    return () => (this.#tick = undefined);
  }

  pass(ms: number): void {
    this.#now += ms;
    this.#tick?.();
  }
}

/** A server with stream management and client state indication. */
export class ManagedServer implements AsyncDisposable {
  readonly xmpp: TestXmpp;
  readonly data: MemoryData;
  readonly clock: HandClock;
  readonly #options: Readonly<Record<string, unknown>>;

  static async open(options: Readonly<Record<string, unknown>> = {}): Promise<ManagedServer> {
    return ManagedServer.#start(options, new MemoryData(), new HandClock(), ACCOUNTS);
  }

  static async #start(
    options: Readonly<Record<string, unknown>>,
    data: MemoryData,
    clock: HandClock,
    accounts: readonly string[],
  ): Promise<ManagedServer> {
    const xmpp = await TestXmpp.open({ hosts: ['capulet.lit'], accounts, data, clock });
    const server = new ManagedServer(xmpp, data, clock, options);
    for (const one of accounts) for (const other of accounts) if (one < other) xmpp.core.befriend(one, other);
    xmpp.start(streamManagement, options);
    xmpp.start(clientStateIndication);
    await xmpp.server.opening();
    return server;
  }

  private constructor(xmpp: TestXmpp, data: MemoryData, clock: HandClock, options: Readonly<Record<string, unknown>>) {
    this.xmpp = xmpp;
    this.data = data;
    this.clock = clock;
    this.#options = options;
  }

  /** `kill -9` and a new start, after some time: only what was committed is there. The old server is deaf from now on. */
  async killed(ms = 0): Promise<ManagedServer> {
    const data = new MemoryData();
    data.entries = new Map(this.data.entries);
    const clock = new HandClock();
    clock.pass(this.clock.wall() - clock.wall() + ms);
    return ManagedServer.#start(this.#options, data, clock, []);
  }

  /** SIGTERM and a new start. */
  async restarted(ms = 0): Promise<ManagedServer> {
    this.xmpp.server.shutDown('');
    await this[Symbol.asyncDispose]();
    return this.killed(ms);
  }

  /** A client with a new session, which has told its presence and forgotten what it was told so far. */
  async login(address: string, attributes = "resume='true'"): Promise<ManagedClient> {
    const client = new ManagedClient(this, address);
    client.bind();
    await client.enable(attributes);
    client.send('<presence/>');
    await this.settled();
    client.acknowledge();
    await this.settled();
    client.take();
    return client;
  }

  async settled(): Promise<void> {
    await this.xmpp.core.settled();
    await this.xmpp.core.settled();
  }

  /** Keys in the store that belong to sessions. */
  get stored(): readonly string[] {
    return [...this.data.entries.keys()].filter((key) => /^sm-(session|counters|stanza)/.test(key));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.xmpp[Symbol.asyncDispose]();
  }
}

/** A client that counts as XEP-0198 has it. It answers nothing of its own accord. */
export class ManagedClient {
  readonly address: string;
  server: ManagedServer;
  stream: TestStream;
  id = '';
  /** Stanzas received since stream management was enabled. */
  handled = 0;
  #counting = false;
  #taken: string[] = [];

  constructor(server: ManagedServer, address: string) {
    this.server = server;
    this.address = address;
    this.stream = this.#connect();
  }

  #connect(): TestStream {
    const stream = this.server.xmpp.stream();
    stream.authenticate(jid(this.address).bare);
    stream.transport.take();
    return stream;
  }

  bind(): void {
    this.stream.bind(jid(this.address).resource);
    this.stream.transport.take();
  }

  /** @returns the answer to `<enable/>` */
  async enable(attributes = "resume='true'"): Promise<string> {
    this.send(`<enable xmlns='${SM}' ${attributes}/>`);
    const enabled = await this.stream.transport.next((xml) => /^<(enabled|failed)/.test(xml));
    this.id = / id='([^']*)'/.exec(enabled)?.[1] ?? '';
    this.#counting = true;
    this.handled = 0;
    return enabled;
  }

  send(...elements: readonly string[]): void {
    for (const xml of elements) this.stream.send(xml);
  }

  /** What came since the last time, counted. */
  take(): readonly string[] {
    const came = [...this.#taken, ...this.stream.transport.take()];
    this.#taken = [];
    if (this.#counting) for (const xml of came) if (/^<(message|presence|iq)[\s/>]/.test(xml)) this.handled += 1;
    return came;
  }

  /** The bodies of the messages that came. */
  bodies(): readonly string[] {
    return this.take().flatMap((xml) => (xml.startsWith('<message') ? (element(xml).getChildText('body') ?? []) : []));
  }

  got(t: ExecutionContext, ...expected: readonly string[]): void {
    same(t, this.take(), expected);
  }

  acknowledge(): void {
    this.take();
    this.send(`<a xmlns='${SM}' h='${this.handled}'/>`);
  }

  /** The connection is gone, without a word to anybody. */
  drop(): void {
    this.take();
    this.stream.stream.onClosed();
  }

  /** Connects anew and asks for the former session; what came before and was not taken is lost. @returns the answer */
  async resume(server: ManagedServer = this.server, h = this.handled): Promise<string> {
    this.server = server;
    this.stream = this.#connect();
    this.send(`<resume xmlns='${SM}' previd='${this.id}' h='${h}'/>`);
    const answer = await this.stream.transport.next((xml) => /^<(resumed|failed|stream:error)/.test(xml));
    return answer;
  }
}

export function chat(to: string, body: string, type = 'chat'): string {
  return `<message to='${to}' type='${type}' id='${body}'><body>${body}</body></message>`;
}
