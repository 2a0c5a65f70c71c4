/** Switching carbons on and off; what is copied is tested in test/unit/im. */
import test from 'ava';
import { carbons } from '#protocols/xmpp/modules/xep0280-carbons.ts';
import { ClientSession } from '#protocols/xmpp/links/client-session.ts';
import { errorOf } from '#test/helpers/core.ts';
import { TestXmpp } from '#test/helpers/xmpp.ts';
import { element, jid, same } from '#test/helpers/xml.ts';

const JULIET = 'juliet@capulet.lit';
const ROMEO = 'romeo@capulet.lit';
const ENABLE = "<enable xmlns='urn:xmpp:carbons:2'/>";
const DISABLE = "<disable xmlns='urn:xmpp:carbons:2'/>";

async function verona() {
  const xmpp = await TestXmpp.open({ accounts: [JULIET, ROMEO] });
  xmpp.start(carbons);
  const { core } = xmpp;
  return { xmpp, core, juliet: core.login(`${JULIET}/balcony`), romeo: core.login(`${ROMEO}/orchard`) };
}

test('carbons are switched on and off, as often as one likes', async (t) => {
  const { juliet } = await verona();
  for (const [payload, on] of [
    [ENABLE, true],
    [ENABLE, true],
    [DISABLE, false],
    [DISABLE, false],
    [ENABLE, true],
  ] as const) {
    same(t, [await juliet.iq('set', payload)], [`<iq type='result' id='*' from='${JULIET}' to='${JULIET}/balcony'/>`]);
    t.is(juliet.carbons, on);
  }
});

test('nobody switches those of another', async (t) => {
  const { juliet, romeo } = await verona();
  t.is(errorOf(await romeo.iq('set', ENABLE, JULIET)), 'not-allowed/cancel');
  t.false(juliet.carbons || romeo.carbons);
});

test('both features are announced', async (t) => {
  const { core } = await verona();
  for (const feature of ['urn:xmpp:carbons:2', 'urn:xmpp:carbons:rules:0'])
    t.true(core.host().features.has('host', feature));
});

test('Bind 2 switches them on', async (t) => {
  const { xmpp } = await verona();
  const host = xmpp.host();
  t.deepEqual(host.bindInline.names, ['urn:xmpp:carbons:2']);
  const session = new ClientSession(jid(`${JULIET}/b`), host, { connection: 'c2s', ip: '::1', port: 1 }, 0);
  host.bindInline.apply(session, element("<bind xmlns='urn:xmpp:bind:0'/>"));
  t.false(session.carbons);
  host.bindInline.apply(session, element(`<bind xmlns='urn:xmpp:bind:0'>${ENABLE}</bind>`));
  t.true(session.carbons);
});

test('forged copies are taken out of what others send', async (t) => {
  const { juliet, romeo } = await verona();
  const forged = `<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='nurse@capulet.lit' to='${JULIET}'><body>lies</body></message></forwarded>`;
  romeo.send(
    `<message to='${JULIET}/balcony' type='chat'><body>truth</body><sent xmlns='urn:xmpp:carbons:2'>${forged}</sent><received xmlns='urn:xmpp:carbons:2'>${forged}</received></message>`,
  );
  juliet.got(t, `<message type='chat' from='${ROMEO}/orchard' to='${JULIET}/balcony'><body>truth</body></message>`);
  const secret = "<body>b</body><private xmlns='urn:xmpp:carbons:2'/>";
  romeo.send(`<message to='${JULIET}/balcony' type='chat'>${secret}</message>`);
  juliet.got(t, `<message type='chat' from='${ROMEO}/orchard' to='${JULIET}/balcony'>${secret}</message>`);
});
