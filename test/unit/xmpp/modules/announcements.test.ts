/** Modules that tell something and do nothing else: version, time, contact addresses, features. */
import test from 'ava';
import { disco } from '#protocols/xmpp/modules/xep0030-disco.ts';
import { version } from '#protocols/xmpp/modules/xep0092-version.ts';
import { contactAddresses } from '#protocols/xmpp/modules/xep0157-contact-addresses.ts';
import { offline } from '#protocols/xmpp/modules/xep0160-offline.ts';
import { time, zoneOf } from '#protocols/xmpp/modules/xep0202-time.ts';
import { delay } from '#protocols/xmpp/modules/xep0203-delay.ts';
import { hints } from '#protocols/xmpp/modules/xep0334-hints.ts';
import { VERSION } from '#src/observe/version.ts';
import { TestCore } from '#test/helpers/core.ts';
import { same } from '#test/helpers/xml.ts';

const JULIET = 'juliet@capulet.lit';

test('the version is told, the operating system only where the operator wants it', async (t) => {
  for (const show of [false, true]) {
    await using core = await TestCore.open({ accounts: [JULIET] });
    core.start(version, { show_os: show });
    const answer = await core.login(`${JULIET}/balcony`).iq('get', "<query xmlns='jabber:iq:version'/>", 'capulet.lit');
    same(
      t,
      [answer],
      [
        `<iq type='result' id='*' from='capulet.lit' to='*'><query xmlns='jabber:iq:version'><name>Trivium</name><version>${VERSION}</version>${show ? '<os>*</os>' : ''}</query></iq>`,
      ],
    );
  }
});

test('the time is told in UTC, with the offset of the server', async (t) => {
  await using core = await TestCore.open({ accounts: [JULIET] });
  core.start(time);
  const answer = await core.login(`${JULIET}/balcony`).iq('get', "<time xmlns='urn:xmpp:time'/>", 'capulet.lit');
  const told = answer.child('time', 'urn:xmpp:time');
  const utc = told?.getChildText('utc') ?? '';
  t.regex(utc, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  t.true(Math.abs(Date.parse(utc) - Date.now()) < 3_600_000);
  t.regex(told?.getChildText('tzo') ?? '', /^(Z|[+-]\d\d:\d\d)$/);
});

test('offsets are written as XEP-0082 wants them', (t) => {
  const at = (minutesWest: number): string => zoneOf({ getTimezoneOffset: () => minutesWest } as Date);
  t.deepEqual([0, -60, 360, -330, 210].map(at), ['Z', '+01:00', '-06:00', '+05:30', '-03:30']);
});

test('contact addresses are in the form of the host, and not of accounts', async (t) => {
  await using core = await TestCore.open({ accounts: [JULIET] });
  core.start(disco);
  core.start(contactAddresses, {
    abuse: ['mailto:abuse@capulet.lit', 'xmpp:abuse@capulet.lit'],
    support: ['https://capulet.lit/?a&b'],
  });
  const juliet = core.login(`${JULIET}/balcony`);
  const ask = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
  const form = (await juliet.iq('get', ask, 'capulet.lit'))
    .child('query', 'http://jabber.org/protocol/disco#info')
    ?.getChild('x', 'jabber:x:data');
  same(
    t,
    [form?.toString() ?? ''],
    [
      "<x xmlns='jabber:x:data' type='result'><field var='FORM_TYPE' type='hidden'><value>http://jabber.org/network/serverinfo</value></field>" +
        "<field var='abuse-addresses'><value>mailto:abuse@capulet.lit</value><value>xmpp:abuse@capulet.lit</value></field>" +
        "<field var='support-addresses'><value>https://capulet.lit/?a&amp;b</value></field></x>",
    ],
  );
  t.is(
    (await juliet.iq('get', ask))
      .child('query', 'http://jabber.org/protocol/disco#info')
      ?.getChild('x', 'jabber:x:data'),
    undefined,
  );
});

test('without addresses there is no form, and what is no URI is no address', async (t) => {
  await using core = await TestCore.open({ accounts: [JULIET] });
  core.start(disco);
  core.start(contactAddresses);
  const answer = await core
    .login(`${JULIET}/balcony`)
    .iq('get', "<query xmlns='http://jabber.org/protocol/disco#info'/>", 'capulet.lit');
  t.is(answer.child('query', 'http://jabber.org/protocol/disco#info')?.getChild('x', 'jabber:x:data'), undefined);
  t.false(contactAddresses.settings?.safeParse({ admin: ['admin at home'] }).success);
  t.true(contactAddresses.settings?.safeParse({ admin: ['mailto:a@b'] }).success);
});

test('features are announced where they hold, and go with their module', async (t) => {
  await using core = await TestCore.open({ accounts: [JULIET] });
  const expected = new Map([
    [offline, 'msgoffline'],
    [delay, 'urn:xmpp:delay'],
    [hints, 'urn:xmpp:hints'],
  ]);
  const { features } = core.host();
  for (const [module, feature] of expected) {
    core.start(module);
    t.true(features.has('host', feature) && features.has('account', feature));
    await core.loader.stop(module.name, core.host());
    t.false(features.has('host', feature) || features.has('account', feature));
  }
});
