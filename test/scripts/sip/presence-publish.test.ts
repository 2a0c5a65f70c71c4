/** PUBLISH (RFC 3903): what phones tell of themselves, and what others see of it. */
import test from 'ava';
import { Jid } from '#src/address/jid.ts';
import type { FieldList, SipResponse } from '#protocols/sip/message/message.ts';
import { type Phone, SipTestServer } from '#test/helpers/sip.ts';
import { Watcher } from './watcher.ts';

const JULIET = 'juliet@localhost';
const ROMEO = 'romeo@localhost';
const PIDF = 'application/pidf+xml';

const jid = (text: string): Jid => {
  const parsed = Jid.parse(text);
  if (parsed === undefined) throw new Error(text);
  return parsed;
};

const document = (basic: 'closed' | 'open', note = '', activity = ''): string =>
  `<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" ` +
  `xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="pres:${ROMEO}"><tuple id="t1"><status><basic>${basic}</basic></status>` +
  `<contact priority="0.8">sip:${ROMEO}</contact>${note === '' ? '' : `<note>${note}</note>`}</tuple>` +
  `<dm:person id="p1"><rpid:activities>${activity}</rpid:activities></dm:person></presence>`;

interface PublishOptions {
  readonly body?: string;
  readonly type?: string;
  readonly tag?: string;
  readonly expires?: number;
  readonly event?: string;
  readonly to?: string;
  readonly fields?: FieldList;
}

let serial = 0;

function publish(phone: Phone, options: PublishOptions = {}): Promise<SipResponse> {
  const {
    body = document('open'),
    event = 'presence',
    expires = 600,
    fields = [],
    tag,
    to = ROMEO,
    type = PIDF,
  } = options;
  return phone.prove(
    phone.request('PUBLISH', {
      to: `sip:${to}`,
      callId: `publish-${(serial += 1)}`,
      fields: [
        ['Event', event],
        ['Expires', expires],
        ...(tag === undefined ? [] : [['SIP-If-Match', tag] as const]),
        ...fields,
      ],
      ...(body === '' ? {} : { body: { type, bytes: Buffer.from(body) } }),
    }),
  );
}

const tagOf = (response: SipResponse): string => response.get('SIP-ETag') ?? '';

interface Scene extends AsyncDisposable {
  readonly server: SipTestServer;
  readonly romeo: Phone;
  readonly watcher: Watcher;
}

/** Romeo with a phone, and Juliet who watches him. */
async function scene(): Promise<Scene> {
  const server = await SipTestServer.start('sip_presence: { notify_interval: 0s }');
  await server.register(JULIET, ROMEO);
  for (const [one, other] of [
    [JULIET, ROMEO],
    [ROMEO, JULIET],
  ] as const) {
    server.server.im.roster.put(jid(one), { jid: other, groups: [], state: 'both', listed: true });
  }
  const romeo = await server.registered(ROMEO);
  const juliet = await server.registered(JULIET);
  const watcher = await Watcher.begin(juliet, ROMEO);
  await watcher.notified();
  return { server, romeo, watcher, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

test('section 6: what a phone publishes is what its device shows, until it takes it back', async (t) => {
  await using all = await scene();
  const { romeo, server, watcher } = all;
  const first = await publish(romeo, { body: document('open', 'in Mantua', '<rpid:away/>') });
  t.is(first.status, 200);
  t.is(first.get('Expires'), '600');
  const seen = await watcher.notified();
  t.regex(seen.body, /<note[^>]*>in Mantua</);
  t.regex(seen.body, /<show xmlns='jabber:client'>away</);
  const [session] = server.server.registry.of(ROMEO);
  t.is(session?.priority, -1);
  t.is(session?.presence?.child('status')?.getText(), 'in Mantua');
  const second = await publish(romeo, { tag: tagOf(first), body: document('open', 'back') });
  t.is(second.status, 200);
  t.not(tagOf(second), tagOf(first));
  t.regex((await watcher.notified()).body, /<note[^>]*>back</);
  const removed = await publish(romeo, { tag: tagOf(second), body: '', expires: 0 });
  t.is(removed.status, 200);
  const last = await watcher.notified();
  t.notRegex(last.body, /<note/);
  t.regex(last.body, /<basic>open</);
});

test('section 4.3: a refresh needs no document, and gives a new entity-tag; an old one is 412', async (t) => {
  await using all = await scene();
  const { romeo } = all;
  const first = await publish(romeo);
  const second = await publish(romeo, { tag: tagOf(first), body: '' });
  t.is(second.status, 200);
  t.is((await publish(romeo, { tag: tagOf(first), body: '' })).status, 412);
  t.is((await publish(romeo, { tag: 'never-given' })).status, 412);
  t.is((await publish(romeo, { tag: tagOf(second), body: '' })).status, 200);
});

test('closed is unavailable: a registration that is refreshed does not change it', async (t) => {
  await using all = await scene();
  const { romeo, server, watcher } = all;
  const first = await publish(romeo, { body: document('closed') });
  t.is(await watcher.told(), 'active closed');
  await romeo.register();
  t.is(server.server.registry.of(ROMEO)[0]?.presence, undefined);
  await publish(romeo, { tag: tagOf(first), body: '', expires: 0 });
  t.is(await watcher.told(), 'active open');
});

test('who is not registered publishes as a device that can be seen and takes nothing', async (t) => {
  await using all = await scene();
  const { server, watcher } = all;
  const other = await server.phone(ROMEO);
  const first = await publish(other, { body: document('open', 'somewhere') });
  t.is(await watcher.told(), 'active open open');
  const juliet = await server.phone(JULIET);
  const said = juliet.say(ROMEO, 'hello');
  t.is(await all.romeo.hears(), 'hello');
  t.is((await said).status, 200);
  await publish(other, { tag: tagOf(first), body: '', expires: 0 });
  t.is(await watcher.told(), 'active open');
});

test('what cannot be published is refused with its status', async (t) => {
  await using all = await scene();
  const { romeo } = all;
  const status = async (options: PublishOptions): Promise<number> => (await publish(romeo, options)).status;
  t.is(await status({ event: 'message-summary' }), 489);
  t.is(await status({ event: 'presence.winfo' }), 489);
  t.is(await status({ to: JULIET }), 403);
  t.is(await status({ expires: 10 }), 423);
  t.is(await status({ body: '' }), 400);
  t.is(await status({ body: '<presence/>' }), 400);
  t.is(await status({ body: 'busy', type: 'text/plain' }), 415);
  t.is(await status({ tag: 'a, b' }), 400);
  t.is(await status({ to: 'nobody@localhost' }), 404);
});

test('an account has so many publications and no more', async (t) => {
  await using server = await SipTestServer.start('sip_presence: { max_publications: 1 }');
  await server.register(ROMEO);
  const romeo = await server.registered(ROMEO);
  const first = await publish(romeo);
  t.is((await publish(romeo)).status, 403);
  await publish(romeo, { tag: tagOf(first), body: '', expires: 0 });
  t.is((await publish(romeo)).status, 200);
});

test('a restart keeps what was published', async (t) => {
  await using all = await scene();
  const { romeo, server } = all;
  const first = await publish(romeo, { body: document('open', 'in Mantua') });
  await server.restart();
  t.is(server.server.registry.of(ROMEO)[0]?.presence?.child('status')?.getText(), 'in Mantua');
  t.is((await publish(romeo, { tag: tagOf(first), body: '' })).status, 200);
});

test('what a phone published goes with its registration', async (t) => {
  await using all = await scene();
  const { romeo, watcher } = all;
  const first = await publish(romeo, { body: document('open', 'in Mantua') });
  await watcher.notified();
  await romeo.register({ expires: 0 });
  t.is(await watcher.told(), 'active closed');
  await romeo.register();
  t.notRegex((await watcher.notified()).body, /<note/);
  t.is((await publish(romeo, { tag: tagOf(first), body: '' })).status, 412);
});
