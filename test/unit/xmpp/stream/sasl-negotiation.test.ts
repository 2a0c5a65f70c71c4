import test from 'ava';
import { element } from '#test/helpers/xml.ts';
import { TestXmpp } from '#test/helpers/xmpp.ts';
import { auth, failed, loginScram, open, plain, remote, SASL, streamError } from './sasl-client.ts';

const accounts = ['juliet@capulet.lit', 'romeo@capulet.lit'];
const SUCCESS = `<success xmlns='${SASL}'/>`;

const xmpp = (settings = ''): Promise<TestXmpp> => TestXmpp.open({ accounts, settings });

test('too many failures end the stream with policy-violation (RFC 6120 section 6.4.5)', async (t) => {
  await using server = await xmpp('limits: { auth_attempts: 3 }');
  const { stream } = open(server);
  for (let round = 0; round < 2; round++)
    t.deepEqual(loginScram(stream, { password: 'wrong' }).written, [failed('not-authorized', 'invalid-proof')]);
  const { written } = loginScram(stream, { password: 'wrong' });
  t.deepEqual(written, [
    failed('not-authorized', 'invalid-proof'),
    streamError('policy-violation', 'too many failed logins'),
  ]);
  t.true(stream.transport.closed);
});

test('failed logins lead to a ban of their address, over all its connections', async (t) => {
  await using server = await xmpp();
  server.server.bans.configure({ threshold: 3 });
  loginScram(open(server).stream, { password: 'wrong' });
  const { stream } = open(server);
  // Neither an abort nor a request that makes no sense is a guess.
  stream.send(`<abort xmlns='${SASL}'/>`);
  stream.send(auth('CRAM-MD5'));
  stream.transport.take();
  loginScram(stream, { user: 'nurse' });
  t.false(server.server.bans.isBanned('192.0.2.7'));
  const { written } = loginScram(stream, { password: 'wrong' });
  t.is(written.at(-1), streamError('policy-violation', 'too many failed logins from this address'));
  t.true(server.server.bans.isBanned('192.0.2.7'));
});

test('a banned account is told so, but only after its proof', async (t) => {
  await using server = await xmpp();
  server.core.accounts.ban('capulet.lit', 'juliet', 'sleeps', 'nurse@capulet.lit');
  t.deepEqual(loginScram(open(server).stream).written, [failed('account-disabled', 'sleeps')]);
  t.deepEqual(loginScram(open(server).stream, { password: 'wrong' }).written, [
    failed('not-authorized', 'invalid-proof'),
  ]);
  server.core.accounts.unban('capulet.lit', 'juliet');
  t.is(element(loginScram(open(server).stream).written.at(0) ?? '').getName(), 'success');
});

test('the rule c2s says who may log in, and from where', async (t) => {
  const acl = 'acl: { house: { ip: 192.0.2.0/24 }, guest: { user: romeo } }';
  await using server = await xmpp(`${acl}\naccess: { c2s: [{ deny: guest }, { allow: house }] }`);
  const romeo = loginScram(open(server).stream, { user: 'romeo' });
  t.deepEqual(romeo.written, [failed('account-disabled', 'not allowed here')]);
  t.is(element(loginScram(open(server).stream).written.at(0) ?? '').getName(), 'success');
  const away = loginScram(open(server, { ...remote, ip: '198.51.100.1' }).stream);
  t.deepEqual(away.written, [failed('account-disabled', 'not allowed here')]);
});

test('accounts that cannot be asked: temporary-auth-failure, and the client may try again', async (t) => {
  await using server = await xmpp();
  const { stream } = open(server);
  const { accounts: asked } = server.core;
  const check = asked.checkPassword.bind(asked);
  asked.checkPassword = () => Promise.reject(new Error('out of reach'));
  stream.send(auth('PLAIN', plain()));
  t.is(await stream.transport.next((xml) => xml.startsWith('<failure')), failed('temporary-auth-failure'));
  await server.core.settled();
  t.false(stream.transport.paused);
  asked.checkPassword = check;
  stream.send(auth('PLAIN', plain()));
  t.is(await stream.transport.next((xml) => xml.startsWith('<success')), SUCCESS);
});

test('a client that is gone before its password is derived is left alone', async (t) => {
  await using server = await xmpp();
  const { stream } = open(server);
  stream.send(auth('PLAIN', plain()));
  stream.stream.onClosed();
  await server.core.accounts.checkPassword('capulet.lit', 'juliet', 'secret');
  await server.core.settled();
  stream.got(t);
  t.is(stream.stream.account, undefined);
});

test('under TLS the stream header names the account that logs in (RFC 6120 section 6.4.6)', async (t) => {
  await using server = await xmpp();
  t.is(
    element(loginScram(open(server, { ...remote, from: 'juliet@capulet.lit/x' }).stream).written.at(0) ?? '').getName(),
    'success',
  );
  const other = open(server, { ...remote, from: 'romeo@capulet.lit' });
  t.deepEqual(loginScram(other.stream).written, [
    failed('invalid-authzid', 'the stream header is from another account'),
  ]);
  // In the clear the header proves nothing; but whom a client names has to be the one.
  const clear = { from: 'romeo@capulet.lit' };
  t.is(element(loginScram(open(server, clear).stream).written.at(0) ?? '').getName(), 'success');
  const named = loginScram(open(server, clear).stream, { gs2: 'n,a=juliet@capulet.lit,' });
  t.deepEqual(named.written, [failed('invalid-authzid', 'the stream header is from another account')]);
  const foreign = open(server, { ...remote, from: 'juliet@montague.lit' });
  t.is(element(foreign.features).getChildElements()[0]?.getName(), 'invalid-from');
});
