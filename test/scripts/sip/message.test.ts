/** MESSAGE (RFC 3428): delivered, stored, refused. */
import test from 'ava';
import { SipTestServer } from '#test/helpers/sip.ts';

const JULIET = 'juliet@localhost';
const ROMEO = 'romeo@localhost';

async function verona(text = ''): Promise<SipTestServer> {
  const server = await SipTestServer.start(text);
  await server.register(JULIET, ROMEO);
  return server;
}

test('from phone to phone, in order', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  const juliet = await server.registered(JULIET, { transport: 'tcp' });
  t.is((await romeo.say(JULIET, 'one')).status, 200);
  t.is((await romeo.say(JULIET, 'two')).status, 200);
  const first = await juliet.asked('MESSAGE');
  t.is(first.body.toString(), 'one');
  // RFC 7572 section 4, table 1, note 1: the device is the GRUU.
  t.regex(first.from?.uri ?? '', /^sip:romeo@localhost;gr=sip-/);
  t.is(first.uri, juliet.contact);
  juliet.answer(first, 200);
  t.is(await juliet.hears(), 'two');
});

test('to nobody 404, of a type that is not known 415, to somebody who blocks the sender 403', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  t.is((await romeo.say('nobody@localhost', 'hi')).status, 404);
  const body = { type: 'application/x-unknown', bytes: Buffer.from('x') };
  const odd = await romeo.prove(romeo.request('MESSAGE', { to: `sip:${JULIET}`, body }));
  t.is(odd.status, 415);
  t.true(odd.list('Accept').includes('text/plain'));
  const { jid } = await import('#test/helpers/xml.ts');
  server.server.im.blocking.block(jid(JULIET), [jid(ROMEO)]);
  t.is((await romeo.say(JULIET, 'hi')).status, 403);
});

test('to somebody without a phone 202, and it comes after REGISTER, once', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  t.is((await romeo.say(JULIET, 'one')).status, 202);
  t.is((await romeo.say(JULIET, 'two')).status, 202);
  await server.restart();
  const juliet = await server.registered(JULIET);
  t.is(await juliet.hears(), 'one');
  t.is(await juliet.hears(), 'two');
  t.is((await juliet.register()).status, 200);
  t.is((await juliet.say(JULIET, 'marker')).status, 200);
  t.is(await juliet.hears(), 'marker');
});

test('a phone that says it is not there leaves the message for when it is', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  const juliet = await server.registered(JULIET);
  t.is((await romeo.say(JULIET, 'one')).status, 200);
  juliet.answer(await juliet.asked('MESSAGE'), 480);
  t.is((await romeo.say(JULIET, 'two')).status, 202);
  t.is((await juliet.register()).status, 200);
  t.is(await juliet.hears(), 'one');
  t.is(await juliet.hears(), 'two');
});

test('without credentials 401, with those of another 403', async (t) => {
  await using server = await verona();
  const romeo = await server.phone(ROMEO);
  const request = romeo.request('MESSAGE', {
    to: `sip:${JULIET}`,
    from: `sip:${JULIET}`,
    body: { type: 'text/plain', bytes: Buffer.from('hi') },
  });
  t.is((await romeo.ask(request)).status, 401);
  t.is((await romeo.prove(romeo.request('MESSAGE', { to: `sip:${JULIET}`, from: `sip:${JULIET}` }))).status, 403);
});

test('an account with two phones has it on both', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  const phones = [await server.registered(JULIET), await server.registered(JULIET)];
  t.is((await romeo.say(JULIET, 'hi')).status, 200);
  for (const phone of phones) t.is(await phone.hears(), 'hi');
});

test('of two phones one has it: what the other one did not take is nothing that anybody misses', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  const [silent, juliet] = [await server.registered(JULIET), await server.registered(JULIET)];
  t.is((await romeo.say(JULIET, 'hi')).status, 200);
  await silent.asked('MESSAGE');
  t.is(await juliet.hears(), 'hi');
  t.is((await silent.register({ expires: 0 })).status, 200);
  t.is((await romeo.say(JULIET, 'marker')).status, 200);
  t.is(await juliet.hears(), 'marker');
});

test('of two phones none has it: it waits, once', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  const phones = [await server.registered(JULIET), await server.registered(JULIET)];
  t.is((await romeo.say(JULIET, 'hi')).status, 200);
  for (const phone of phones) await phone.asked('MESSAGE');
  for (const phone of phones) t.is((await phone.register({ expires: 0 })).status, 200);
  const juliet = await server.registered(JULIET);
  t.is(await juliet.hears(), 'hi');
  t.is((await romeo.say(JULIET, 'marker')).status, 200);
  t.is(await juliet.hears(), 'marker');
});

test('RFC 3428 section 8: over UDP a long text is several messages, between words; over TCP it is one', async (t) => {
  await using server = await verona();
  const romeo = await server.registered(ROMEO);
  const text = 'Was du ererbt von deinen Vätern hast, erwirb es, um es zu besitzen. '.repeat(40);
  const juliet = await server.registered(JULIET);
  t.is((await romeo.say(JULIET, text)).status, 200);
  let heard = '';
  while (Buffer.byteLength(heard) < Buffer.byteLength(text)) {
    const request = await juliet.asked('MESSAGE');
    t.true(request.toBytes().length <= 1300);
    juliet.answer(request, 200);
    heard += request.body.toString();
    t.regex(heard, / $/);
  }
  t.is(heard, text);
  t.is((await juliet.register({ contact: '*', expires: 0 })).status, 200);
  const connected = await server.registered(JULIET, { transport: 'tcp' });
  t.is((await romeo.say(JULIET, text)).status, 200);
  t.is(await connected.hears(), text);
});

test('a text without spaces is parted between characters', async (t) => {
  await using server = await verona();
  const [romeo, juliet] = [await server.registered(ROMEO), await server.registered(JULIET)];
  const text = '\u{1f339}'.repeat(300);
  t.is((await romeo.say(JULIET, text)).status, 200);
  t.is(`${await juliet.hears()}${await juliet.hears()}`, text);
});
