/** The roster as one subscription (RFC 4662), and who watches an account (RFC 3857, RFC 3858). */
import test from 'ava';
import { Jid } from '#src/address/jid.ts';
import type { SubscriptionState } from '#src/im/subscription.ts';
import type { FieldList } from '#protocols/sip/message/message.ts';
import { parseMediaType } from '#protocols/sip/message/media-type.ts';
import { type Phone, SipTestServer } from '#test/helpers/sip.ts';
import { type Notification, Watcher } from './watcher.ts';

const JULIET = 'juliet@localhost';
const ROMEO = 'romeo@localhost';
const NURSE = 'nurse@localhost';
const LIST = 'juliet-contacts@localhost';
const EVENT_LIST: FieldList = [
  ['Supported', 'eventlist'],
  ['Accept', 'application/pidf+xml, application/rlmi+xml, multipart/related'],
];

const jid = (text: string): Jid => {
  const parsed = Jid.parse(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};

async function start(): Promise<SipTestServer> {
  const server = await SipTestServer.start('sip_presence: { notify_interval: 0s }');
  await server.register(JULIET, ROMEO, NURSE);
  return server;
}

function contact(server: SipTestServer, account: string, other: string, state: SubscriptionState, name?: string): void {
  const named = name === undefined ? {} : { name };
  server.server.im.roster.put(jid(account), { jid: other, groups: [], state, listed: true, ...named });
}

function befriend(server: SipTestServer, other: string, name?: string): void {
  contact(server, other, JULIET, 'both');
  contact(server, JULIET, other, 'both', name);
}

/** The parts of a list: the document of the list, then those of its contacts. */
function parts({ request }: Notification): readonly string[] {
  const type = parseMediaType(request.get('Content-Type') ?? '');
  const boundary = type?.params.get('boundary') ?? '';
  const [, ...found] = `\r\n${request.body.toString()}`.split(`\r\n--${boundary}`);
  return found.slice(0, -1).map((part) => part.slice(2));
}

const states = (list: string): readonly string[] =>
  [
    ...list.matchAll(/<resource uri='([^']+)'>(?:<name>([^<]*)<\/name>)?(?:<instance id='\w+' state='(\w+)'( cid)?)?/g),
  ].map(([, uri, name = '', state = 'unknown', cid]) => `${uri} ${name} ${state}${cid === undefined ? '' : ' +'}`);

const subscribe = (phone: Phone, fields: FieldList = EVENT_LIST): Promise<Watcher> =>
  Watcher.begin(phone, LIST, { fields });

test('RFC 4662: the roster in one document, with a part for each contact who may be seen', async (t) => {
  await using server = await start();
  befriend(server, ROMEO, 'My <Romeo>');
  contact(server, JULIET, NURSE, 'none+out');
  contact(server, JULIET, 'mercutio@elsewhere.example', 'to');
  await server.registered(ROMEO);
  const watcher = await subscribe(await server.registered(JULIET));
  t.is(watcher.status, 200);
  t.is(watcher.response?.get('Require'), 'eventlist');
  const first = await watcher.notified();
  t.is(first.request.get('Require'), 'eventlist');
  t.is(first.request.contentType?.type, 'multipart/related');
  const [list = '', romeo = '', ...more] = parts(first);
  t.deepEqual(more, []);
  t.regex(list, /Content-Type: application\/rlmi\+xml/);
  t.regex(list, /uri='sip:juliet-contacts@localhost' version='0' fullState='true'/);
  t.deepEqual(states(list), [
    'sip:romeo@localhost My &lt;Romeo&gt; active +',
    'sip:nurse@localhost  pending',
    'sip:mercutio@elsewhere.example  unknown',
  ]);
  t.regex(romeo, /Content-Type: application\/pidf\+xml/);
  t.regex(romeo, /<basic>open</);
  const cid = /cid='([^']+)'/.exec(list)?.[1] ?? '';
  t.true(romeo.includes(`Content-ID: <${cid}>`));
  const root = parseMediaType(first.request.get('Content-Type') ?? '')?.params.get('start') ?? '';
  t.true(list.includes(`Content-ID: ${root}`));
});

test('contacts who come, change and are taken out of the roster are told of', async (t) => {
  await using server = await start();
  befriend(server, ROMEO);
  const watcher = await subscribe(await server.registered(JULIET));
  t.regex(parts(await watcher.notified())[1] ?? '', /<basic>closed</);
  await server.registered(ROMEO);
  const [list = '', romeo = ''] = parts(await watcher.notified());
  t.regex(list, /version='1'/);
  t.regex(romeo, /<basic>open</);
  befriend(server, NURSE);
  t.is(states(parts(await watcher.notified())[0] ?? '').length, 2);
  server.server.im.roster.remove(jid(JULIET), ROMEO);
  t.deepEqual(states(parts(await watcher.notified())[0] ?? ''), ['sip:nurse@localhost  active +']);
  await server.registered(NURSE);
  t.regex(parts(await watcher.notified())[1] ?? '', /<basic>open</);
});

test('the list is for its owner, and for phones that know lists', async (t) => {
  await using server = await start();
  const juliet = await server.registered(JULIET);
  const romeo = await server.registered(ROMEO);
  t.is((await subscribe(romeo)).status, 403);
  const plain = await subscribe(juliet, []);
  t.deepEqual([plain.status, plain.response?.get('Require')], [421, 'eventlist']);
  const narrow: FieldList = [
    ['Supported', 'eventlist'],
    ['Accept', 'application/pidf+xml'],
  ];
  t.is((await subscribe(juliet, narrow)).status, 406);
  t.is((await Watcher.begin(juliet, 'nobody-contacts@localhost', { fields: EVENT_LIST })).status, 404);
});

test('an account whose name ends so is an account', async (t) => {
  await using server = await start();
  await server.register(LIST);
  contact(server, LIST, JULIET, 'both');
  contact(server, JULIET, LIST, 'both');
  const watcher = await Watcher.begin(await server.registered(JULIET), LIST);
  t.is(await watcher.told(), 'active closed');
});

const watchers = ({ body }: Notification): readonly string[] =>
  [...body.matchAll(/<watcher [^>]*status='(\w+)' event='(\w+)'[^>]*>([^<]+)</g)].map(
    ([, status, event, uri]) => `${uri} ${status} ${event}`,
  );

test('RFC 3857: who watches an account, by phone or by roster, and who waits for it', async (t) => {
  await using server = await start();
  contact(server, ROMEO, JULIET, 'from');
  const romeo = await server.registered(ROMEO);
  const info = await Watcher.begin(romeo, ROMEO, { event: 'presence.winfo' });
  const first = await info.notified();
  t.is(first.request.contentType?.type, 'application/watcherinfo+xml');
  t.regex(first.body, /version='0' state='full'.*resource='sip:romeo@localhost' package='presence'/);
  t.deepEqual(watchers(first), ['sip:juliet@localhost active approved']);
  const nurse = await Watcher.begin(await server.registered(NURSE), ROMEO);
  t.is(await nurse.told(), 'pending closed');
  const second = await info.notified();
  t.regex(second.body, /version='1'/);
  t.deepEqual(watchers(second), ['sip:juliet@localhost active approved', 'sip:nurse@localhost pending subscribe']);
  await nurse.subscribe({ expires: 0 });
  t.is(await nurse.told(), 'terminated/timeout closed');
  // She still asks for it in the roster.
  t.deepEqual(watchers(await info.notified()), watchers(second));
});
