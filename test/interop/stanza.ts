import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { Checks } from './checks.ts';
import { DOMAIN, type Ports } from './server.ts';
import { Person } from './stanza-person.ts';
import { type Account, account, DIFFICULT, type Scene, type Transcript } from './transcript.ts';

/** stanza 12: WebSocket, plain and over TLS, with stream management and client state indication. */
export const stanza: Transcript = {
  name: 'stanza',
  protocol: 'xmpp',
  missing: () => {
    try {
      createRequire(import.meta.url).resolve('stanza');
      return undefined;
    } catch {
      return 'stanza is not installed: npm ci';
    }
  },
  play,
};

async function play({ server, checks }: Scene): Promise<void> {
  const [juliet, romeo] = [account('stanza', 'juliet'), account('stanza', 'romeo')];
  const { ports } = server;
  setDefaultCACertificates([...getCACertificates('default'), readFileSync(server.certificate, 'utf8')]);
  await server.register(juliet.user, juliet.password);
  await server.register(romeo.user, romeo.password);
  await wrongPassword(checks, juliet, ports);

  const balcony = new Person(juliet, `ws://localhost:${ports.ws}/ws`, 'balcony');
  const orchard = new Person(romeo, `wss://localhost:${ports.wss}/ws`, 'orchard');
  await checks.need('juliet logs in over ws; her roster is empty', async () =>
    assert.equal((await balcony.login()).length, 0),
  );
  await checks.need('romeo logs in over wss, the certificate verified', () => orchard.login());
  await subscribe(checks, balcony, orchard);
  await chat(checks, balcony, orchard);
  await presence(checks, balcony, orchard);
  await carbons(checks, balcony, orchard, ports);
  await resume(checks, balcony, orchard);
  await queries(checks, balcony, orchard);
  await blocking(checks, balcony, orchard);
  await offline(checks, balcony, orchard, ports);
  await orchard.logout();
}

async function wrongPassword(checks: Checks, who: Account, ports: Ports): Promise<void> {
  const wrong = new Person({ ...who, password: 'guess' }, `ws://localhost:${ports.ws}/ws`, 'x');
  await checks.step('a wrong password is refused', async () => {
    wrong.client.connect();
    await wrong.happens('refused');
    await wrong.happens('disconnected');
  });
}

async function subscribe(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  const [hers, his] = [juliet.account.jid, romeo.account.jid];
  await checks.step('juliet adds romeo with a name and groups', async () => {
    await juliet.client.updateRosterItem({
      jid: his,
      name: 'Romeo & <co>',
      groups: ['Friends', 'Ball'],
      subscription: 'none',
    });
    await juliet.rosterPush(his, ({ name, groups }) => name === 'Romeo & <co>' && groups?.length === 2);
  });
  await checks.step('romeo gets the request and accepts it', async () => {
    juliet.client.subscribe(his);
    await romeo.presence(hers, 'subscribe');
    romeo.client.acceptSubscription(hers);
    await juliet.presence(his, 'subscribed');
    await juliet.rosterPush(his, ({ subscription }) => subscription === 'to');
    await juliet.presence(romeo.jid);
  });
  await checks.step('the other way round', async () => {
    romeo.client.subscribe(hers);
    await juliet.presence(his, 'subscribe');
    juliet.client.acceptSubscription(his);
    await romeo.presence(hers, 'subscribed');
    await romeo.rosterPush(hers, ({ subscription }) => subscription === 'both');
    await romeo.presence(juliet.jid);
  });
  await checks.step('juliet renames romeo and moves him to another group', async () => {
    await juliet.client.updateRosterItem({ jid: his, name: 'My Romeo', groups: ['Montagues'], subscription: 'none' });
    const [item] = await juliet.roster();
    assert.deepEqual([item?.name, item?.subscription, item?.groups], ['My Romeo', 'both', ['Montagues']]);
  });
}

async function chat(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  await checks.step('juliet writes to romeo; the server acknowledges it, and he its receipt', async () => {
    const id = juliet.client.sendMessage({
      to: romeo.account.jid,
      type: 'chat',
      body: 'Wherefore art thou?',
      receipt: { type: 'request' },
    });
    const message = await romeo.hear('Wherefore art thou?', juliet.jid);
    assert.deepEqual([message.id, message.type, message.delay], [id, 'chat', undefined]);
    await juliet.events.take('acknowledgement', (event) => event.kind === 'acked' && event.id === id);
    await juliet.events.take('receipt', (event) => event.kind === 'receipt' && event.id === id);
  });
  await checks.step('romeo answers', async () => {
    romeo.say(juliet.jid, 'Shall I speak at this?');
    await juliet.hear('Shall I speak at this?', romeo.jid);
  });
  await checks.step('markup, emoji and other scripts arrive as written', async () => {
    juliet.say(romeo.jid, DIFFICULT);
    await romeo.hear(DIFFICULT, juliet.jid);
  });
}

async function presence(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  await checks.step('romeo sees juliet go away, with a status', async () => {
    juliet.client.sendPresence({ show: 'away', status: 'On the balcony 🌙', priority: 5 });
    const { show, status, priority } = await romeo.presence(juliet.jid);
    assert.deepEqual([show, status, priority], ['away', 'On the balcony 🌙', 5]);
  });
  await checks.step('and come back', async () => {
    juliet.client.sendPresence();
    assert.equal((await romeo.presence(juliet.jid)).show, undefined);
  });
}

async function carbons(checks: Checks, juliet: Person, romeo: Person, ports: Ports): Promise<void> {
  const phone = new Person(romeo.account, `ws://localhost:${ports.ws}/ws`, 'phone');
  await checks.need('romeo logs in a second time', () => phone.login());
  const copied = async (kind: 'received' | 'sent', body: string): Promise<void> => {
    const event = await phone.events.take(`carbon ${kind}`, ({ kind: what, ...rest }) => {
      const carbon = what === 'message' && 'message' in rest ? rest.message.carbon : undefined;
      return carbon?.type === kind && carbon.forward.message?.body === body;
    });
    assert(event.kind === 'message' && event.message.from === romeo.account.jid);
  };
  await checks.step('the second gets copies of what the first gets and writes', async () => {
    await phone.client.enableCarbons();
    juliet.say(romeo.jid, 'to the orchard');
    await romeo.hear('to the orchard', juliet.jid);
    await copied('received', 'to the orchard');
    romeo.say(juliet.jid, 'from the orchard');
    await juliet.hear('from the orchard', romeo.jid);
    await copied('sent', 'from the orchard');
  });
  await checks.step('juliet sees the second go', async () => {
    await juliet.presence(phone.jid);
    await phone.logout();
    await juliet.presence(phone.jid, 'unavailable');
  });
}

async function resume(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  await checks.step('a lost connection is resumed: nothing is lost, nobody sees her go', async () => {
    const before = juliet.jid;
    (juliet.client.transport as unknown as { readonly socket: { terminate(): void } }).socket.terminate();
    await juliet.happens('disconnected');
    romeo.say(before, 'while the line was dead');
    await romeo.client.ping();
    juliet.client.connect();
    await juliet.happens('resumed');
    await juliet.hear('while the line was dead', romeo.jid);
    assert.equal(juliet.jid, before);
    juliet.say(romeo.jid, 'here again');
    await romeo.hear('here again', before);
    assert(
      !romeo.events.has(
        (event) => event.kind === 'presence' && event.presence.type === 'unavailable' && event.presence.from === before,
      ),
    );
  });
}

async function queries(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  const { client } = juliet;
  await checks.step('ping: server, and romeo through the server', async () => {
    await client.ping(DOMAIN);
    await client.ping(romeo.jid);
  });
  await checks.step('the server tells its version, time and uptime', async () => {
    assert((await client.getSoftwareVersion(DOMAIN)).name);
    assert(Math.abs(Date.now() - Number((await client.getTime(DOMAIN)).utc)) < 60_000);
    assert(Number((await client.getLastActivity(DOMAIN)).seconds) >= 0);
  });
  await checks.step('the server tells its features and items', async () => {
    const { features, identities } = await client.getDiscoInfo(DOMAIN);
    for (const feature of ['urn:xmpp:ping', 'urn:xmpp:blocking', 'urn:xmpp:carbons:2'])
      assert(features?.includes(feature), feature);
    assert(identities.some(({ category }) => category === 'server'));
    await client.getDiscoItems(DOMAIN);
  });
  await checks.step('romeo reads the vCard that juliet published', async () => {
    await client.publishVCard({ fullName: 'Juliet <Capulet>', name: { family: 'Capulet', given: 'Juliet' } });
    const card = await romeo.client.getVCard(juliet.account.jid);
    assert.deepEqual([card.fullName, card.name?.family], ['Juliet <Capulet>', 'Capulet']);
  });
  await checks.step('private storage gives back what it was given', async () => {
    await client.setPrivateData('bookmarks', { rooms: [{ jid: `ball@${DOMAIN}`, name: 'Masked ball' }] });
    assert.equal((await client.getPrivateData('bookmarks'))?.rooms?.[0]?.name, 'Masked ball');
  });
  await checks.step('inactive or active, she gets messages', async () => {
    client.markInactive();
    romeo.say(juliet.jid, 'asleep?');
    await juliet.hear('asleep?', romeo.jid);
    client.markActive();
  });
}

async function blocking(checks: Checks, juliet: Person, romeo: Person): Promise<void> {
  const his = romeo.account.jid;
  await checks.step('romeo, blocked, sees juliet go offline and cannot write to her', async () => {
    assert.deepEqual((await juliet.client.getBlocked()).jids, []);
    await juliet.client.block(his);
    await juliet.events.take('block', (event) => event.kind === 'blocked' && event.jids.includes(his));
    assert.deepEqual((await juliet.client.getBlocked()).jids, [his]);
    await romeo.presence(juliet.jid, 'unavailable');
    romeo.say(juliet.account.jid, 'please');
    const event = await romeo.events.take('error', (item) => item.kind === 'message' && item.message.type === 'error');
    assert(event.kind === 'message' && event.message.error?.condition === 'service-unavailable');
  });
  await checks.step('unblocked, he sees her and writes again', async () => {
    await juliet.client.unblock(his);
    await juliet.events.take('unblock', (event) => event.kind === 'unblocked' && event.jids.includes(his));
    await romeo.presence(juliet.jid);
    romeo.say(juliet.jid, 'thank you');
    await juliet.hear('thank you', romeo.jid);
    assert(!juliet.events.has((event) => event.kind === 'message' && event.message.body === 'please'));
  });
}

async function offline(checks: Checks, juliet: Person, romeo: Person, ports: Ports): Promise<void> {
  // No emoji: this client prepares passwords by the profile of Unicode 3.2.
  const password = 'ein neues Paßwort';
  await checks.step('juliet changes her password', async () => {
    await juliet.client.updateAccount(DOMAIN, { username: juliet.account.user, password });
  });
  await checks.step('romeo sees juliet go offline', async () => {
    await juliet.logout();
    await romeo.presence(juliet.jid, 'unavailable');
  });
  const again = new Person({ ...juliet.account, password }, `wss://localhost:${ports.wss}/ws`, 'chamber');
  await checks.need('what he writes then waits for her next login, in order, with the time', async () => {
    romeo.say(juliet.account.jid, 'good night');
    romeo.say(juliet.account.jid, DIFFICULT);
    await romeo.client.ping();
    const kept = await again.login();
    assert.deepEqual(
      kept.map(({ name, groups }) => [name, groups]),
      [['My Romeo', ['Montagues']]],
    );
    for (const body of ['good night', DIFFICULT]) {
      const { delay } = await again.hear(body, romeo.jid);
      assert(delay && Math.abs(Date.now() - delay.timestamp.getTime()) < 60_000);
    }
  });
  await wrongPassword(checks, juliet.account, ports);
  await checks.step('juliet removes romeo: both rosters say so, he sees her go', async () => {
    await again.client.removeRosterItem(romeo.account.jid);
    await again.rosterPush(romeo.account.jid, ({ subscription }) => subscription === 'remove');
    await romeo.presence(juliet.account.jid, 'unsubscribed');
    await romeo.rosterPush(juliet.account.jid, ({ subscription }) => subscription === 'none');
    await romeo.presence(again.jid, 'unavailable');
    assert.deepEqual(await again.roster(), []);
  });
  await again.logout();
}
