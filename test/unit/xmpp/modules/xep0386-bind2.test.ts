import test from 'ava';
import { element } from '#test/helpers/xml.ts';
import { open, SASL2 } from '#test/unit/xmpp/stream/sasl-client.ts';
import { ClientSession } from '#protocols/xmpp/links/client-session.ts';
import { AGENT, condition, identifier, login, OTHER_AGENT, sasl2Server } from './sasl2-client.ts';

const BIND2 = 'urn:xmpp:bind:0';
const bind = (children = ''): string => `<bind xmlns='${BIND2}'>${children}</bind>`;
const tagged = (tag: string): string => bind(`<tag>${tag}</tag>`);

test('the session is bound in <success/>, and features follow', async (t) => {
  await using server = await sasl2Server();
  const done = await login(server, { inline: tagged('AwesomeXMPP') });
  t.regex(identifier(done) ?? '', /^juliet@capulet\.lit\/AwesomeXMPP\/[\w-]{16}$/);
  t.truthy(done.answer.getChild('bound', BIND2));
  t.deepEqual(done.more, ['<features></features>']);
  t.is(server.core.registry.size, 1);
  done.stream.send("<iq type='get' id='1'/>");
  t.regex(done.stream.transport.take().join(''), /bad-request/);
});

test('the identifier is the same for a client whenever it comes, and does not show its id', async (t) => {
  await using server = await sasl2Server();
  const resourceOf = async (agent: string, tag: string, user = 'juliet'): Promise<string> =>
    (identifier(await login(server, { agent, user, inline: tagged(tag) })) ?? '').split('/').at(-1) ?? '';
  const first = await resourceOf(AGENT, 'one');
  t.is(await resourceOf(AGENT.toUpperCase(), 'one'), first);
  t.not(await resourceOf(OTHER_AGENT, 'one'), first);
  t.not(await resourceOf(AGENT, 'one', 'romeo'), first);
  t.false(AGENT.includes(first.toLowerCase()));
  // Without the id of a client, each session has its own.
  t.not(await resourceOf('', 'one'), await resourceOf('', 'one'));
});

for (const [tag, expected] of [
  ['', /^[\w-]{16}$/],
  ['&#x9;tab', /^[\w-]{16}$/],
  ['x'.repeat(1020), /^[\w-]{16}$/],
  ['a/b', /^a\/b\/[\w-]{16}$/],
  ['Gerät', /^Gerät\/[\w-]{16}$/],
] as const) {
  test(`the tag ${tag.slice(0, 12)} is in the resource, where it can be in one`, async (t) => {
    await using server = await sasl2Server();
    const resource = identifier(await login(server, { inline: tagged(tag) }))?.slice('juliet@capulet.lit/'.length);
    t.regex(resource ?? '', expected);
  });
}

for (const policy of ['closeold', 'closenew', 'setresource']) {
  test(`a client that comes back takes the place of its old session (resource_conflict: ${policy})`, async (t) => {
    await using server = await sasl2Server(`xmpp: { resource_conflict: ${policy} }`);
    const old = await login(server, { inline: tagged('one') });
    const other = await login(server, { inline: tagged('one'), agent: OTHER_AGENT });
    const fresh = await login(server, { inline: tagged('two') });
    t.is(
      element(old.stream.transport.take().at(-1) ?? '')
        .getChildElements()[0]
        ?.getName(),
      'conflict',
    );
    t.true(old.stream.transport.closed);
    t.false(other.stream.transport.closed);
    t.deepEqual(
      [...server.core.registry].map((session) => session.jid.full),
      [identifier(other), identifier(fresh)],
    );
  });
}

test('no room for another session: resource-constraint, and no success', async (t) => {
  await using server = await sasl2Server('access: { max_sessions: [{ value: 1, for: all }] }');
  await login(server, { inline: bind() });
  const refused = await login(server, { inline: bind(), agent: OTHER_AGENT });
  t.is(condition(refused), 'resource-constraint');
  t.deepEqual(refused.more, []);
  t.is(server.core.registry.size, 1);
  // The same client has a place already.
  t.is(condition(await login(server, { inline: bind() })), undefined);
});

test('features of other modules are announced, and switched on before <success/>', async (t) => {
  await using server = await sasl2Server();
  const { bindInline } = server.host();
  bindInline.add({
    feature: 'urn:example:one',
    apply: (session, wanted) => {
      if (wanted.getChild('enable', 'urn:example:one') === undefined) return undefined;
      session.carbons = true;
      return { xml: "<enabled xmlns='urn:example:one'/>", written: () => session.stream?.write('<one/>') };
    },
  });
  const silent = bindInline.add({ feature: 'urn:example:two', apply: () => undefined });
  t.throws(() => bindInline.add({ feature: 'urn:example:one', apply: () => undefined }));
  const announced = (): readonly string[] | undefined =>
    element(open(server).features)
      .getChild('authentication', SASL2)
      ?.getChild('inline')
      ?.getChild('bind', BIND2)
      ?.getChild('inline')
      ?.getChildElements()
      .map((child) => String(child.attrs['var']));
  t.deepEqual(announced(), ['urn:example:one', 'urn:example:two']);
  silent[Symbol.dispose]();
  t.deepEqual(announced(), ['urn:example:one']);
  const done = await login(server, {
    inline: bind("<enable xmlns='urn:example:one'/><enable xmlns='urn:example:none'/>"),
  });
  t.is(
    done.answer.getChild('bound', BIND2)?.toString(),
    `<bound xmlns="${BIND2}"><enabled xmlns="urn:example:one"/></bound>`,
  );
  t.deepEqual(done.more, ['<features></features>', '<one/>']);
  const [session] = server.core.registry;
  t.true(session instanceof ClientSession && session.carbons);
});

test('who does not ask is not bound', async (t) => {
  await using server = await sasl2Server();
  t.is(identifier(await login(server)), 'juliet@capulet.lit');
  t.is(server.core.registry.size, 0);
});
