import test from 'ava';
import { element, stanza } from '#test/helpers/xml.ts';
import type { TestXmpp } from '#test/helpers/xmpp.ts';
import { open } from '#test/unit/xmpp/stream/sasl-client.ts';
import { streamManagement } from '#protocols/xmpp/modules/xep0198-stream-management.ts';
import { clientStateIndication } from '#protocols/xmpp/modules/xep0352-client-state-indication.ts';
import { identifier, login, sasl2Server } from './sasl2-client.ts';

const SM = 'urn:xmpp:sm:3';
const BIND2 = 'urn:xmpp:bind:0';
const bind = `<bind xmlns='${BIND2}'><tag>one</tag><enable xmlns='${SM}' resume='true'/><inactive xmlns='urn:xmpp:csi:0'/></bind>`;
const resume = (previd: string, h = 0): string => `<resume xmlns='${SM}' previd='${previd}' h='${h}'/>`;
const message = (to: string, body: string): string =>
  `<message from='romeo@capulet.lit/x' to='${to}'><body>${body}</body></message>`;

async function world(): Promise<TestXmpp> {
  const server = await sasl2Server();
  server.start(streamManagement);
  server.start(clientStateIndication);
  await server.server.opening();
  return server;
}

test('announced for SASL2 and for Bind 2', async (t) => {
  await using server = await world();
  const { features } = open(server);
  const inline = element(features).getChild('authentication', 'urn:xmpp:sasl:2')?.getChild('inline');
  t.truthy(inline?.getChild('sm', SM));
  const vars = inline
    ?.getChild('bind', BIND2)
    ?.getChild('inline')
    ?.getChildren('feature')
    .map(({ attrs }) => String(attrs['var']));
  t.true(vars?.includes(SM));
  t.true(vars?.includes('urn:xmpp:csi:0'));
});

test('enabled while binding, and resumed while authenticating', async (t) => {
  await using server = await world();
  const first = await login(server, { inline: bind });
  const enabled = first.answer.getChild('bound', BIND2)?.getChild('enabled', SM);
  const id = String(enabled?.attrs['id']);
  t.is(enabled?.attrs['resume'], 'true');
  const session = first.stream.stream.session;
  if (session === undefined) return t.fail();
  t.truthy(session.holding, 'the client began inactive');
  session.deliver(stanza(message(session.jid.full, 'one')));
  await server.core.settled();
  t.deepEqual(
    first.stream.transport.take().map((xml) => xml.slice(0, 8)),
    ['<message', '<r xmlns'],
  );

  first.stream.send('<presence/>');
  const second = await login(server, { inline: resume(id) + bind });
  t.true(first.stream.transport.closed);
  t.is(identifier(second), session.jid.full);
  t.is(second.answer.getChild('resumed', SM)?.attrs['h'], '1');
  t.is(second.answer.getChild('bound', BIND2), undefined);
  t.is(second.stream.stream.session, session);
  t.is(session.holding, undefined, 'a resumed stream begins active');
  t.deepEqual(
    second.more.map((xml) => xml.slice(0, 8)),
    ['<message', '<r xmlns', '<presenc'],
    'no features; what was lost, and what was held back',
  );
});

test('a session that is gone: a new one is bound', async (t) => {
  await using server = await world();
  const done = await login(server, { inline: resume('gone') + bind });
  t.truthy(done.answer.getChild('failed', SM)?.getChild('item-not-found'));
  t.truthy(done.answer.getChild('bound', BIND2)?.getChild('enabled', SM));
  t.true(done.more.some((xml) => xml.startsWith('<features')));
  t.false(done.more.join('').includes(SM), 'it is in use');
});

test('a session of another account', async (t) => {
  await using server = await world();
  const romeo = await login(server, { user: 'romeo', inline: bind });
  const id = String(romeo.answer.getChild('bound', BIND2)?.getChild('enabled', SM)?.attrs['id']);
  const juliet = await login(server, { inline: resume(id) });
  t.truthy(juliet.answer.getChild('failed', SM)?.getChild('item-not-found'));
  t.is(juliet.stream.stream.session, undefined);
  t.false(romeo.stream.transport.closed);
});

test('more is acknowledged than was sent', async (t) => {
  await using server = await world();
  const first = await login(server, { inline: bind });
  const id = String(first.answer.getChild('bound', BIND2)?.getChild('enabled', SM)?.attrs['id']);
  const second = await login(server, { inline: resume(id, 7) });
  t.is(second.answer.getName(), 'error');
  t.truthy(second.answer.getChild('handled-count-too-high', SM));
});
