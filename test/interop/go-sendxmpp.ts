import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { parse, type Element } from 'ltx';
import { type Checks, Events } from './checks.ts';
import { DOMAIN, type Server } from './server.ts';
import { type Account, account, DIFFICULT, type Scene, type Transcript } from './transcript.ts';

/**
 * go-sendxmpp of Debian: sends from the command line, and listens. It has no commands for rosters and presence, so these stanzas are
 * written with `--raw`; what a listener receives is read from its `--debug` output.
 */
export const goSendxmpp: Transcript = {
  name: 'go-sendxmpp',
  protocol: 'xmpp',
  missing: () =>
    spawnSync('go-sendxmpp', ['--version']).status === 0
      ? undefined
      : 'go-sendxmpp is missing: apt-get install go-sendxmpp',
  play,
};

/** How a connection is protected: STARTTLS or TLS at once; the certificate is trusted, or not looked at, or not trusted. */
interface Way {
  readonly tls: 'starttls' | 'direct';
  readonly certificate: 'trusted' | 'ignored' | 'unknown';
}

const VERIFIED: Way = { tls: 'starttls', certificate: 'trusted' };
const DIRECT: Way = { tls: 'direct', certificate: 'trusted' };

class Client {
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  start(who: Account, { tls, certificate }: Way, args: readonly string[]): ChildProcess {
    const { ports } = this.#server;
    const connection = [
      '-u',
      who.jid,
      '-p',
      who.password,
      '-j',
      `${DOMAIN}:${tls === 'direct' ? ports.tls : ports.c2s}`,
    ];
    const flags = [...(tls === 'direct' ? ['-t'] : []), ...(certificate === 'ignored' ? ['-n'] : [])];
    // Go takes its roots from this file.
    const trust = certificate === 'trusted' ? { SSL_CERT_FILE: this.#server.certificate } : {};
    return spawn('go-sendxmpp', [...connection, ...flags, ...args], { env: { ...process.env, ...trust } });
  }

  /** Runs it with this input to its end. @throws Error with what it says when it fails */
  async #send(who: Account, way: Way, args: readonly string[], input: string): Promise<void> {
    const child = this.start(who, way, args);
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.stdin?.end(input);
    const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(`exit code ${code}: ${said}`);
  }

  async say(who: Account, to: Account, body: string, way: Way = VERIFIED): Promise<void> {
    await this.#send(who, way, [to.jid], body);
  }

  async raw(who: Account, stanza: string, way: Way = VERIFIED): Promise<void> {
    await this.#send(who, way, ['--raw'], stanza);
  }
}

/** Somebody who listens. */
class Listener {
  readonly stanzas = new Events<Element>();
  readonly lines = new Events<string>();
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #unread = '';

  constructor(client: Client, who: Account, way: Way) {
    this.#child = client.start(who, way, ['-l', '-d']);
    this.#ended = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.stdin?.end();
    // A message may be several lines; each begins with the time.
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      for (const message of text.split(/^(?=\d{4}-\d\d-\d\dT[\d:]+Z )/m)) this.lines.push(message.trimEnd());
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#read(text));
  }

  #read(text: string): void {
    this.#unread += text;
    for (;;) {
      const match = /<(message|presence|iq)\b[^>]*?(?:\/>|>.*?<\/\1>)/s.exec(this.#unread);
      if (match === null) return;
      this.#unread = this.#unread.slice(match.index + match[0].length);
      this.stanzas.push(parse(match[0]));
    }
  }

  /** @returns its own address, from its own presence */
  async online(who: Account): Promise<string> {
    return String((await this.presence(who)).attrs['from']);
  }

  async presence(from: Account, type?: string, matches: (presence: Element) => boolean = () => true): Promise<Element> {
    return await this.stanzas.take(`presence ${type ?? 'available'} from ${from.jid}`, (stanza) => {
      const sender = String(stanza.attrs['from']).split('/')[0];
      return stanza.is('presence') && sender === from.jid && stanza.attrs['type'] === type && matches(stanza);
    });
  }

  /** A chat message as it came and as it is shown. */
  async hear(from: Account, body: string): Promise<Element> {
    await this.lines.take(`line "${body}"`, (line) => line.endsWith(` ${from.jid}: ${body}`));
    return await this.stanzas.take(
      `message "${body}"`,
      (stanza) => stanza.is('message') && stanza.getChildText('body') === body,
    );
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.#ended;
  }
}

async function play({ server, checks }: Scene): Promise<void> {
  const [juliet, romeo] = [account('gosendxmpp', 'juliet'), account('gosendxmpp', 'romeo')];
  await server.register(juliet.user, juliet.password);
  await server.register(romeo.user, romeo.password);
  const client = new Client(server);
  await refusals(checks, client, juliet, romeo);

  const hers = new Listener(client, juliet, VERIFIED);
  const his = new Listener(client, romeo, DIRECT);
  const balcony = await checks.need('juliet listens over STARTTLS', () => hers.online(juliet));
  await checks.need('romeo listens over direct TLS', () => his.online(romeo));
  await chat(checks, client, { juliet, romeo, hers, his, balcony });
  await rosters(checks, client, { juliet, romeo, hers, his, balcony });
  await offline(checks, client, { juliet, romeo, hers, his, balcony });
  await his.stop();
}

interface Cast {
  readonly juliet: Account;
  readonly romeo: Account;
  readonly hers: Listener;
  readonly his: Listener;
  /** The address of her listener. */
  readonly balcony: string;
}

async function refusals(checks: Checks, client: Client, juliet: Account, romeo: Account): Promise<void> {
  await checks.step('a wrong password is refused', async () => {
    await assert.rejects(client.say({ ...juliet, password: 'guess' }, romeo, 'x'), /auth failure|not-authorized/);
  });
  await checks.step('it refuses the self-made certificate unless told to trust it', async () => {
    await assert.rejects(client.say(juliet, romeo, 'x', { tls: 'starttls', certificate: 'unknown' }), /x509/);
  });
}

async function chat(checks: Checks, client: Client, { juliet, romeo, hers, his }: Cast): Promise<void> {
  await checks.step('juliet writes to romeo', async () => {
    await client.say(juliet, romeo, 'Wherefore art thou?');
    const message = await his.hear(juliet, 'Wherefore art thou?');
    assert.equal(message.attrs['type'], 'chat');
    assert.equal(message.getChild('delay'), undefined);
  });
  await checks.step('romeo answers, over direct TLS and without a look at the certificate', async () => {
    await client.say(romeo, juliet, 'Shall I speak at this?', { tls: 'direct', certificate: 'ignored' });
    await hers.hear(romeo, 'Shall I speak at this?');
  });
  await checks.step('markup, emoji and other scripts arrive as written', async () => {
    await client.say(juliet, romeo, DIFFICULT, { tls: 'starttls', certificate: 'ignored' });
    await his.hear(juliet, DIFFICULT);
  });
  await checks.step('so do several lines', async () => {
    await client.say(juliet, romeo, 'one\n\ttwo\nthree');
    await his.hear(juliet, 'one\n\ttwo\nthree');
  });
}

async function rosters(checks: Checks, client: Client, { juliet, romeo, hers, his, balcony }: Cast): Promise<void> {
  const set = (to: Account, attributes: string, group = ''): string =>
    `<iq type='set' id='roster'><query xmlns='jabber:iq:roster'><item jid='${to.jid}' ${attributes}>${group}</item></query></iq>`;
  const subscription = (to: Account, type: string): string => `<presence to='${to.jid}' type='${type}'/>`;
  await checks.step('juliet adds romeo and asks for his presence; he accepts', async () => {
    await client.raw(juliet, set(romeo, `name='Romeo'`, '<group>Friends</group>') + subscription(romeo, 'subscribe'));
    await his.presence(juliet, 'subscribe');
    await client.raw(romeo, subscription(juliet, 'subscribed'));
    // The answer itself goes to those only who have asked for their roster (RFC 6121 section 3.1.6), which a listener does not.
    await hers.presence(romeo);
  });
  await checks.step('the other way round', async () => {
    await client.raw(romeo, subscription(juliet, 'subscribe'));
    await hers.presence(romeo, 'subscribe');
    await client.raw(juliet, subscription(romeo, 'subscribed'));
    await his.presence(juliet);
  });
  await checks.step('romeo sees juliet come, go away with a status, and leave', async () => {
    await client.raw(juliet, '<presence><show>away</show><status>On the balcony 🌙</status></presence>');
    const away = await his.presence(juliet, undefined, (seen) => seen.getChildText('show') === 'away');
    assert.equal(away.getChildText('status'), 'On the balcony 🌙');
    await his.presence(juliet, 'unavailable', (seen) => seen.attrs['from'] === away.attrs['from']);
  });
  await checks.step('juliet renames him, moves him to another group, and removes him: he sees her go', async () => {
    await client.raw(juliet, set(romeo, `name='My Romeo'`, '<group>Montagues</group>'));
    await client.raw(juliet, set(romeo, `subscription='remove'`));
    await his.presence(juliet, 'unavailable', (seen) => seen.attrs['from'] === balcony);
  });
}

async function offline(checks: Checks, client: Client, { juliet, romeo, hers }: Cast): Promise<void> {
  await checks.step(
    'what romeo writes while juliet is away waits for her next login, in order, with the time',
    async () => {
      await hers.stop();
      await client.say(romeo, juliet, 'good night');
      await client.say(romeo, juliet, DIFFICULT);
      const again = new Listener(client, juliet, DIRECT);
      for (const body of ['good night', DIFFICULT]) {
        const stamp = Date.parse(String((await again.hear(romeo, body)).getChild('delay')?.attrs['stamp']));
        assert(Math.abs(Date.now() - stamp) < 60_000, `stamp ${stamp}`);
      }
      await again.stop();
    },
  );
}
