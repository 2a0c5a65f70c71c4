import test from 'ava';
import { disco } from '#protocols/xmpp/modules/xep0030-disco.ts';
import { caps, readInfo, verification } from '#protocols/xmpp/modules/xep0115-caps.ts';
import type { DiscoInfo } from '#protocols/xmpp/modules/xep0030-disco.ts';
import type { TestSession } from '#test/helpers/core.ts';
import { TestXmpp } from '#test/helpers/xmpp.ts';
import { element, same } from '#test/helpers/xml.ts';

const INFO = 'http://jabber.org/protocol/disco#info';
const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@capulet.lit';
const features = [
  'http://jabber.org/protocol/caps',
  INFO,
  'http://jabber.org/protocol/disco#items',
  'http://jabber.org/protocol/muc',
];
const listed = features.map((feature) => `<feature var='${feature}'/>`).join('');

test('the simple example of section 5.2', (t) => {
  const identities = [{ category: 'client', type: 'pc', name: 'Exodus 0.9.1' }];
  t.is(verification({ identities, features: features.toReversed(), forms: [] }), 'QgayPKawpkPSDYmwT/WM94uAlu0=');
});

/** Section 5.3. */
const psi =
  `<query xmlns='${INFO}'><identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>` +
  `<identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>${listed}` +
  "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>" +
  "<field var='ip_version' type='text-multi'><value>ipv4</value><value>ipv6</value></field><field var='os'><value>Mac</value></field>" +
  "<field var='os_version'><value>10.5.1</value></field><field var='software'><value>Psi</value></field>" +
  "<field var='software_version'><value>0.11</value></field></x></query>";

test('the complex example of section 5.3, read from its XML', (t) => {
  t.is(verification(readInfo(element(psi)) as DiscoInfo), 'q07IKJEyjvHSyhy//CH0CxmKi8w=');
});

const form = (type: string, ...values: readonly string[]): string =>
  `<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='${type}'>${values.map((value) => `<value>${value}</value>`).join('')}</field></x>`;

for (const [what, inner, forms] of [
  ['an identity twice', "<identity category='a' type='b'/><identity category='a' type='b'/>", undefined],
  ['a feature twice', "<feature var='x'/><feature var='x'/>", undefined],
  ['a form twice', form('hidden', 'x') + form('hidden', 'x'), undefined],
  ['a form of two types', form('hidden', 'x', 'y'), undefined],
  ['a form that says its type twice', form('hidden', 'x', 'x'), 1],
  ['a form whose type is not hidden', form('text-single', 'x'), 0],
  ['a form without a type', "<x xmlns='jabber:x:data' type='result'/>", 0],
] as const) {
  test(`${what} is ${forms === undefined ? 'ill-formed' : 'read'} (section 5.4)`, (t) => {
    t.is(readInfo(element(`<query xmlns='${INFO}'>${inner}</query>`))?.forms.length, forms);
  });
}

async function verona() {
  const xmpp = await TestXmpp.open({ accounts: [JULIET, ROMEO] });
  xmpp.start(disco);
  xmpp.start(caps);
  return { xmpp, core: xmpp.core };
}

test('the host announces its capabilities, and answers for them', async (t) => {
  const { core, xmpp } = await verona();
  const stream = xmpp.stream();
  stream.authenticate(JULIET);
  const announced = element(stream.transport.take().at(-1) ?? '').getChild('c', 'http://jabber.org/protocol/caps');
  const { hash, node, ver }: Record<string, string> = announced?.attrs ?? {};
  t.is(hash, 'sha-1');
  const juliet = core.login(`${JULIET}/balcony`);
  const answer = await juliet.iq('get', `<query xmlns='${INFO}' node='${node}#${ver}'/>`, 'capulet.lit');
  const query = answer.child('query', INFO);
  t.is(query?.attrs['node'], `${node}#${ver}`);
  t.is(query && verification(readInfo(query) as DiscoInfo), ver);
  t.is((await juliet.iq('get', `<query xmlns='${INFO}' node='${node}#other'/>`, 'capulet.lit')).type, 'error');
  core.host().features.add('host', 'urn:new');
  stream.open();
  t.not(
    element(stream.transport.take().at(-1) ?? '').getChild('c', 'http://jabber.org/protocol/caps')?.attrs['ver'],
    ver,
  );
});

const VER = 'q07IKJEyjvHSyhy//CH0CxmKi8w=';
const presence = (ver = VER, more = "hash='sha-1'"): string =>
  `<presence><c xmlns='http://jabber.org/protocol/caps' ${more} node='psi' ver='${ver}'/></presence>`;
const asked = (session: TestSession) => session.take().filter(({ kind }) => kind === 'iq');

test('what a client can do is asked once, verified, and known of all of its kind', async (t) => {
  const { core } = await verona();
  const known: string[] = [];
  core
    .host()
    .hooks.notice('caps/known')
    .add('main', ({ session }) => known.push(session.jid.full));
  const can = core.host().hooks.decision('caps/features');
  const juliet = core.connect(`${JULIET}/balcony`);
  juliet.send(presence());
  const [question] = asked(juliet);
  same(t, question === undefined ? [] : [question], [
    `<iq type='get' id='*' from='capulet.lit' to='${JULIET}/balcony'><query xmlns='${INFO}' node='psi#${VER}'/></iq>`,
  ]);
  const romeo = core.connect(`${ROMEO}/orchard`);
  romeo.send(presence());
  t.deepEqual(asked(romeo), []);
  t.is(can.ask(juliet), undefined);
  // An answer from somebody else, and one with another id, are nothing.
  romeo.send(`<iq type='result' id='${question?.id}' to='capulet.lit'>${psi}</iq>`);
  juliet.send(`<iq type='result' id='x' to='capulet.lit'>${psi}</iq>`);
  t.is(can.ask(juliet), undefined);
  juliet.send(`<iq type='result' id='${question?.id}' to='capulet.lit'>${psi}</iq>`);
  t.deepEqual([...(can.ask(juliet) ?? [])], features);
  t.true(can.ask(romeo)?.has(INFO));
  const later = core.connect(`${ROMEO}/home`);
  later.send(presence());
  t.deepEqual(asked(later), []);
  t.deepEqual(known, [`${JULIET}/balcony`, `${ROMEO}/home`]);
  t.is(core.host().requests.size, 0);
});

for (const [what, answer] of [
  ['another set of features', psi.replace(`<feature var='${INFO}'/>`, '')],
  ['an ill-formed answer', psi.replace("<feature var='http://jabber.org/protocol/muc'/>", (all) => all + all)],
  ['no query', ''],
] as const) {
  test(`${what} is not believed, and asked for again`, async (t) => {
    const { core } = await verona();
    const juliet = core.connect(`${JULIET}/balcony`);
    juliet.send(presence());
    const [question] = asked(juliet);
    juliet.send(`<iq type='result' id='${question?.id}' to='capulet.lit'>${answer}</iq>`);
    t.is(core.host().hooks.decision('caps/features').ask(juliet), undefined);
    juliet.send(presence());
    t.is(asked(juliet).length, 1);
  });
}

test('a client that left without an answer is no obstacle', async (t) => {
  const { core } = await verona();
  const juliet = core.connect(`${JULIET}/balcony`);
  juliet.send(presence());
  juliet.leave();
  const romeo = core.connect(`${ROMEO}/orchard`);
  romeo.send(presence());
  t.is(asked(romeo).length, 1);
});

test('only SHA-1 is verified here', async (t) => {
  const { core } = await verona();
  const juliet = core.connect(`${JULIET}/balcony`);
  juliet.send(presence(VER, "hash='sha-256'"));
  juliet.send(presence(VER, ''));
  juliet.send(presence('short'));
  t.deepEqual(asked(juliet), []);
});

test('the kinds that are remembered have a bound', async (t) => {
  const xmpp = await TestXmpp.open({ accounts: [JULIET] });
  xmpp.start(caps, { cache: 10 });
  const { core } = xmpp;
  const juliet = core.connect(`${JULIET}/balcony`);
  const vers: string[] = [];
  for (let kind = 0; kind < 11; kind += 1) {
    const info = `<query xmlns='${INFO}'><feature var='urn:${kind}'/></query>`;
    const ver = verification(readInfo(element(info)) as DiscoInfo);
    vers.push(ver);
    juliet.send(presence(ver));
    juliet.send(`<iq type='result' id='${asked(juliet)[0]?.id}' to='capulet.lit'>${info}</iq>`);
  }
  juliet.send(presence(vers[0]));
  t.is(asked(juliet).length, 1);
  juliet.send(presence(vers[10]));
  t.is(asked(juliet).length, 0);
});
