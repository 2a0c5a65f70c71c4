import { SmClient, type SmClientOptions } from '#test/helpers/sm-client.ts';
import { childOf, type Node } from '#test/helpers/stream-reader.ts';
import type { Account } from '#tools/bench/xmpp/scram.ts';
import { Commuter } from './commuter.ts';
import { describe, Editor } from './editor.ts';
import { bodyOf, type Findings, Stream } from './ledger.ts';
import type { Options } from './options.ts';
import type { Random } from './random.ts';

export type StreamKind = 'online' | 'offline' | 'commuter' | 'plain';

/** A stream of messages with the client that sends it. */
export interface Line {
  readonly stream: Stream;
  readonly sender: SmClient;
}

/** All users of a run, and what they send to whom. */
export class Population {
  /** Pairs under stream management: 2k writes to 2k+1 and is answered. */
  readonly online: readonly SmClient[];
  readonly plain: readonly SmClient[];
  /** Every second one has no stream management. */
  readonly editors: readonly Editor[];
  readonly commuters: readonly Commuter[];
  /** Accounts that nobody uses for long. Every second one comes in the midst of a round, to stay; the others at the end. */
  readonly absent: readonly SmClient[];
  /** Those of them who have come. */
  readonly arrived = new Set<SmClient>();
  readonly lines: Readonly<Record<StreamKind, readonly Line[]>>;
  readonly #streams = new Map<string, Stream>();
  readonly #findings: Findings;
  readonly #port: number;
  readonly #domain: string;

  constructor(
    options: Options,
    place: { readonly port: number; readonly domain: string },
    random: Random,
    findings: Findings,
  ) {
    this.#findings = findings;
    this.#port = place.port;
    this.#domain = place.domain;
    const names = (prefix: string, count: number): readonly string[] =>
      Array.from({ length: count }, (_, n) => `${prefix}${n}`);
    // Some acknowledge only when asked, some often, some seldom.
    this.online = names('user', options.pairs * 2).map((user, n) =>
      this.client(user, { acknowledgeEvery: [0, 3, 50][n % 3] ?? 0 }),
    );
    this.plain = names('plain', options.plain * 2).map((user) => this.client(user, { managed: false }));
    this.editors = names('editor', options.editors).map(
      (user, n) => new Editor(this.#options(user, { managed: n % 2 === 0 }), random.fork(), findings),
    );
    this.commuters = names('commuter', options.commuters).map(
      (user) => new Commuter(this.#options(user, {}), random.fork(), findings),
    );
    // Every fourth one has no stream management; it comes at the end.
    this.absent = names('absent', options.offline).map((user, n) =>
      this.client(user, { managed: n % 4 !== 3, acknowledgeEvery: 10 }),
    );
    this.lines = {
      online: this.online.map((client, n) => this.#line(client, this.online[n ^ 1]?.full ?? '', n % 4 < 2)),
      plain: this.plain.map((client, n) => this.#line(client, this.plain[n ^ 1]?.full ?? '', true, 'best-effort')),
      offline: this.#toAbsent(
        this.absent.map(({ options: { user } }) => user),
        random,
      ),
      commuter: this.#toAbsent(
        this.commuters.map(({ client }) => client.options.user),
        random,
      ),
    };
  }

  get accounts(): readonly Account[] {
    const clients = [
      ...this.online,
      ...this.plain,
      ...this.absent,
      ...this.editors.map(({ client }) => client),
      ...this.commuters.map(({ client }) => client),
    ];
    return clients.map(({ options: { user } }) => ({ user, password: passwordOf(user) }));
  }

  /** Who has a session that is to be resumed after each restart. */
  get managed(): readonly SmClient[] {
    return [...this.online, ...this.editors.map(({ client }) => client), ...this.arrived].filter(
      ({ options }) => options.managed,
    );
  }

  /** Who has a new session after each restart. */
  get unmanaged(): readonly SmClient[] {
    const editors = this.editors.map(({ client }) => client);
    return [...this.plain, ...editors, ...this.arrived].filter(({ options }) => !options.managed);
  }

  /** The next who comes with the load; undefined when all have. */
  get latecomer(): SmClient | undefined {
    return this.absent.find((client, n) => n % 2 === 0 && !this.arrived.has(client));
  }

  /** The streams whose every message has to arrive. */
  promised(...kinds: readonly StreamKind[]): readonly Stream[] {
    return kinds
      .flatMap((kind) => this.lines[kind].map(({ stream }) => stream))
      .filter(({ promise }) => promise === 'exactly-once');
  }

  /** A client of an account, whose messages are entered where they belong. */
  client(user: string, own: Partial<SmClientOptions>): SmClient {
    return new SmClient(this.#options(user, own));
  }

  #options(user: string, own: Partial<SmClientOptions>): SmClientOptions {
    return {
      port: this.#port,
      domain: this.#domain,
      user,
      password: passwordOf(user),
      resource: 'phone',
      managed: true,
      acknowledgeEvery: 0,
      onStanza: (stanza, client) => this.received(stanza, client),
      onViolation: (text, client) => this.#findings.add(`${client.full}: ${text}`),
      ...own,
    };
  }

  #line(sender: SmClient, to: string, full: boolean, promise: Stream['promise'] = 'exactly-once'): Line {
    const [receiver = ''] = to.split('@', 1);
    const address = full ? to : (to.split('/', 1)[0] ?? to);
    const stream = new Stream(`s${this.#streams.size}`, sender.full, address, receiver, promise);
    this.#streams.set(stream.id, stream);
    return { stream, sender };
  }

  /** Two senders for each account. */
  #toAbsent(users: readonly string[], random: Random): readonly Line[] {
    if (this.online.length === 0) return [];
    return users.flatMap((user) =>
      [0, 1].map(() => this.#line(random.pick(this.online), `${user}@${this.#domain}`, false)),
    );
  }

  /** Enters a message that arrived. */
  received(stanza: Node, client: SmClient): void {
    if (stanza.name !== 'message') return;
    const id = stanza.attributes.get('id') ?? '';
    if (stanza.attributes.get('type') === 'error')
      return this.#findings.add(`${client.full}: ${id} was refused: ${describe(stanza)}`);
    const [name = '', number] = id.split('-');
    const stream = this.#streams.get(name);
    if (stream === undefined || stream.receiver !== client.options.user) {
      return this.#findings.add(`${client.full} received ${id}, which nobody sent to it`);
    }
    const n = Number(number);
    const intact =
      stanza.attributes.get('from') === stream.from && childOf(stanza, 'body')?.text === bodyOf(stream.id, n).text;
    if (!intact) this.#findings.add(`${client.full}: ${id} arrived damaged`);
    const problem = stream.take(n);
    if (problem === undefined || stream.promise === 'best-effort') return;
    this.#findings.add(`${client.full}: ${problem} at ${id}`);
  }
}

function passwordOf(user: string): string {
  return `secret-${user}`;
}
