import { Buffer } from 'node:buffer';
import { Element } from 'ltx';
import { parseDocument } from '#src/stanza/parse.ts';
import { ScriptClient } from './client.ts';
import { mismatch, type Names } from './match.ts';
import type { Statement } from './parse.ts';
import type { ScriptServer } from './server.ts';
import { say } from './words.ts';

const LIMITS = { maxBytes: 1 << 20, maxDepth: 100, maxAttributes: 100, maxElements: 10_000 };
const STANZA_ERRORS = 'urn:ietf:params:xml:ns:xmpp-stanzas';
const STREAM_ERRORS = 'urn:ietf:params:xml:ns:xmpp-streams';

interface Account {
  readonly user: string;
  readonly password: string;
}

/** What a client's sentence does. @param words what the groups of its pattern matched @param text what stands behind the colon */
type Sentence = (
  stage: Stage,
  client: ScriptClient,
  words: readonly (string | undefined)[],
  text: string,
) => Promise<void> | void;

/** What a connected client can do. */
const sentences: readonly (readonly [RegExp, Sentence])[] = [
  [/^sends$/, (stage, client, _, text) => client.send(stage.say(text, client))],
  [/^sends line$/, (stage, client, _, text) => client.send(`${stage.say(text, client)}\r\n`)],
  [/^sends bytes$/, (_stage, client, _, text) => client.send(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'))],
  [/^receives$/, (stage, client, _, text) => stage.receives(client, text)],
  [
    /^receives within (\d+)s$/,
    (stage, client, [seconds], text) => stage.receives(client, text, { patience: Number(seconds) * 1000 }),
  ],
  [/^receives exactly$/, (stage, client, _, text) => stage.receives(client, text, { exactly: true })],
  [/^receives in any order$/, (stage, client, _, text) => stage.receivesInAnyOrder(client, text)],
  [
    /^is answered (\S+)(?: with)?$/,
    (stage, client, [id = ''], text) => stage.receives(client, `<iq type='result' id='${id}'>${text}</iq>`),
  ],
  [/^is refused (\S+)$/, (stage, client, [id = ''], text) => stage.isRefused(client, id, text)],
  [/^is cut off$/, (stage, client, _, text) => stage.isCutOff(client, text)],
  [/^is closed$/, (_stage, client) => client.closed()],
  [/^is quiet$/, (_stage, client) => isQuiet(client)],
  [/^forgets$/, (_stage, client) => forgets(client)],
  [/^passes over$/, (stage, client, _, text) => stage.passesOver(client, text)],
  [/^restarts$/, (stage, client, _, text) => restarts(client, stage.say(text, client))],
  [/^was given a header$/, (stage, client, _, text) => stage.wasGiven(client, text)],
  [/^starts tls$/, (_stage, client) => client.secure()],
  [
    /^is shown a( new)? certificate of (\S+)$/,
    (stage, client, [fresh, name = '']) => stage.isShown(client, name, fresh !== undefined),
  ],
  [/^stops reading$/, (_stage, client) => client.stopReading()],
  [/^ends$/, (_stage, client) => client.end()],
  [/^disconnects$/, (_stage, client) => (client.end(), client.closed())],
  [/^breaks$/, (_stage, client) => client.break()],
];

/** Where a script is played: the server, the accounts, the clients, and what they have learned. */
export class Stage {
  readonly #server: ScriptServer;
  readonly #accounts = new Map<string, Account>();
  readonly #clients = new Map<string, ScriptClient>();
  readonly #names: Names = new Map();
  /** Fingerprints of certificates that clients were shown. */
  readonly #certificates = new Set<string>();

  constructor(server: ScriptServer) {
    this.#server = server;
  }

  async perform({ text, verb, who }: Statement): Promise<void> {
    if (who === 'settings') return;
    if (who === 'account') return this.#account(verb);
    if (who === 'server') return this.#serverDoes(verb, text);
    if (who.includes('@')) return this.#relate(who, verb);
    const [, entrance, phrase = ''] = /^(connects|is online|logs in|opens|dials)( .+)?$/.exec(verb) ?? [];
    if (entrance !== undefined) return this.#enters(who, entrance, phrase, text);
    const client = this.#clients.get(who);
    if (client === undefined) throw new Error(`${who} is not connected`);
    for (const [pattern, sentence] of sentences) {
      const found = pattern.exec(verb);
      if (found !== null) return sentence(this, client, found.slice(1), text);
    }
    throw new Error(`nobody knows how to ${verb}`);
  }

  close(): void {
    for (const client of this.#clients.values()) client.break();
  }

  say(text: string, client?: ScriptClient): string {
    return say(text, this.#names, client);
  }

  #account(verb: string): Promise<void> {
    const [user = '', password = ''] = verb.split(' ');
    const account = { user, password };
    this.#accounts.set(user.slice(0, user.indexOf('@')), account);
    this.#accounts.set(user, account);
    return this.#server.register(user, password);
  }

  #relate(one: string, verb: string): void {
    const [, other = ''] = /^(?:and|sees) (\S+)/.exec(verb) ?? [];
    const mutual = verb.startsWith('and ');
    this.#server.contact(one, other, mutual ? 'both' : 'to');
    this.#server.contact(other, one, mutual ? 'both' : 'from');
  }

  async #serverDoes(verb: string, text: string): Promise<void> {
    const [word, what = ''] = verb.split(' ');
    if (word === 'restarts') return this.#server.restart();
    if (word === 'stops') return void this.#server.stop();
    if (word === 'renews') return this.#server.renewCertificate(what);
    if (word === 'removes') return this.#server.removeAccount(what);
    if (word === 'reloads') return this.#server.reload(text === '' ? undefined : text);
    throw new Error(`the server does not know how to ${verb}`);
  }

  /** `connects`, `is online`, `logs in`, `opens`, `dials`, and how: `as romeo@localhost/orchard`, `on c2s-tls`, `to localhost`, `without ALPN`. */
  async #enters(who: string, how: string, phrase: string, text: string): Promise<void> {
    const option = (word: string): string | undefined => new RegExp(` ${word} (\\S+)`).exec(phrase)?.[1];
    const on = option('on') ?? 'c2s';
    const [bare = '', resource = ''] = (option('as') ?? who).split('/');
    const logsIn = how !== 'opens' && how !== 'dials';
    const account = this.#accounts.get(bare);
    if (logsIn && account === undefined) throw new Error(`there is no account ${bare}`);
    const [local = '', domain = 'localhost'] = account?.user.split('@') ?? [];
    const client = await ScriptClient.dial(who, {
      port: this.#server.port(on),
      direct: on === 'c2s-tls',
      domain: option('to') ?? domain,
      alpn: phrase.includes(' without ALPN') ? [] : ['xmpp-client'],
    });
    this.#clients.get(who)?.break();
    this.#clients.set(who, client);
    if (how === 'opens') await restarts(client, this.say(text, client));
    if (!logsIn || account === undefined) return;
    await client.authenticate(local, account.password);
    if (how === 'logs in') return;
    await client.bind(resource);
    if (how === 'connects') return;
    client.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq><presence/>");
    await forgets(client);
  }

  async receives(
    client: ScriptClient,
    text: string,
    how: { readonly exactly?: boolean; readonly patience?: number } = {},
  ): Promise<void> {
    for (const expected of elementsOf(this.say(text, client))) {
      const actual = await client.next(how.patience);
      const problem = mismatch(expected, actual, this.#names, how.exactly === true);
      if (problem !== undefined)
        throw new Error(`${problem}\n  expected ${expected.toString()}\n  received ${actual.toString()}`);
    }
  }

  async receivesInAnyOrder(client: ScriptClient, text: string): Promise<void> {
    const expected = [...elementsOf(text)];
    while (expected.length > 0) {
      const actual = await client.next();
      const at = expected.findIndex((candidate) => mismatch(candidate, actual, this.#names, false) === undefined);
      if (at < 0) throw new Error(`nobody expected ${actual.toString()}\n  but ${expected.join('\n  or  ')}`);
      expected.splice(at, 1);
    }
  }

  /** A stanza error of whatever kind of stanza: `cancel item-not-found`. */
  async isRefused(client: ScriptClient, id: string, text: string): Promise<void> {
    const actual = await client.next();
    const [type = '', condition = ''] = text.split(' ');
    const expected = `<${actual.getName()} type='error' id='${id}'><error type='${type}'><${condition} xmlns='${STANZA_ERRORS}'/></error></${actual.getName()}>`;
    const problem = elementsOf(expected).map((element) => mismatch(element, actual, this.#names, false))[0];
    if (problem !== undefined) throw new Error(`${problem}\n  received ${actual.toString()}`);
  }

  async isCutOff(client: ScriptClient, condition: string): Promise<void> {
    await this.receives(client, `<stream:error><${condition} xmlns='${STREAM_ERRORS}'/></stream:error>`);
    await client.closed();
  }

  /** The attributes of the server's last stream header. */
  wasGiven({ header }: ScriptClient, text: string): void {
    const attributes = Object.fromEntries(header?.attributes ?? []);
    const problem = elementsOf(`<header ${text}/>`).map((element) => {
      const given = new Element('header', { xmlns: 'jabber:client', ...attributes });
      return mismatch(element, given, this.#names, false);
    })[0];
    if (problem !== undefined) throw new Error(`${problem}\n  received ${JSON.stringify(attributes)}`);
  }

  isShown({ certificate: { fingerprint256, subjectaltname } }: ScriptClient, name: string, fresh: boolean): void {
    if (subjectaltname?.split(', ').includes(`DNS:${name}`) !== true) throw new Error(`it is of ${subjectaltname}`);
    if (fresh && this.#certificates.has(fingerprint256)) throw new Error('it is the one that was shown before');
    this.#certificates.add(fingerprint256);
  }

  passesOver(client: ScriptClient, text: string): void {
    const unwanted = elementsOf(text);
    client.passes = (element) => unwanted.some((one) => mismatch(one, element, new Map(), false) === undefined);
  }
}

/** Sends a new header, and waits for the server's. */
async function restarts(client: ScriptClient, header: string): Promise<void> {
  await client.open(header === '' ? undefined : header);
}

async function isQuiet(client: ScriptClient): Promise<void> {
  await client.settle();
  if (client.received.length > 0) throw new Error(`but got ${client.received.join('\n')}`);
}

async function forgets(client: ScriptClient): Promise<void> {
  await client.settle();
  client.received.length = 0;
}

function elementsOf(text: string): readonly Element[] {
  const around = `<script xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>${text}</script>`;
  const parsed = parseDocument(around, LIMITS);
  if (!('element' in parsed)) throw new Error(`the script's XML is wrong: ${parsed.reason}`);
  return parsed.element.getChildElements();
}
