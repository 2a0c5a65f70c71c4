import { Buffer } from 'node:buffer';
import type { Element } from 'ltx';
import { parseDocument } from '#src/stanza/parse.ts';
import { ScriptClient } from './client.ts';
import { mismatch, type Names, substitute } from './match.ts';
import type { Script, Statement } from './parse.ts';
import { ScriptServer } from './server.ts';

const LIMITS = { maxBytes: 1 << 20, maxDepth: 100, maxAttributes: 100, maxElements: 10_000 };

interface Account {
  readonly user: string;
  readonly password: string;
}

/** Plays a script against a server of its own. @throws Error naming the line that failed, and what came instead */
export async function play(script: Script): Promise<void> {
  const settings = script.statements.find(({ who }) => who === 'settings')?.text ?? '';
  const server = new ScriptServer(settings);
  const stage = new Stage(server);
  try {
    await server.start();
    for (const statement of script.statements) {
      try {
        await stage.perform(statement);
      } catch (error) {
        throw new Error(`line ${statement.line}: ${statement.who} ${statement.verb}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      }
    }
  } finally {
    stage.close();
    await server.remove();
  }
}

class Stage {
  readonly #server: ScriptServer;
  readonly #accounts = new Map<string, Account>();
  readonly #clients = new Map<string, ScriptClient>();
  readonly #names: Names = new Map();

  constructor(server: ScriptServer) {
    this.#server = server;
  }

  async perform({ text, verb, who }: Statement): Promise<void> {
    if (who === 'settings') return;
    if (who === 'account') return this.#account(verb);
    if (who === 'server') return this.#serverDoes(verb);
    const [first = '', ...rest] = verb.split(' ');
    if (first === 'connects') return this.#connects(who, rest);
    if (first === 'opens') return this.#opens(who, rest, text);
    const client = this.#client(who);
    const said = substitute(text, this.#names);
    switch (verb) {
      case 'sends':
        return client.send(said);
      case 'sends bytes':
        return client.send(Buffer.from(said.replaceAll(/\s/g, ''), 'hex'));
      case 'receives':
        return this.#receives(client, text, false);
      case 'receives exactly':
        return this.#receives(client, text, true);
      case 'receives in any order':
        return this.#receivesAnyOrder(client, text);
      case 'is quiet':
        await client.settle();
        if (client.received.length > 0) throw new Error(`but got ${client.received.join('\n')}`);
        return;
      case 'forgets':
        // What came so far is of no interest to the script.
        await client.settle();
        client.received.length = 0;
        return;
      case 'restarts':
        await client.open(text === '' ? undefined : said);
        return;
      case 'starts tls':
        return client.secure();
      case 'ends':
        return client.end();
      case 'disconnects':
        client.end();
        return client.closed();
      case 'is closed':
        return client.closed();
      case 'breaks':
        return client.break();
      default:
        throw new Error(`nobody knows how to ${verb}`);
    }
  }

  close(): void {
    for (const client of this.#clients.values()) client.break();
  }

  #account(verb: string): Promise<void> {
    const [user = '', password = ''] = verb.split(' ');
    const account = { user, password };
    this.#accounts.set(user.slice(0, user.indexOf('@')), account);
    this.#accounts.set(user, account);
    return this.#server.register(user, password);
  }

  async #serverDoes(verb: string): Promise<void> {
    if (verb === 'restarts') return this.#server.restart();
    if (verb === 'reloads') {
      await this.#server.server.reload();
      return;
    }
    throw new Error(`the server does not know how to ${verb}`);
  }

  async #connects(who: string, [as, address]: readonly string[]): Promise<void> {
    const jid = as === 'as' && address !== undefined ? address : who;
    const [bare = '', resource = ''] = jid.split('/');
    const account = this.#accounts.get(bare);
    if (account === undefined) throw new Error(`there is no account ${bare}`);
    const client = await ScriptClient.connect(who, this.#server.port('c2s'), false);
    this.#clients.set(who, client);
    const [local = '', domain = ''] = account.user.split('@');
    client.domain = domain;
    await client.login(local, account.password, resource);
  }

  /** A raw stream: what the server announces is then to be received. */
  async #opens(who: string, words: readonly string[], text: string): Promise<void> {
    const to = words[words.indexOf('to') + 1];
    const on = words.includes('on') ? (words[words.indexOf('on') + 1] ?? 'c2s') : 'c2s';
    const client = await ScriptClient.connect(who, this.#server.port(on), on === 'c2s-tls');
    this.#clients.set(who, client);
    if (words.includes('to') && to !== undefined) client.domain = to;
    if (words.includes('nothing')) return;
    await client.open(text === '' ? undefined : substitute(text, this.#names));
  }

  async #receives(client: ScriptClient, text: string, exactly: boolean): Promise<void> {
    for (const expected of elementsOf(text)) {
      const actual = await client.next();
      const problem = mismatch(expected, actual, this.#names, exactly);
      if (problem !== undefined) throw new Error(`${problem}\n  expected ${expected.toString()}\n  received ${actual.toString()}`);
    }
  }

  async #receivesAnyOrder(client: ScriptClient, text: string): Promise<void> {
    const expected = [...elementsOf(text)];
    while (expected.length > 0) {
      const actual = await client.next();
      const at = expected.findIndex((candidate) => mismatch(candidate, actual, this.#names, false) === undefined);
      if (at < 0) throw new Error(`nobody expected ${actual.toString()}\n  but ${expected.join('\n  or  ')}`);
      expected.splice(at, 1);
    }
  }

  #client(who: string): ScriptClient {
    const client = this.#clients.get(who);
    if (client === undefined) throw new Error(`${who} is not connected`);
    return client;
  }
}

function elementsOf(text: string): readonly Element[] {
  const around = `<script xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>${text}</script>`;
  const parsed = parseDocument(around, LIMITS);
  if (!('element' in parsed)) throw new Error(`the script's XML is wrong: ${parsed.reason}`);
  return parsed.element.getChildElements();
}
