import test from 'ava';
import { registration } from '#protocols/xmpp/modules/xep0077-in-band-registration.ts';
import { errorOf, PASSWORD } from '#test/helpers/core.ts';
import { TestXmpp, type TransportOptions } from '#test/helpers/xmpp.ts';
import { element, same } from '#test/helpers/xml.ts';

const HOST = 'capulet.lit';
const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@capulet.lit';
const ON = 'registration: {enabled: true, interval: 0s}';
const query = (inner = ''): string => `<query xmlns='jabber:iq:register'>${inner}</query>`;
const plain = (username: string, password: string): string =>
  query(`<username>${username}</username><password>${password}</password>`);
const form = (username: string, password: string): string =>
  query(
    "<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE' type='hidden'><value>jabber:iq:register</value></field>" +
      `<field var='username'><value>${username}</value></field><field var='password'><value>${password}</value></field></x>`,
  );
const conditionOf = (xml: string): string | undefined => {
  const error = element(xml).getChild('error');
  return error?.getChildElements()[0]?.getName();
};

async function stranger(settings: string, transport: TransportOptions = {}) {
  const xmpp = await TestXmpp.open({ accounts: [JULIET], settings });
  xmpp.start(registration);
  const client = xmpp.stream(transport);
  const features = client.transport.take().at(-1) ?? '';
  return {
    xmpp,
    client,
    offered: features.includes("<register xmlns='http://jabber.org/features/iq-register'/>"),
    exists: (local: string) => xmpp.core.accounts.exists(HOST, local),
  };
}

test('a stranger asks for the form, makes an account, and can log in with it', async (t) => {
  const { client, exists, offered, xmpp } = await stranger(ON);
  t.true(offered);
  same(
    t,
    [await client.iq('get', query(), HOST)],
    [
      `<iq type='result' id='*' from='${HOST}'>${query(
        '<instructions>Choose a user name and a password.</instructions><username/><password/>' +
          `<x xmlns='jabber:x:data' type='form'><title>${HOST}</title><instructions>Choose a user name and a password.</instructions>` +
          "<field var='FORM_TYPE' type='hidden'><value>jabber:iq:register</value></field>" +
          "<field var='username' type='text-single' label='User name'><required/></field>" +
          "<field var='password' type='text-private' label='Password'><required/></field></x>",
      )}</iq>`,
    ],
  );
  same(t, [await client.iq('set', plain('Romeo', 'Calliope'))], [`<iq type='result' id='*' from='${HOST}'/>`]);
  t.true(exists('romeo'));
  t.true(await xmpp.core.accounts.checkPassword(HOST, 'romeo', 'Calliope'));
  t.is(xmpp.core.store.barrier(), undefined);
  t.false(client.transport.paused);
});

test('the data form does as well, and comes before the plain fields', async (t) => {
  const { client, exists } = await stranger(ON);
  await client.iq(
    'set',
    form('romeo', 'x').replace('</query>', '<username>other</username><password>y</password></query>'),
  );
  t.deepEqual([exists('romeo'), exists('other')], [true, false]);
});

for (const [what, payload, condition] of [
  ['a name that is taken', plain('juliet', 'x'), 'conflict'],
  ['no name', query('<password>x</password>'), 'not-acceptable'],
  ['no password', query('<username>x</username>'), 'not-acceptable'],
  ['an empty password', plain('romeo', ''), 'not-acceptable'],
  ['an empty form', form('', ''), 'not-acceptable'],
  ['nothing', query(), 'not-acceptable'],
  ['no valid name', plain('a b@c', 'x'), 'jid-malformed'],
] as const) {
  test(`${what}: ${condition}`, async (t) => {
    const { client, exists } = await stranger(ON);
    t.is(conditionOf(await client.iq('set', payload)), condition);
    t.false(exists('romeo'));
    t.false(client.transport.closed);
  });
}

test('off, which is the default, it is neither offered nor done', async (t) => {
  const { client, exists, offered } = await stranger('');
  t.false(offered);
  t.is(conditionOf(await client.iq('get', query())), 'service-unavailable');
  t.is(conditionOf(await client.iq('set', plain('romeo', 'x'))), 'service-unavailable');
  t.false(exists('romeo'));
});

test('the access rule decides from where: by default from this machine', async (t) => {
  const { client, exists, offered } = await stranger(ON, { ip: '192.0.2.1', loopback: false, secured: true });
  t.false(offered);
  t.is(conditionOf(await client.iq('set', plain('romeo', 'x'))), 'forbidden');
  t.false(exists('romeo'));
  const open = await stranger(`${ON}\naccess: {registration: [{allow: all}]}`, {
    ip: '192.0.2.1',
    loopback: false,
    secured: true,
  });
  t.true(open.offered);
});

test('no password crosses the network in the clear', async (t) => {
  const { client, exists, offered } = await stranger(`${ON}\naccess: {registration: [{allow: all}]}`, {
    ip: '192.0.2.1',
    loopback: false,
  });
  t.false(offered);
  client.send(`<iq type='set' id='r'>${plain('romeo', 'x')}</iq>`);
  t.true(client.transport.take()[0]?.includes('<policy-violation'));
  t.true(client.transport.closed);
  t.false(exists('romeo'));
});

test('any other stanza before authentication ends the stream', async (t) => {
  for (const xml of [
    "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
    `<iq type='result' id='1'>${query()}</iq>`,
    `<iq type='get'>${query()}</iq>`,
    '<message/>',
    '<presence/>',
  ]) {
    const { client } = await stranger(ON);
    client.send(xml);
    t.true(client.transport.take()[0]?.includes('<not-authorized'), xml);
    t.true(client.transport.closed);
  }
});

test('from one origin only one account in a while', async (t) => {
  const { client, exists, xmpp } = await stranger('registration: {enabled: true, interval: 10m}', { ip: '::1' });
  t.is(conditionOf(await client.iq('set', plain('juliet', 'x'))), 'conflict');
  const [one, two] = await Promise.all([
    client.iq('set', plain('one', 'x')),
    xmpp.stream({ ip: '::1' }).iq('set', plain('two', 'x')),
  ]);
  t.deepEqual([one, two].map(conditionOf), [undefined, 'resource-constraint']);
  t.deepEqual([exists('one'), exists('two')], [true, false]);
  t.is(conditionOf(await xmpp.stream({ ip: '127.0.0.1' }).iq('set', plain('three', 'x'))), undefined);
});

test('a stream does not ask for ever', async (t) => {
  const { client } = await stranger(ON);
  for (let asked = 0; asked < 10; asked += 1) t.is(conditionOf(await client.iq('get', query())), undefined);
  client.send(`<iq type='get' id='last'>${query()}</iq>`);
  t.true(client.transport.take()[0]?.includes('<policy-violation'));
});

async function user() {
  const xmpp = await TestXmpp.open({ accounts: [JULIET, ROMEO] });
  xmpp.start(registration);
  return { xmpp, core: xmpp.core, juliet: xmpp.core.login(`${JULIET}/balcony`) };
}

test('after authentication a stream binds as it always did', async (t) => {
  await using xmpp = await TestXmpp.open({ accounts: [JULIET], settings: ON });
  xmpp.start(registration);
  const client = xmpp.stream();
  client.authenticate(JULIET);
  t.false(client.transport.take().at(-1)?.includes('iq-register'));
  client.bind('balcony');
  t.true(client.transport.take()[0]?.includes(`<jid>${JULIET}/balcony</jid>`));
});

test('who has an account is told so, without the password', async (t) => {
  const { juliet } = await user();
  for (const to of [undefined, HOST]) {
    same(
      t,
      [await juliet.iq('get', query(), to)],
      [
        `<iq type='result' id='*' from='*' to='${JULIET}/balcony'>${query('<registered/><username>juliet</username><password/>')}</iq>`,
      ],
    );
  }
});

test('a password is changed by its owner, at the host or at the account', async (t) => {
  const { core, juliet } = await user();
  for (const [to, payload, password] of [
    [HOST, plain('juliet', 'new'), 'new'],
    [undefined, plain('Juliet', 'newer'), 'newer'],
    [HOST, form('juliet', 'newest'), 'newest'],
  ] as const) {
    t.is((await juliet.iq('set', payload, to)).type, 'result');
    t.true(await core.accounts.checkPassword(HOST, 'juliet', password));
    t.is(core.store.barrier(), undefined);
  }
});

for (const [what, payload, condition] of [
  ['no name', query('<password>x</password>'), 'bad-request/modify'],
  ['an empty password', plain('juliet', ''), 'bad-request/modify'],
  ['another name', plain('romeo', 'x'), 'not-allowed/cancel'],
  ['more than a removal', query('<remove/><username>juliet</username>'), 'bad-request/modify'],
] as const) {
  test(`a change with ${what} is refused`, async (t) => {
    const { core, juliet } = await user();
    t.is(errorOf(await juliet.iq('set', payload, HOST)), condition);
    t.true(await core.accounts.checkPassword(HOST, 'juliet', PASSWORD));
    t.true(await core.accounts.checkPassword(HOST, 'romeo', PASSWORD));
  });
}

test('nobody touches the account of another, and strangers have none here', async (t) => {
  const { core, juliet } = await user();
  for (const payload of [plain('romeo', 'x'), query('<remove/>')])
    t.is(errorOf(await juliet.iq('set', payload, ROMEO)), 'forbidden/auth');
  const answers: (string | undefined)[] = [];
  core.router.remote = {
    deliver(stanza) {
      answers.push(errorOf(stanza));
      return { kind: 'delivered', copies: 1 };
    },
  };
  core.inject(`<iq type='get' id='1' from='nurse@montague.lit/x' to='${HOST}'>${query()}</iq>`);
  core.inject(`<iq type='set' id='2' from='nurse@montague.lit/x' to='${HOST}'>${query('<remove/>')}</iq>`);
  t.deepEqual(answers, ['not-allowed/cancel', 'registration-required/auth']);
});

test('an operator may forbid both', async (t) => {
  await using xmpp = await TestXmpp.open({ accounts: [JULIET] });
  xmpp.start(registration, { change_password: false, remove: false });
  const juliet = xmpp.core.login(`${JULIET}/balcony`);
  for (const payload of [plain('juliet', 'x'), query('<remove/>')])
    t.is(errorOf(await juliet.iq('set', payload)), 'not-allowed/cancel');
  t.true(xmpp.core.accounts.exists(HOST, 'juliet'));
});

test('an account ends: its owner is told and closed, its devices go, its contacts are told', async (t) => {
  const { core, xmpp } = await user();
  core.befriend(JULIET, ROMEO);
  const romeo = core.login(`${ROMEO}/orchard`);
  romeo.interested = true;
  const client = xmpp.login(`${JULIET}/client`);
  const other = xmpp.login(`${JULIET}/other`);
  for (const stream of [client, other]) stream.transport.take();
  romeo.take();
  const answer = await client.iq('set', query('<remove/>'));
  same(t, [answer], [`<iq type='result' id='*' from='${JULIET}' to='${JULIET}/client'/>`]);
  t.false(core.accounts.exists(HOST, 'juliet'));
  t.is(core.store.barrier(), undefined);
  t.true(client.transport.take().some((xml) => xml.includes('<not-authorized')));
  t.true(client.transport.closed && other.transport.closed);
  t.deepEqual(core.registry.of(JULIET), []);
  t.deepEqual(
    romeo
      .take()
      .filter(({ from }) => from?.full === JULIET)
      .map(({ type }) => type),
    ['unsubscribe', 'unsubscribed'],
  );
  t.is(core.im.roster.state(romeo.jid, client.stream.account ?? romeo.jid), 'none');
});
