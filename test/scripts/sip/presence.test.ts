/** Presence as phones watch it: RFC 6665, RFC 3856, with the rosters as the only authority (FEATURES of the core hold for them). */
import test from 'ava';
import { Jid } from '#src/address/jid.ts';
import type { SubscriptionState } from '#src/im/subscription.ts';
import { Session, type Origin } from '#src/session/session.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import { SipTestServer } from '#test/helpers/sip.ts';
import { Watcher } from './watcher.ts';

const JULIET = 'juliet@localhost';
const ROMEO = 'romeo@localhost';
const QUICK = 'sip_presence: { notify_interval: 0s }';

const jid = (text: string): Jid => {
  const parsed = Jid.parse(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};

async function start(settings = QUICK): Promise<SipTestServer> {
  const server = await SipTestServer.start(settings);
  await server.register(JULIET, ROMEO);
  return server;
}

function contact(server: SipTestServer, account: string, other: string, state: SubscriptionState): void {
  server.server.im.roster.put(jid(account), { jid: other, groups: [], state, listed: true });
}

function befriend(server: SipTestServer): void {
  contact(server, JULIET, ROMEO, 'both');
  contact(server, ROMEO, JULIET, 'both');
}

/** A device of another protocol. */
class Desktop extends Session {
  constructor(address: Jid) {
    super(address, 'xmpp', Date.now());
  }

  get origin(): Origin {
    return { connection: 'c2s', ip: '192.0.2.1', port: 1 };
  }

  deliver(): boolean {
    return true;
  }

  close(): void {
    // It has no connection.
  }
}

/** The owner of an account answers a request for a subscription. */
function answer(server: SipTestServer, owner: string, other: string, type: 'subscribed' | 'unsubscribed'): void {
  const stanza = Stanza.make('presence', { from: jid(owner), to: jid(other), type });
  server.server.im.subscriptions.send({ jid: jid(owner) }, stanza, type);
}

test('section 4.2: a contact is seen to come, to change and to go', async (t) => {
  await using server = await start();
  befriend(server);
  const phone = await server.registered(JULIET);
  const watcher = await Watcher.begin(phone, ROMEO, { fields: [['Accept', 'application/pidf+xml']] });
  t.is(watcher.status, 200);
  t.is(watcher.response?.get('Expires'), '600');
  t.truthy(watcher.response?.to?.tag);
  const first = await watcher.notified();
  t.is(first.state.state, 'active');
  t.true((first.state.expires ?? 0) > 590);
  t.is(first.request.get('Event'), 'presence');
  t.is(first.request.contentType?.type, 'application/pidf+xml');
  t.regex(first.body, /entity='pres:romeo@localhost'/);
  t.regex(first.body, /<basic>closed</);
  const romeo = await server.registered(ROMEO);
  t.is(await watcher.told(), 'active open');
  await romeo.register({ expires: 0 });
  t.is(await watcher.told(), 'active closed');
});

test('dialog: From, To, Call-ID and CSeq of NOTIFY are those of the subscription (RFC 3261 section 12)', async (t) => {
  await using server = await start();
  befriend(server);
  const phone = await server.registered(JULIET);
  const watcher = await Watcher.begin(phone, ROMEO);
  const one = (await watcher.notified()).request;
  t.is(one.from?.tag, watcher.response?.to?.tag);
  t.is(one.to?.tag, watcher.response?.from?.tag);
  t.is(one.uri, phone.contact);
  await server.registered(ROMEO);
  const two = (await watcher.notified()).request;
  t.is(two.cseq?.number, (one.cseq?.number ?? 0) + 1);
  t.is(two.contacts?.[0]?.uri, watcher.response?.contacts?.[0]?.uri);
});

test('a stranger waits for the consent of the owner, who is asked as by any device (RFC 8048 section 5)', async (t) => {
  await using server = await start();
  await server.registered(ROMEO);
  const phone = await server.registered(JULIET);
  const watcher = await Watcher.begin(phone, ROMEO);
  t.is(watcher.status, 200);
  t.is(await watcher.told(), 'pending closed');
  t.deepEqual(
    server.server.im.subscriptions.pending(jid(ROMEO)).map(({ from, type }) => `${type} ${from?.bare}`),
    [`subscribe ${JULIET}`],
  );
  answer(server, ROMEO, JULIET, 'subscribed');
  t.is(await watcher.told(), 'active open');
  answer(server, ROMEO, JULIET, 'unsubscribed');
  t.is(await watcher.told(), 'terminated/rejected closed');
  t.is(await watcher.subscribe(), 481);
});

test('a denial ends the subscription', async (t) => {
  await using server = await start();
  const phone = await server.registered(JULIET);
  const watcher = await Watcher.begin(phone, ROMEO);
  t.is(await watcher.told(), 'pending closed');
  answer(server, ROMEO, JULIET, 'unsubscribed');
  t.is(await watcher.told(), 'terminated/rejected closed');
});

test('refresh tells all anew; Expires 0 ends it; what ended is not there any more', async (t) => {
  await using server = await start();
  befriend(server);
  const phone = await server.registered(JULIET);
  const watcher = await Watcher.begin(phone, ROMEO);
  await watcher.notified();
  t.is(await watcher.subscribe({ expires: 300 }), 200);
  t.is((await watcher.notified()).state.expires, 300);
  t.is(await watcher.subscribe({ expires: 0 }), 200);
  t.is(await watcher.told(), 'terminated/timeout closed');
  t.is(await watcher.subscribe(), 481);
});

test('RFC 6665 section 4.4.3: Expires 0 looks once, and asks nobody', async (t) => {
  await using server = await start();
  await server.registered(ROMEO);
  const phone = await server.registered(JULIET);
  const refused = await Watcher.begin(phone, ROMEO, { expires: 0 });
  t.is(await refused.told(), 'terminated/rejected closed');
  t.deepEqual(server.server.im.subscriptions.pending(jid(ROMEO)), []);
  befriend(server);
  const look = await Watcher.begin(phone, ROMEO, { expires: 0 });
  t.is(look.status, 200);
  t.is(await look.told(), 'terminated/timeout open');
});

test('what cannot be subscribed to is refused with its status', async (t) => {
  await using server = await start();
  befriend(server);
  const phone = await server.registered(JULIET);
  const status = async (to: string, options: Parameters<typeof Watcher.begin>[2]): Promise<number> =>
    (await Watcher.begin(phone, to, options)).status;
  const brief = await Watcher.begin(phone, ROMEO, { expires: 10 });
  t.deepEqual([brief.status, brief.response?.get('Min-Expires')], [423, '60']);
  const unknown = await Watcher.begin(phone, ROMEO, { event: 'message-summary' });
  t.deepEqual([unknown.status, unknown.response?.get('Allow-Events')], [489, 'presence, presence.winfo']);
  t.is(await status(ROMEO, { fields: [['Accept', 'text/plain']] }), 406);
  t.is(await status('nobody@localhost', {}), 404);
  t.is(await status(ROMEO, { event: 'presence.winfo' }), 403);
  const nothing = phone.request('SUBSCRIBE', { to: `sip:${ROMEO}`, fields: [['Event', 'presence']] });
  t.is((await phone.prove(nothing)).status, 400);
  const noEvent = phone.request('SUBSCRIBE', { to: `sip:${ROMEO}`, fields: [['Contact', `<${phone.contact}>`]] });
  t.is((await phone.prove(noEvent)).status, 489);
  const ghost = phone.request('SUBSCRIBE', {
    to: `<sip:${ROMEO}>;tag=ghost`,
    fields: [
      ['Event', 'presence'],
      ['Contact', `<${phone.contact}>`],
    ],
  });
  t.is((await phone.prove(ghost)).status, 481);
});

test('what only a phone can tell goes to the phone, and its NOTIFY comes back (RFC 4235)', async (t) => {
  await using server = await start();
  const romeo = await server.registered(ROMEO);
  const juliet = await server.registered(JULIET);
  const fields = [
    ['Event', 'dialog'],
    ['Contact', `<${juliet.contact}>`],
  ] as const;
  const asking = juliet.prove(juliet.request('SUBSCRIBE', { to: `sip:${ROMEO}`, fields }));
  const asked = await romeo.asked('SUBSCRIBE');
  t.is(asked.get('Event'), 'dialog');
  romeo.answer(asked, 200, [
    ['Contact', `<${romeo.contact}>`],
    ['Expires', '60'],
  ]);
  t.is((await asking).status, 200);
});

test('whom the owner blocks sees nobody', async (t) => {
  await using server = await start();
  befriend(server);
  await server.registered(ROMEO);
  const phone = await server.registered(JULIET);
  const watcher = await Watcher.begin(phone, ROMEO);
  t.is(await watcher.told(), 'active open');
  server.server.im.blocking.block(jid(ROMEO), [jid(JULIET)]);
  t.is(await watcher.told(), 'active closed');
  t.is((await Watcher.begin(phone, ROMEO)).status, 403);
});

test('RFC 3856 section 6.10: changes that come fast are one notification, at the pace that is set', async (t) => {
  await using server = await start('sip_presence: { notify_interval: 1s }');
  befriend(server);
  const phone = await server.registered(JULIET);
  const watcher = await Watcher.begin(phone, ROMEO);
  await watcher.notified();
  const sent = performance.now();
  const romeo = await server.registered(ROMEO);
  await romeo.register({ expires: 0 });
  await romeo.register();
  t.is(await watcher.told(), 'active open');
  t.true(performance.now() - sent >= 900);
  t.false(phone.received.some((one) => one.kind === 'request' && one.method === 'NOTIFY'));
});

test('a phone that does not know the subscription any more ends it (481 to NOTIFY)', async (t) => {
  await using server = await start();
  befriend(server);
  const phone = await server.registered(JULIET);
  const watcher = await Watcher.begin(phone, ROMEO);
  await watcher.notified(481);
  // Later than the answer, since it comes behind it.
  t.is(await watcher.subscribe(), 481);
});

test('over a connection notifications come by it', async (t) => {
  await using server = await start();
  befriend(server);
  const phone = await server.registered(JULIET, { transport: 'tcp' });
  const watcher = await Watcher.begin(phone, ROMEO);
  t.regex(watcher.response?.contacts?.[0]?.uri ?? '', /transport=tcp/);
  await watcher.notified();
  await server.registered(ROMEO, { transport: 'tcp' });
  t.is(await watcher.told(), 'active open');
});

test('a restart keeps subscriptions: the phone is told what it missed, and may refresh', async (t) => {
  await using server = await start();
  befriend(server);
  const phone = await server.registered(JULIET);
  const watcher = await Watcher.begin(phone, ROMEO);
  const before = (await watcher.notified()).request.cseq?.number ?? 0;
  await server.restart();
  const after = await watcher.notified();
  t.true((after.request.cseq?.number ?? 0) > before);
  t.is(after.state.state, 'active');
  await server.registered(ROMEO);
  t.is(await watcher.told(), 'active open');
  t.is(await watcher.subscribe(), 200);
  await watcher.notified();
});

test('over a connection, a phone is told after a restart when it has registered again', async (t) => {
  await using server = await start();
  befriend(server);
  const phone = await server.registered(JULIET, { transport: 'tcp' });
  const watcher = await Watcher.begin(phone, ROMEO);
  await watcher.notified();
  await server.restart();
  await server.registered(ROMEO);
  const again = await server.phone(JULIET, { transport: 'tcp' });
  t.is((await again.register({ contact: `<${phone.contact}>` })).status, 200);
  const told = await again.asked('NOTIFY');
  t.is(told.uri, phone.contact);
  t.regex(told.body.toString(), /<basic>open</);
});

test('the account sees its own devices, and one device by its GRUU', async (t) => {
  await using server = await start();
  const phone = await server.registered(JULIET);
  const own = await Watcher.begin(phone, JULIET);
  t.is(await own.told(), 'active open');
  const [device] = server.server.registry.of(JULIET);
  const one = await Watcher.begin(phone, device?.jid.full ?? '');
  t.is(await one.told(), 'active open');
  const other = await Watcher.begin(phone, `${JULIET}/elsewhere`);
  t.is(await other.told(), 'active closed');
});

test('an account that is removed ends what is about it', async (t) => {
  await using server = await start();
  befriend(server);
  const phone = await server.registered(JULIET);
  const watcher = await Watcher.begin(phone, ROMEO);
  await watcher.notified();
  server.server.core.accounts.remove('localhost', 'romeo');
  t.is(await watcher.told(), 'terminated/noresource closed');
});

test('a watcher from elsewhere whom the rules let in waits for consent, and nobody else comes in', async (t) => {
  await using server = await start(
    `${QUICK}\nacl: { friends: [{ server: [elsewhere.example] }] }\naccess: { callers: [{ allow: friends }] }\nsip: { foreign_callers: callers }`,
  );
  await server.registered(ROMEO);
  const paris = await server.phone('paris@elsewhere.example');
  const watcher = await Watcher.begin(paris, ROMEO);
  t.is(await watcher.told(), 'pending closed');
  t.deepEqual(
    server.server.im.subscriptions.pending(jid(ROMEO)).map(({ from }) => from?.bare),
    ['paris@elsewhere.example'],
  );
  answer(server, ROMEO, 'paris@elsewhere.example', 'subscribed');
  t.is(await watcher.told(), 'active open');
  const stranger = await server.phone('eve@other.example');
  t.is((await Watcher.begin(stranger, ROMEO)).status, 403);
});

test('devices of other protocols are seen as phones are', async (t) => {
  await using server = await start();
  befriend(server);
  const phone = await server.registered(JULIET);
  const watcher = await Watcher.begin(phone, ROMEO);
  await watcher.notified();
  const host = server.server.router.host('localhost');
  const session = new Desktop(jid(`${ROMEO}/desktop`));
  host?.bind(session);
  const presence = Stanza.make('presence', { from: session.jid }, '<show>dnd</show><status>busy &amp; tired</status>');
  server.server.im.presence.send(session, presence);
  const { body } = await watcher.notified();
  t.regex(body, /<tuple id='ID-desktop'><status><basic>open<\/basic><show xmlns='jabber:client'>dnd<\/show>/);
  t.regex(body, /<note>busy &amp; tired<\/note>/);
  host?.unbind(session);
  t.is(await watcher.told(), 'active closed');
});

test('an account has so many subscriptions and no more', async (t) => {
  await using server = await start('sip_presence: { max_subscriptions: 1 }');
  befriend(server);
  const phone = await server.registered(JULIET);
  const first = await Watcher.begin(phone, ROMEO);
  await first.notified();
  t.is((await Watcher.begin(phone, JULIET)).status, 403);
  await first.subscribe({ expires: 0 });
  await first.notified();
  t.is((await Watcher.begin(phone, JULIET)).status, 200);
});
