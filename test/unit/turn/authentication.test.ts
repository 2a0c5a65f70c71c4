import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import test from 'ava';
import { alternateServer } from '#protocols/stun/attributes/alternate-server.ts';
import { messageIntegritySha256 } from '#protocols/stun/attributes/message-integrity-sha256.ts';
import { messageIntegrity } from '#protocols/stun/attributes/message-integrity.ts';
import { nonce } from '#protocols/stun/attributes/nonce.ts';
import { passwordAlgorithm } from '#protocols/stun/attributes/password-algorithm.ts';
import { passwordAlgorithms } from '#protocols/stun/attributes/password-algorithms.ts';
import { realm } from '#protocols/stun/attributes/realm.ts';
import { requestedTransport } from '#protocols/stun/attributes/requested-transport.ts';
import { userhash } from '#protocols/stun/attributes/userhash.ts';
import { username } from '#protocols/stun/attributes/username.ts';
import { xorRelayedAddress } from '#protocols/stun/attributes/xor-relayed-address.ts';
import {
  integrityKey,
  longTermKey,
  userhashOf,
  verifyIntegrity,
  verifyIntegritySha256,
} from '#protocols/stun/integrity.ts';
import { classes, methods } from '#protocols/stun/methods.ts';
import { Writer } from '#protocols/stun/writer.ts';
import { ALGORITHMS } from '#protocols/turn/authentication.ts';
import { codeOf, LOOPBACK, TurnTestServer, v4 } from '#test/helpers/turn.ts';

const [SHA256, MD5] = ALGORITHMS;
const md5Key = integrityKey(longTermKey('md5', 'juliet', 'localhost', 'secret'));
const sha256Key = integrityKey(longTermKey('sha256', 'juliet', 'localhost', 'secret'));

test('a request without credentials is told realm, nonce and algorithms', async (t) => {
  await using server = await TurnTestServer.start();
  const client = await server.client();
  const answer = await client.challenge();
  t.is(codeOf(answer), 401);
  t.is(answer.get(realm), 'localhost');
  // RFC 8489 section 18.1: bit 0, password algorithms.
  t.true(answer.get(nonce)?.startsWith('obMatJos2gAAA'));
  t.deepEqual(
    answer.get(passwordAlgorithms)?.map(({ algorithm }) => algorithm),
    [2, 1],
  );
  t.false(answer.has(messageIntegrity));
  t.true((answer.get(nonce)?.length ?? 0) < 128);
  client.close();
});

test('both forms of the user name; answers are signed as the request is', async (t) => {
  await using server = await TurnTestServer.start();
  for (const name of ['juliet', 'juliet@localhost']) {
    const client = await server.client();
    const answer = await client.allocate(undefined, { name, password: 'secret' });
    t.is(codeOf(answer), 0, name);
    t.true(verifyIntegrity(answer, integrityKey(longTermKey('md5', name, 'localhost', 'secret'))));
    t.false(answer.has(messageIntegritySha256));
    client.close();
  }
});

test('SHA-256, by name and by its hash', async (t) => {
  await using server = await TurnTestServer.start(`${LOOPBACK}, user_hash: true`);
  const client = await server.client();
  const challenge = await client.challenge();
  // Bit 1: user names may be hidden.
  t.true(challenge.get(nonce)?.startsWith('obMatJos2wAAA'));
  const request = (fill: (writer: Writer) => unknown): Writer => {
    const writer = new Writer(methods.allocate, classes.request, randomBytes(12)).add(requestedTransport, 17);
    fill(writer);
    return writer.add(realm, client.realm).add(nonce, client.nonce);
  };
  const ask = async (writer: Writer) => {
    client.write(writer.bytes);
    return await client.answer(writer.bytes.subarray(8, 20));
  };
  const algorithms = (writer: Writer): Writer =>
    SHA256 === undefined ? writer : writer.add(passwordAlgorithms, ALGORITHMS).add(passwordAlgorithm, SHA256);
  const hashed = await ask(
    algorithms(request((writer) => writer.add(userhash, userhashOf('juliet', 'localhost')))).integritySha256(sha256Key),
  );
  t.is(codeOf(hashed), 0);
  t.true(verifyIntegritySha256(hashed, sha256Key));
  t.false(hashed.has(messageIntegrity));
  const stranger = await ask(
    algorithms(request((writer) => writer.add(userhash, userhashOf('nobody', 'localhost')))).integritySha256(sha256Key),
  );
  t.is(codeOf(stranger), 401);
  const named = (): Writer => request((writer) => writer.add(username, 'juliet'));
  // A truncated code is not allowed here (RFC 8489 section 14.6).
  t.is(codeOf(await ask(algorithms(named()).integritySha256(sha256Key, 16))), 401);
  // Only one of the two attributes; a list that is not the one that was sent; an algorithm that is not on it.
  t.is(codeOf(await ask(named().add(passwordAlgorithms, ALGORITHMS).integritySha256(sha256Key))), 400);
  if (MD5 === undefined || SHA256 === undefined) return t.fail();
  const reordered = named().add(passwordAlgorithms, [MD5, SHA256]).add(passwordAlgorithm, MD5);
  t.is(codeOf(await ask(reordered.integrity(md5Key))), 400);
  const other = { algorithm: 3, parameters: Buffer.alloc(0) };
  const unknown = named().add(passwordAlgorithms, ALGORITHMS).add(passwordAlgorithm, other);
  t.is(codeOf(await ask(unknown.integrity(md5Key))), 400);
  // MD5 by name: the answer has the longer code all the same (section 9.2.4). The 5-tuple is in use.
  const chosen = await ask(named().add(passwordAlgorithms, ALGORITHMS).add(passwordAlgorithm, MD5).integrity(md5Key));
  t.is(codeOf(chosen), 437);
  t.true(verifyIntegritySha256(chosen, md5Key));
  client.close();
});

test('wrong integrity, unknown users, foreign realms: 401; what is missing: 400', async (t) => {
  await using server = await TurnTestServer.start();
  const client = await server.client();
  await client.challenge();
  t.is(codeOf(await client.allocate(undefined, { name: 'juliet', password: 'wrong' })), 401);
  t.is(codeOf(await client.allocate(undefined, { name: 'nobody', password: 'secret' })), 401);
  t.is(codeOf(await client.allocate(undefined, { name: 'juliet@elsewhere', password: 'secret' })), 401);
  client.realm = 'elsewhere.example';
  t.is(codeOf(await client.allocate()), 401);
  client.realm = 'localhost';
  const parts: readonly ((writer: Writer) => unknown)[] = [
    (writer) => writer.add(username, 'juliet'),
    (writer) => writer.add(realm, 'localhost'),
    (writer) => writer.add(nonce, client.nonce),
  ];
  for (const [left] of parts.entries()) {
    const writer = new Writer(methods.allocate, classes.request, randomBytes(12)).add(requestedTransport, 17);
    for (const [at, part] of parts.entries()) if (at !== left) part(writer);
    client.write(writer.integrity(md5Key).bytes);
    t.is(codeOf(await client.answer(writer.bytes.subarray(8, 20))), 400);
  }
  t.is(server.turn.allocations.size, 0);
  client.close();
});

test('a changed byte is noticed wherever it is', async (t) => {
  await using server = await TurnTestServer.start();
  const client = await server.client();
  await client.challenge();
  const bytes = client.signed(methods.allocate, (writer) => writer.add(requestedTransport, 17));
  for (const at of [27, 45, bytes.length - 1]) {
    const forged = Buffer.from(bytes);
    forged.writeUInt8(forged.readUInt8(at) ^ 1, at);
    client.write(forged);
    const code = codeOf(await client.answer(bytes.subarray(8, 20)));
    t.true(code === 401 || code === 400, `${at}: ${code}`);
  }
  client.close();
});

test('a stale nonce, and one made for somebody else: 438 with a new one', async (t) => {
  await using server = await TurnTestServer.start(`${LOOPBACK}, nonce_lifetime: 1s`);
  const client = await server.client();
  const other = await server.client();
  await client.challenge();
  await other.challenge();
  client.nonce = other.nonce;
  const answer = await client.allocate();
  t.is(codeOf(answer), 438);
  t.is(answer.get(realm), 'localhost');
  t.not(answer.get(nonce), other.nonce);
  client.nonce = answer.get(nonce) ?? '';
  t.is(codeOf(await client.allocate()), 0);
  // Time goes on.
  server.passes(2000);
  const stale = await client.request(methods.refresh);
  t.is(codeOf(stale), 438);
  client.close();
  other.close();
});

test('a stolen 5-tuple: another user on it gets 441', async (t) => {
  await using server = await TurnTestServer.start();
  await server.server.core.accounts.create('localhost', 'romeo', 'montague');
  const client = await server.client();
  await client.relay();
  const thief = { name: 'romeo', password: 'montague' };
  t.is(codeOf(await client.request(methods.refresh, undefined, thief)), 441);
  t.is(codeOf(await client.request(methods.createPermission, undefined, thief)), 441);
  t.is(codeOf(await client.request(methods.channelBind, undefined, thief)), 441);
  t.is(codeOf(await client.allocate(undefined, thief)), 437);
  t.is(server.turn.allocations.size, 1);
  client.close();
});

test('time-limited credentials serve until they expire and not after', async (t) => {
  await using server = await TurnTestServer.start(`${LOOPBACK}, secret: hush`);
  const { credentials } = server.turn;
  const minted = credentials.mint('juliet@localhost', 60_000);
  const as = { name: minted.username, password: minted.password };
  const client = await server.client();
  t.is(codeOf(await client.allocate(undefined, as)), 0);
  t.is([...server.turn.allocations][0]?.owner.user, 'juliet@localhost');
  const late = credentials.mint('juliet@localhost', -1000);
  const other = await server.client();
  t.is(codeOf(await other.allocate(undefined, { name: late.username, password: late.password })), 401);
  // Nobody prolongs them.
  const name = `${Math.floor(Date.now() / 1000) + 9999}:juliet@localhost`;
  t.is(codeOf(await other.allocate(undefined, { name, password: minted.password })), 401);
  const nobody = credentials.mint('nobody@localhost', 60_000);
  t.is(codeOf(await other.allocate(undefined, { name: nobody.username, password: nobody.password })), 401);
  client.close();
  other.close();
});

test('the password of time-limited credentials is what other servers make of the same secret', async (t) => {
  await using server = await TurnTestServer.start(`${LOOPBACK}, secret: north`);
  // openssl dgst -sha1 -hmac north -binary <<< -n '1700000000:alice' | base64
  t.is(server.turn.credentials.password('1700000000:alice'), EXPECTED);
});

const EXPECTED = 'Cd/49soE35ICqcJF/bCTn8Z4OyE=';

test('a disabled account, and a removed one, relay no more', async (t) => {
  await using server = await TurnTestServer.start();
  const { accounts } = server.server.core;
  const client = await server.client();
  await client.relay();
  accounts.ban('localhost', 'juliet', 'spam', 'operator');
  t.is(server.turn.allocations.size, 0);
  t.is(codeOf(await client.request(methods.refresh)), 403);
  t.is(codeOf(await client.allocate()), 403);
  accounts.unban('localhost', 'juliet');
  await client.relay();
  accounts.remove('localhost', 'juliet');
  t.is(server.turn.allocations.size, 0);
  t.is(codeOf(await client.allocate()), 401);
  client.close();
});

test('strangers get only so many refusals', async (t) => {
  await using server = await TurnTestServer.start(`${LOOPBACK}, unauthorized_rate: 5`);
  const client = await server.client();
  for (let n = 0; n < 50; n++) {
    client.write(new Writer(methods.allocate, classes.request, randomBytes(12)).add(requestedTransport, 17).bytes);
  }
  await client.settled();
  t.true(client.received.length <= 10, `${client.received.length}`);
  t.true(server.turn.flood.dropped >= 40);
  client.close();
});

test('who guesses is banned; who writes another address on his requests bans nobody', async (t) => {
  await using server = await TurnTestServer.start(
    LOOPBACK,
    'bans: { failures: 3, exempt: nobody }\naccess: { nobody: [{ deny: [all] }] }',
  );
  const { bans } = server.server;
  const client = await server.client('tcp');
  // A nonce of ours that the address of the client never got.
  client.nonce = 'obMatJos2gAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
  for (let n = 0; n < 5; n++) await client.allocate(undefined, { name: 'juliet', password: `guess ${n}` });
  t.false(bans.isBanned('127.0.0.1'));
  await client.challenge();
  for (let n = 0; n < 3; n++) await client.allocate(undefined, { name: 'juliet', password: `guess ${n}` });
  t.true(bans.isBanned('127.0.0.1'));
  client.close();
});

test('while the server is drained: 300 with another server, once the client has proved itself', async (t) => {
  await using server = await TurnTestServer.start(
    `${LOOPBACK}, drain: true, alternate_servers: ['192.0.2.7', '[2001:db8::7]:3479']`,
  );
  const client = await server.client();
  t.is(codeOf(await client.challenge()), 401);
  const answer = await client.allocate();
  t.is(codeOf(answer), 300);
  t.true(verifyIntegrity(answer, md5Key));
  t.deepEqual(answer.all(alternateServer), [v4('192.0.2.7', 3478), { family: 6, address: '2001:db8::7', port: 3479 }]);
  await server.reload(LOOPBACK);
  t.true((await client.allocate()).has(xorRelayedAddress));
  client.close();
});
