import test from 'ava';
import { session } from '#protocols/xmpp/modules/rfc3921-session.ts';
import { errorOf, TestCore } from '#test/helpers/core.ts';
import { same } from '#test/helpers/xml.ts';

const REQUEST = "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>";

test('a session is established, which changes nothing', async (t) => {
  await using core = await TestCore.open({ accounts: ['juliet@capulet.lit', 'romeo@capulet.lit'] });
  core.start(session);
  const juliet = core.connect('juliet@capulet.lit/balcony');
  const result = (from: string): string => `<iq type='result' id='*' from='${from}' to='juliet@capulet.lit/balcony'/>`;
  same(t, [await juliet.iq('set', REQUEST)], [result('juliet@capulet.lit')]);
  same(t, [await juliet.iq('set', REQUEST, 'capulet.lit')], [result('capulet.lit')]);
  t.is(errorOf(await juliet.iq('set', REQUEST, 'romeo@capulet.lit')), 'service-unavailable/cancel');
  t.is(errorOf(await juliet.iq('get', REQUEST)), 'service-unavailable/cancel');
});
