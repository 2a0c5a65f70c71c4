import test from 'ava';
import { vcard } from '#protocols/xmpp/modules/xep0054-vcard-temp.ts';
import { errorOf, TestCore } from '#test/helpers/core.ts';
import { same } from '#test/helpers/xml.ts';

const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@capulet.lit';
const ASK = "<vCard xmlns='vcard-temp'/>";
const CARD = "<vCard xmlns='vcard-temp'><FN>Juliet &amp; Co</FN><TEL><WORK/><NUMBER>1</NUMBER></TEL></vCard>";

async function verona(documents?: number): Promise<TestCore> {
  const core = await TestCore.open({
    accounts: [JULIET, ROMEO],
    ...(documents === undefined ? {} : { limits: { documents } }),
  });
  core.start(vcard, { host_url: 'https://capulet.lit/?a&b' });
  return core;
}

test('a vCard is set by its owner and seen by all', async (t) => {
  await using core = await verona();
  const juliet = core.login(`${JULIET}/balcony`);
  same(t, [await juliet.iq('set', CARD)], [`<iq type='result' id='*' from='${JULIET}' to='${JULIET}/balcony'/>`]);
  t.is(core.store.barrier(), undefined);
  same(
    t,
    [await juliet.iq('get', ASK)],
    [`<iq type='result' id='*' from='${JULIET}' to='${JULIET}/balcony'>${CARD}</iq>`],
  );
  const romeo = core.login(`${ROMEO}/orchard`);
  same(
    t,
    [await romeo.iq('get', ASK, JULIET)],
    [`<iq type='result' id='*' from='${JULIET}' to='${ROMEO}/orchard'>${CARD}</iq>`],
  );
});

test('without a vCard the owner learns so, others the same as of no account', async (t) => {
  await using core = await verona();
  t.is(errorOf(await core.login(`${JULIET}/balcony`).iq('get', ASK)), 'item-not-found/cancel');
  const romeo = core.login(`${ROMEO}/orchard`);
  const [none, nobody] = [await romeo.iq('get', ASK, JULIET), await romeo.iq('get', ASK, 'nobody@capulet.lit')];
  t.is(errorOf(none), 'service-unavailable/cancel');
  t.deepEqual(none.content, nobody.content);
});

test('nobody sets the vCard of another, nor that of the host', async (t) => {
  await using core = await verona();
  const romeo = core.login(`${ROMEO}/orchard`);
  t.is(errorOf(await romeo.iq('set', CARD, JULIET)), 'forbidden/auth');
  t.is(errorOf(await romeo.iq('set', CARD, 'capulet.lit')), 'forbidden/auth');
});

test('the host has one of its own', async (t) => {
  await using core = await verona();
  same(
    t,
    [await core.login(`${ROMEO}/orchard`).iq('get', ASK, 'capulet.lit')],
    [
      `<iq type='result' id='*' from='capulet.lit' to='*'><vCard xmlns='vcard-temp'><FN>Trivium</FN><URL>https://capulet.lit/?a&amp;b</URL></vCard></iq>`,
    ],
  );
});

test('a vCard over the quota is refused, and the old one stays', async (t) => {
  await using core = await verona(200);
  const juliet = core.login(`${JULIET}/balcony`);
  await juliet.iq('set', CARD);
  t.is(
    errorOf(
      await juliet.iq('set', `<vCard xmlns='vcard-temp'><PHOTO><BINVAL>${'A'.repeat(300)}</BINVAL></PHOTO></vCard>`),
    ),
    'resource-constraint/wait',
  );
  same(t, [await juliet.iq('get', ASK)], [`<iq type='result' id='*' from='*' to='*'>${CARD}</iq>`]);
});
