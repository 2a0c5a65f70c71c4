/** Devices that must not come before another one, of accounts that may have nothing else. */
import test from 'ava';
import { TestCore, type TestSession } from '#test/helpers/core.ts';
import { jid } from '#test/helpers/xml.ts';

const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@capulet.lit';

function phoneOf(core: TestCore, resource = 'phone'): TestSession {
  const session = core.connect(`${JULIET}/${resource}`);
  session.fallback = true;
  session.available(-1);
  session.take();
  return session;
}

async function verona(): Promise<{ core: TestCore; say: (text: string, to?: string, type?: string) => void }> {
  const core = await TestCore.open({ accounts: [JULIET, ROMEO] });
  const romeo = core.login(`${ROMEO}/orchard`);
  return {
    core,
    say: (text, to = JULIET, type = 'chat') =>
      romeo.send(`<message to='${to}' type='${type}'><body>${text}</body></message>`),
  };
}

const bodies = (session: TestSession): readonly string[] =>
  session.take().flatMap((stanza) => stanza.child('body')?.getText() ?? []);

test('a device that falls in takes what is sent to the account when it has no other', async (t) => {
  const { core, say } = await verona();
  await using _ = core;
  const phones = [phoneOf(core), phoneOf(core, 'other')];
  for (const phone of phones) phone.take();
  say('hi');
  t.deepEqual(phones.map(bodies), [['hi'], ['hi']]);
  t.is(core.im.offline.count(jid(JULIET)), 0);
});

test('it takes nothing while another device is there', async (t) => {
  const { core, say } = await verona();
  await using _ = core;
  const phone = phoneOf(core);
  const laptop = core.login(`${JULIET}/balcony`);
  say('hi');
  t.deepEqual(bodies(phone), []);
  t.deepEqual(bodies(laptop), ['hi']);
});

test('it takes no headlines, and nothing while it is unavailable', async (t) => {
  const { core, say } = await verona();
  await using _ = core;
  const phone = phoneOf(core);
  say('news', JULIET, 'headline');
  phone.send("<presence type='unavailable'/>");
  say('hi');
  t.deepEqual(bodies(phone), []);
  t.is(core.im.offline.count(jid(JULIET)), 1);
});

test('a negative priority alone takes nothing', async (t) => {
  const { core, say } = await verona();
  await using _ = core;
  const shy = core.login(`${JULIET}/shy`, -1);
  say('hi');
  t.deepEqual(bodies(shy), []);
  t.is(core.im.offline.count(jid(JULIET)), 1);
});

test('it is given what was stored, unless a device with more right to it is there', async (t) => {
  const { core, say } = await verona();
  await using _ = core;
  say('1');
  say('2');
  const phone = core.connect(`${JULIET}/phone`);
  phone.fallback = true;
  phone.available(-1);
  t.deepEqual(bodies(phone), ['1', '2']);
  t.is(core.im.offline.count(jid(JULIET)), 0);
});

test('what one that is full refuses is stored', async (t) => {
  const { core, say } = await verona();
  await using _ = core;
  phoneOf(core).accepts = false;
  say('hi');
  t.is(core.im.offline.count(jid(JULIET)), 1);
});
