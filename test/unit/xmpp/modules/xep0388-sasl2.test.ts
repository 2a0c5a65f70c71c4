import test from 'ava';
import { element } from '#test/helpers/xml.ts';
import { TestXmpp } from '#test/helpers/xmpp.ts';
import {
  auth,
  base64,
  loginScram,
  mechanisms,
  open,
  plain,
  SASL,
  SASL2,
  scram,
} from '#test/unit/xmpp/stream/sasl-client.ts';
import { sasl2 } from '#protocols/xmpp/modules/xep0388-sasl2.ts';
import type { Sasl2Request } from '#protocols/xmpp/stream/inline.ts';
import { bindResource } from '#protocols/xmpp/stream/bind.ts';
import { AGENT, authenticate, condition, finish, identifier, login, sasl2Server } from './sasl2-client.ts';

const BIND = "<features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></features>";

test('it is offered beside SASL with the same mechanisms, and only where they can be had', async (t) => {
  await using server = await TestXmpp.open({ accounts: ['juliet@capulet.lit'] });
  server.start(sasl2);
  const { features } = open(server);
  t.deepEqual(mechanisms(features, 'authentication'), mechanisms(features));
  t.is(mechanisms(features).length, 7);
  t.is(element(features).getChild('authentication', SASL2)?.getChild('inline'), undefined);
  const inTheClear = open(server, { ip: '192.0.2.7', loopback: false });
  t.is(element(inTheClear.features).getChild('authentication', SASL2), undefined);
});

test('what can be done inline is announced', async (t) => {
  await using server = await sasl2Server();
  const inline = element(open(server).features).getChild('authentication', SASL2)?.getChild('inline');
  t.deepEqual(
    inline?.getChildElements().map((child) => [child.getName(), child.getNS()]),
    [
      ['bind', 'urn:xmpp:bind:0'],
      ['fast', 'urn:xmpp:fast:0'],
    ],
  );
});

test('SCRAM: the server-final message, the account, and features without a new stream', async (t) => {
  await using server = await sasl2Server();
  const { stream } = open(server);
  const { final, first, mechanism } = scram({});
  stream.send(authenticate(mechanism, first));
  const [challenge = ''] = stream.transport.take();
  t.is(element(challenge).getNS(), SASL2);
  const { final: last, serverFinal } = final(element(challenge).getText());
  stream.send(`<response xmlns='${SASL2}'>${base64(last)}</response>`);
  const done = await finish(server, stream);
  t.is(done.answer.getChildText('additional-data'), base64(serverFinal));
  t.is(identifier(done), 'juliet@capulet.lit');
  t.deepEqual(done.more, [BIND]);
  t.false(stream.transport.paused);
  stream.bind('balcony');
  t.is(stream.stream.session?.jid.full, 'juliet@capulet.lit/balcony');
});

test('PLAIN, where nothing is to be added', async (t) => {
  await using server = await sasl2Server();
  const { stream } = open(server);
  stream.send(authenticate('PLAIN', plain()));
  t.true(stream.transport.paused);
  const done = await finish(server, stream);
  t.is(done.answer.getChild('additional-data'), undefined);
  t.is(identifier(done), 'juliet@capulet.lit');
  t.deepEqual(done.more, [BIND]);
  t.false(stream.transport.paused);
});

test('white space around base64 is let pass', async (t) => {
  await using server = await sasl2Server();
  const { stream } = open(server);
  stream.send(authenticate('PLAIN', `\n    ${plain()}\n  `));
  t.is(condition(await finish(server, stream)), undefined);
});

test('without an initial response the first challenge is empty', async (t) => {
  await using server = await sasl2Server();
  const { stream } = open(server);
  stream.send(`<authenticate xmlns='${SASL2}' mechanism='PLAIN'/>`);
  stream.got(t, `<challenge xmlns='${SASL2}'/>`);
  stream.send(`<response xmlns='${SASL2}'>${plain()}</response>`);
  t.is(condition(await finish(server, stream)), undefined);
});

test('a failure has the condition in the namespace of RFC 6120; the client may try again', async (t) => {
  await using server = await sasl2Server();
  const failed = await login(server, { password: 'wrong' });
  t.is(
    failed.answer.toString(),
    `<failure xmlns="${SASL2}"><not-authorized xmlns="${SASL}"/><text xml:lang="en">invalid-proof</text></failure>`,
  );
  const { stream } = failed;
  t.is(element(loginScram(stream).written.at(0) ?? '').getName(), 'success');
});

test('a client aborts, with a reason', async (t) => {
  await using server = await sasl2Server();
  const { stream } = open(server);
  const { first, mechanism } = scram({});
  stream.send(authenticate(mechanism, first));
  stream.transport.take();
  stream.send(`<abort xmlns='${SASL2}'><text>enough</text></abort>`);
  stream.got(t, `<failure xmlns='${SASL2}'><aborted xmlns='${SASL}'/></failure>`);
});

test('a second request while one runs, or after success, ends the stream ("Multiple Authentication")', async (t) => {
  await using server = await sasl2Server();
  const { stream } = open(server);
  const { first, mechanism } = scram({});
  stream.send(authenticate(mechanism, first));
  stream.transport.take();
  stream.send(authenticate(mechanism, first));
  t.is(
    element(stream.transport.take().at(-1) ?? '')
      .getChildElements()[0]
      ?.getName(),
    'policy-violation',
  );
  for (const again of [authenticate(mechanism, first), auth('PLAIN', plain())]) {
    const done = await login(server);
    done.stream.send(again);
    t.is(
      element(done.stream.transport.take().at(-1) ?? '')
        .getChildElements()[0]
        ?.getName(),
      'policy-violation',
    );
  }
});

test('failures of both profiles count together', async (t) => {
  await using server = await sasl2Server('limits: { auth_attempts: 2 }');
  const { stream } = await login(server, { password: 'wrong' });
  const { written } = loginScram(stream, { password: 'wrong' });
  t.is(
    element(written.at(-1) ?? '')
      .getChildElements()[0]
      ?.getName(),
    'policy-violation',
  );
});

test('inline features: the early one first, then resumption, then binding; results in <success/>, then what follows it', async (t) => {
  await using server = await sasl2Server();
  const { inline } = server.host();
  const seen: string[] = [];
  const note = (what: string) => (request: Sasl2Request) => {
    seen.push(`${what} ${request.account.full} ${request.mechanism} ${request.agent} ${request.stream.account?.full}`);
    return {
      xml: `<${what} xmlns='urn:example'/>`,
      written: () => request.stream.write(`<after-${what} xmlns='urn:example'/>`),
    };
  };
  inline.add({ name: 'b', stage: 'bind', offer: () => undefined, apply: note('binding') });
  inline.add({ name: 'r', stage: 'resume', offer: () => undefined, apply: note('resumption') });
  inline.add({
    name: 't',
    stage: 'token',
    offer: () => undefined,
    apply: (request) => Promise.resolve(note('token')(request)),
  });
  t.throws(() => inline.add({ name: 't', stage: 'bind', offer: () => undefined, apply: () => undefined }));
  const done = await login(server);
  const of = `juliet@capulet.lit SCRAM-SHA-256 ${AGENT}`;
  t.deepEqual(seen, [
    `token ${of} undefined`,
    `resumption ${of} juliet@capulet.lit`,
    `binding ${of} juliet@capulet.lit`,
  ]);
  const added = done.answer.getChildElements().filter((child) => child.getNS() === 'urn:example');
  t.deepEqual(
    added.map((child) => child.getName()),
    ['resumption', 'binding', 'token'],
  );
  t.deepEqual(done.more, [
    BIND,
    ...['resumption', 'binding', 'token'].map((what) => `<after-${what} xmlns='urn:example'/>`),
  ]);
});

test('a resumed session: its full JID, no binding, no features', async (t) => {
  await using server = await sasl2Server();
  const { inline } = server.host();
  inline.add({
    name: 'r',
    stage: 'resume',
    offer: () => undefined,
    apply: ({ stream }) => {
      bindResource(stream, 'resumed');
      return { xml: "<resumed xmlns='urn:xmpp:sm:3'/>", written: () => stream.write('<stanza/>') };
    },
  });
  const done = await login(server, { inline: "<resume xmlns='urn:xmpp:sm:3'/><bind xmlns='urn:xmpp:bind:0'/>" });
  t.is(identifier(done), 'juliet@capulet.lit/resumed');
  t.is(done.answer.getChild('bound', 'urn:xmpp:bind:0'), undefined);
  t.deepEqual(done.more, ['<stanza/>']);
});

test('inline features of a login that failed do nothing', async (t) => {
  await using server = await sasl2Server();
  server.host().inline.add({
    name: 'r',
    stage: 'token',
    offer: () => undefined,
    apply: () => {
      t.fail();
      return undefined;
    },
  });
  t.is(
    condition(await login(server, { password: 'wrong', inline: "<bind xmlns='urn:xmpp:bind:0'/>" })),
    'not-authorized',
  );
  t.is(server.core.registry.size, 0);
});

test('what cannot be written now: temporary-auth-failure, and the stream lives', async (t) => {
  await using server = await sasl2Server();
  const broken = server.host().inline.add({
    name: 'x',
    stage: 'token',
    offer: () => undefined,
    apply: () => Promise.reject(new Error('disk full')),
  });
  const failed = await login(server);
  t.is(condition(failed), 'temporary-auth-failure');
  t.false(failed.stream.transport.paused);
  broken[Symbol.dispose]();
  t.is(element(loginScram(failed.stream).written.at(0) ?? '').getName(), 'success');
});
