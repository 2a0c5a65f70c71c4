import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { getCACertificates, setDefaultCACertificates, TLSSocket } from 'node:tls';
import { xml } from '@xmpp/client';
import type { Element } from 'ltx';
import type { Checks } from './checks.ts';
import { ADDRESS, DOMAIN, type Ports } from './server.ts';
import { type Account, account, DIFFICULT, type Scene, type Transcript } from './transcript.ts';
import { NS, Person } from './xmpp-client-person.ts';

/** @xmpp/client 0.14: STARTTLS, direct TLS and WebSocket; SASL2, Bind 2, FAST and stream management where offered. */
export const xmppClient: Transcript = {
  name: 'xmpp-client',
  protocol: 'xmpp',
  missing: () => {
    try {
      createRequire(import.meta.url).resolve('@xmpp/client/package.json');
      return undefined;
    } catch {
      return '@xmpp/client is not installed: npm ci';
    }
  },
  play,
};

async function play(scene: Scene): Promise<void> {
  // For the same reason it leaves a promise behind that nobody has, and that is rejected when the login is.
  const left = (error: unknown): void => {
    if (!(error instanceof Error) || !['SASLError', 'TimeoutError'].includes(error.name)) throw error;
  };
  process.on('unhandledRejection', left);
  try {
    await converse(scene);
  } finally {
    process.off('unhandledRejection', left);
  }
}

async function converse({ server, checks }: Scene): Promise<void> {
  const juliet = account('xmppjs', 'juliet');
  const romeo = account('xmppjs', 'romeo');
  const { ports } = server;
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(server.certificate, 'utf8')]);
  await server.register(juliet.user, juliet.password);
  await server.register(romeo.user, romeo.password);
  await wrongPassword(checks, juliet, ports);

  const balcony = new Person(juliet, `xmpp://${ADDRESS}:${ports.c2s}`, 'balcony');
  const orchard = new Person(romeo, `xmpps://localhost:${ports.tls}`, 'orchard');
  await checks.need('juliet logs in over STARTTLS', () => balcony.login());
  await checks.need('romeo logs in over direct TLS', () => orchard.login());
  await checks.step('both connections are encrypted, the certificate verified', () => {
    for (const {
      client: { socket },
    } of [balcony, orchard]) {
      const inner = (socket as { readonly socket?: unknown } | null)?.socket;
      assert(inner instanceof TLSSocket && inner.authorized);
    }
  });
  await subscribe(checks, balcony, orchard);
  await chat(checks, balcony, orchard);
  await presence(checks, balcony, orchard);
  await carbons(checks, balcony, orchard, `ws://localhost:${ports.ws}/ws`);
  await resume(checks, balcony, orchard);
  if (server.name === 'trivium') {
    await checks.step('she came back with the token that her first login gave her (XEP-0484)', async () => {
      assert.match(server.output(), new RegExp(`logged in jid=${juliet.jid} mechanism=HT-SHA-256-`));
    });
  }
  await queries(checks, balcony, orchard);
  await blocking(checks, balcony, orchard);
  await offline(checks, balcony, orchard, ports);
  await orchard.logout();
}

async function wrongPassword(checks: Checks, who: Account, ports: Ports): Promise<void> {
  const wrong = new Person({ ...who, password: 'guess' }, `xmpps://localhost:${ports.tls}`, 'x');
  await checks.step('a wrong password is refused as not-authorized', async () => {
    wrong.start();
    await wrong.states.take('refusal', (state) => state.includes('not-authorized'));
  });
  await wrong.client.stop().catch(() => undefined);
}

async function subscribe(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  const [hers, his] = [juliet.account.jid, romeo.account.jid];
  await checks.step('rosters are empty at first', async () => {
    assert.equal((await juliet.roster()).length, 0);
    assert.equal((await romeo.roster()).length, 0);
  });
  await checks.step('juliet adds romeo with a name and a group', async () => {
    await juliet.setRoster(xml('item', { jid: his, name: 'Romeo & <co>' }, xml('group', {}, 'Friends')));
    await juliet.rosterPush(
      his,
      (item) => item.attrs['name'] === 'Romeo & <co>' && item.getChildText('group') === 'Friends',
    );
  });
  await checks.step('romeo gets the request and accepts it', async () => {
    await juliet.subscription('subscribe', his);
    await juliet.rosterPush(his, (item) => item.attrs['ask'] === 'subscribe');
    await romeo.presence(hers, 'subscribe');
    await romeo.subscription('subscribed', hers);
    await juliet.presence(his, 'subscribed');
    await juliet.rosterPush(his, (item) => item.attrs['subscription'] === 'to');
    await juliet.presence(romeo.jid);
  });
  await checks.step('the other way round', async () => {
    await romeo.roster();
    await romeo.subscription('subscribe', hers);
    await juliet.presence(his, 'subscribe');
    await juliet.subscription('subscribed', his);
    await romeo.presence(hers, 'subscribed');
    await romeo.rosterPush(hers, (item) => item.attrs['subscription'] === 'both');
    await romeo.presence(juliet.jid);
  });
  await checks.step('juliet renames romeo and moves him to other groups', async () => {
    const groups = [xml('group', {}, 'Montagues'), xml('group', {}, 'Ball')];
    await juliet.setRoster(xml('item', { jid: his, name: 'My Romeo' }, ...groups));
    const [item] = await juliet.roster();
    assert.deepEqual([item?.attrs['name'], item?.attrs['subscription']], ['My Romeo', 'both']);
    assert.deepEqual(
      item
        ?.getChildren('group')
        .map((group) => group.text())
        .toSorted(),
      ['Ball', 'Montagues'],
    );
  });
}

async function chat(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  await checks.step('juliet writes to romeo', async () => {
    await juliet.say(romeo.account.jid, 'Wherefore art thou?');
    const message = await romeo.hear('Wherefore art thou?', juliet.jid);
    assert.equal(message.attrs['type'], 'chat');
    assert.equal(message.getChild('delay', NS.delay), undefined);
  });
  await checks.step('romeo answers', async () => {
    await romeo.say(juliet.jid, 'Shall I speak at this?');
    await juliet.hear('Shall I speak at this?', romeo.jid);
  });
  await checks.step('markup, emoji and other scripts arrive as written', async () => {
    await juliet.say(romeo.jid, DIFFICULT);
    await romeo.hear(DIFFICULT, juliet.jid);
  });
}

async function presence(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  await checks.step('romeo sees juliet go away, with a status', async () => {
    await juliet.show(xml('show', {}, 'away'), xml('status', {}, 'On the balcony 🌙'));
    const seen = await romeo.presence(juliet.jid);
    assert.deepEqual([seen.getChildText('show'), seen.getChildText('status')], ['away', 'On the balcony 🌙']);
  });
  await checks.step('and come back', async () => {
    await juliet.show();
    assert.equal((await romeo.presence(juliet.jid)).getChildText('show'), null);
  });
}

async function carbons(checks: Checks, juliet: Person, romeo: Person, service: string): Promise<void> {
  const phone = new Person(romeo.account, service, 'phone');
  await checks.need('romeo logs in a second time, over a WebSocket', () => phone.login());
  await checks.step('juliet and his first resource see the second', async () => {
    await juliet.presence(phone.jid);
    await romeo.presence(phone.jid);
  });
  const copied = (kind: string, body: string): Promise<Element> =>
    phone.stanzas.take(`carbon ${kind} "${body}"`, (stanza) => {
      const message = stanza.getChild(kind, NS.carbons)?.getChild('forwarded', NS.forward)?.getChild('message');
      return stanza.attrs['from'] === romeo.account.jid && message?.getChildText('body') === body;
    });
  await checks.step('the second gets copies of what the first gets and writes', async () => {
    await phone.client.iqCaller.set(xml('enable', { xmlns: NS.carbons }));
    await juliet.say(romeo.jid, 'to the orchard');
    await romeo.hear('to the orchard', juliet.jid);
    await copied('received', 'to the orchard');
    await romeo.say(juliet.jid, 'from the orchard');
    await juliet.hear('from the orchard', romeo.jid);
    await copied('sent', 'from the orchard');
  });
  await checks.step('juliet sees the second go', async () => {
    await phone.logout();
    await juliet.presence(phone.jid, 'unavailable');
  });
}

async function resume(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  const before = juliet.jid;
  await checks.step('a lost connection is resumed: nothing is lost, nobody sees her go', async () => {
    assert(juliet.client.streamManagement.enabled);
    const gone = once(juliet.client, 'disconnect');
    (juliet.client.socket as unknown as { readonly socket: TLSSocket }).socket.destroy();
    await gone;
    await romeo.say(before, 'while the line was dead');
    await romeo.client.iqCaller.get(xml('ping', { xmlns: NS.ping }));
    const resumed = once(juliet.client.streamManagement, 'resumed');
    juliet.client.reconnect.reconnect().catch(() => undefined);
    await resumed;
    await juliet.hear('while the line was dead', romeo.jid);
    assert.equal(juliet.jid, before);
    await juliet.say(romeo.jid, 'here again');
    await romeo.hear('here again', before);
    assert(
      !romeo.stanzas.has(
        (stanza) => stanza.is('presence') && stanza.attrs['type'] === 'unavailable' && stanza.attrs['from'] === before,
      ),
    );
  });
}

async function queries(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  const { iqCaller } = juliet.client;
  await checks.step('ping: server, and romeo through the server', async () => {
    await iqCaller.get(xml('ping', { xmlns: NS.ping }), DOMAIN);
    await iqCaller.get(xml('ping', { xmlns: NS.ping }), romeo.jid);
  });
  await checks.step('the server tells its name and version', async () => {
    assert((await iqCaller.get(xml('query', { xmlns: NS.version }), DOMAIN))?.getChildText('name'));
  });
  await checks.step('the server tells its features', async () => {
    const info = await iqCaller.get(xml('query', { xmlns: NS.disco }), DOMAIN);
    const features = info?.getChildren('feature').map(({ attrs }) => attrs['var'] as string);
    for (const feature of [NS.disco, NS.ping, NS.version, NS.blocking, NS.carbons])
      assert(features?.includes(feature), feature);
    assert.equal(info?.getChild('identity')?.attrs['category'], 'server');
  });
  await checks.step('romeo reads the vCard that juliet published', async () => {
    await iqCaller.set(xml('vCard', { xmlns: NS.vcard }, xml('FN', {}, 'Juliet <Capulet> & "co"')));
    const card = await romeo.client.iqCaller.get(xml('vCard', { xmlns: NS.vcard }), juliet.account.jid);
    assert.equal(card?.getChildText('FN'), 'Juliet <Capulet> & "co"');
  });
  await checks.step('private storage gives back what it was given', async () => {
    const data = (text: string): Element =>
      xml('query', { xmlns: NS.private }, xml('notes', { xmlns: 'example:notes' }, text));
    await iqCaller.set(data('poison?'));
    assert.equal((await iqCaller.get(data('')))?.getChildText('notes', 'example:notes'), 'poison?');
  });
  await checks.step('an unknown query is refused as service-unavailable', async () => {
    await assert.rejects(iqCaller.get(xml('query', { xmlns: 'example:unknown' }), DOMAIN), /service-unavailable/);
  });
}

async function blocking(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  const item = xml('item', { jid: romeo.account.jid });
  await checks.step('romeo, blocked, sees juliet go offline and cannot write to her', async () => {
    await juliet.client.iqCaller.set(xml('block', { xmlns: NS.blocking }, item));
    await romeo.presence(juliet.jid, 'unavailable');
    await romeo.say(juliet.account.jid, 'please');
    const error = await romeo.stanzas.take(
      'error',
      (stanza) => stanza.is('message') && stanza.attrs['type'] === 'error',
    );
    assert(error.getChild('error')?.getChild('service-unavailable'));
  });
  await checks.step('unblocked, he sees her and writes again', async () => {
    await juliet.client.iqCaller.set(xml('unblock', { xmlns: NS.blocking }, item));
    await romeo.presence(juliet.jid);
    await romeo.say(juliet.jid, 'thank you');
    await juliet.hear('thank you', romeo.jid);
    assert(!juliet.stanzas.has((stanza) => stanza.getChildText('body') === 'please'));
  });
}

async function offline(checks: Checks, juliet: Person, romeo: Person, ports: Ports): Promise<void> {
  const password = 'a new one 🔑';
  await checks.step('juliet changes her password', async () => {
    const [username, changed] = [xml('username', {}, juliet.account.user), xml('password', {}, password)];
    await juliet.client.iqCaller.set(xml('query', { xmlns: NS.register }, username, changed), DOMAIN);
  });
  await checks.step('romeo sees juliet go offline', async () => {
    await juliet.logout();
    await romeo.presence(juliet.jid, 'unavailable');
  });
  const again = new Person({ ...juliet.account, password }, `xmpp://${ADDRESS}:${ports.c2s}`, 'chamber');
  await checks.need('what he writes then waits for her next login, in order, with the time', async () => {
    await romeo.say(juliet.account.jid, 'good night');
    await romeo.say(juliet.account.jid, DIFFICULT);
    await romeo.client.iqCaller.get(xml('ping', { xmlns: NS.ping }));
    await again.login();
    const [first, second] = [await again.hear('good night', romeo.jid), await again.hear(DIFFICULT, romeo.jid)];
    for (const message of [first, second]) {
      const stamp = Date.parse(String(message.getChild('delay', NS.delay)?.attrs['stamp']));
      assert(Math.abs(Date.now() - stamp) < 60_000, `stamp ${stamp}`);
    }
  });
  await wrongPassword(checks, juliet.account, ports);
  await checks.step('juliet removes romeo: both rosters say so, he sees her go', async () => {
    const kept = (await again.roster()).map(({ attrs }) => attrs['name'] as string);
    assert.deepEqual(kept, ['My Romeo']);
    await again.setRoster(xml('item', { jid: romeo.account.jid, subscription: 'remove' }));
    await again.rosterPush(romeo.account.jid, (item) => item.attrs['subscription'] === 'remove');
    await romeo.presence(juliet.account.jid, 'unsubscribed');
    await romeo.rosterPush(juliet.account.jid, (item) => item.attrs['subscription'] === 'none');
    await romeo.presence(again.jid, 'unavailable');
    assert.deepEqual(await again.roster(), []);
  });
  await again.logout();
}
