/** RFC 3325: who is believed to say who calls. RFC 3261 section 22: credentials that were for this server go no further. */
import test from 'ava';
import type { FieldList, SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { type Phone, SipTestServer } from '#test/helpers/sip.ts';
import { jid } from '#test/helpers/xml.ts';

const JULIET = 'juliet@localhost';
const ROMEO = 'romeo@localhost';
const TEXT = { type: 'text/plain', bytes: Buffer.from('hi') };
const CLAIMS: FieldList = [
  ['P-Asserted-Identity', '<sip:prince@localhost>'],
  ['P-Preferred-Identity', '<sip:prince@localhost>'],
  ['Remote-Party-ID', '<sip:prince@localhost>;screen=yes'],
];

const claimed = (message: SipRequest | SipResponse): readonly string[] =>
  CLAIMS.map(([name]) => name).filter((name) => message.headers.has(name));

const credentials = (request: SipRequest): FieldList => [
  ['Proxy-Authorization', request.get('Proxy-Authorization') ?? ''],
  ['Proxy-Authorization', 'Digest username="romeo", realm="elsewhere.example", nonce="n", uri="u", response="r"'],
];

function inside(phone: Phone, method: string, answer: SipResponse, invite: SipRequest, fields: FieldList): SipRequest {
  return phone.request(method, {
    uri: answer.contacts?.[0]?.uri ?? '',
    from: invite.get('From') ?? '',
    to: answer.get('To') ?? '',
    callId: invite.callId ?? '',
    fields: [...(answer.recordRoutes ?? []).toReversed().map((route) => ['Route', String(route)] as const), ...fields],
    ...(method === 'ACK' ? { cseq: invite.cseq?.number ?? 0 } : {}),
  });
}

test('phones assert nothing, before a dialog, in it and in answers; credentials for this server stay here', async (t) => {
  await using server = await SipTestServer.start();
  await server.register(JULIET, ROMEO);
  const [juliet, romeo] = [await server.registered(JULIET), await server.registered(ROMEO)];
  const contact = ['Contact', `<${romeo.contact}>`] as const;
  const first = romeo.request('INVITE', { to: `sip:${JULIET}`, fields: [contact, ...CLAIMS] });
  const challenged = await romeo.ask(first);
  romeo.acknowledge(first, challenged);
  const invite = romeo.credentials(first, challenged);
  romeo.send(invite);
  const rings = await juliet.asked('INVITE');
  t.deepEqual(claimed(rings), []);
  juliet.answer(rings, 200, [['Contact', `<${juliet.contact}>`], ...CLAIMS]);
  const answer = await romeo.final(invite);
  t.deepEqual(claimed(answer), []);
  for (const method of ['ACK', 'UPDATE', 'BYE']) {
    romeo.send(inside(romeo, method, answer, invite, [contact, ...CLAIMS, ...credentials(invite)]));
    const arrived = await juliet.asked(method);
    t.deepEqual(claimed(arrived), [], method);
    t.regex(
      arrived.all('Proxy-Authorization').join('\n'),
      /^Digest username="romeo", realm="elsewhere.example"/,
      method,
    );
    if (method !== 'ACK') juliet.answer(arrived, 200, CLAIMS);
  }
});

test('section 7: what a provider knows of a caller who wants privacy is not for phones', async (t) => {
  await using server = await SipTestServer.start('sip: { trunks: [{ name: in, host: 127.0.0.1 }] }');
  await server.register(JULIET);
  server.sip.aliases.set('4930123', jid(JULIET));
  const juliet = await server.registered(JULIET);
  const trunk = await server.phone('+49171@provider.example');
  for (const [privacy, known] of [
    ['none', ['P-Asserted-Identity']],
    ['header; id', []],
  ] as const) {
    const fields = [
      ['Contact', `<${trunk.contact}>`],
      ['P-Asserted-Identity', '<sip:+49171@provider.example>'],
      ['Privacy', privacy],
    ] as const;
    const sent = trunk.request('INVITE', { to: 'sip:4930123@localhost', callId: `p${known.length}`, fields });
    trunk.send(sent);
    const rings = await juliet.asked('INVITE');
    t.deepEqual(claimed(rings), known, privacy);
    juliet.answer(rings, 486);
    await trunk.final(sent);
  }
});

test('RFC 3323: an account calls without telling who it is, once it has proved to be one; it sends no messages so', async (t) => {
  await using server = await SipTestServer.start();
  await server.register(JULIET, ROMEO);
  const [juliet, romeo] = [await server.registered(JULIET), await server.phone(ROMEO)];
  const given = { to: `sip:${JULIET}`, from: '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1' };
  const fields = [
    ['Contact', `<${romeo.contact}>`],
    ['Event', 'presence'],
  ] as const;
  const first = romeo.request('INVITE', { ...given, fields });
  const challenged = await romeo.ask(first);
  t.is(challenged.status, 407);
  romeo.acknowledge(first, challenged);
  const sent = romeo.credentials(first, challenged);
  romeo.send(sent);
  const rings = await juliet.asked('INVITE');
  t.is(rings.get('From'), given.from);
  juliet.answer(rings, 486);
  t.is((await romeo.final(sent)).status, 486);
  for (const method of ['MESSAGE', 'SUBSCRIBE', 'PUBLISH'])
    t.is((await romeo.prove(romeo.request(method, { ...given, fields }))).status, 433, method);
});

test('a number in From is that of its owner', async (t) => {
  await using server = await SipTestServer.start();
  await server.register(JULIET, ROMEO);
  server.sip.aliases.set('+4930999', jid(ROMEO));
  const [juliet, romeo] = [await server.registered(JULIET), await server.registered(ROMEO)];
  for (const from of ['sip:+49-30-999@localhost;user=phone', 'tel:+49-30-999']) {
    const said = romeo.prove(
      romeo.request('MESSAGE', { to: `sip:${JULIET}`, from, callId: from.slice(0, 3), body: TEXT }),
    );
    t.is(await juliet.hears(), 'hi', from);
    t.is((await said).status, 200, from);
    t.is((await juliet.prove(juliet.request('MESSAGE', { to: `sip:${JULIET}`, from, body: TEXT }))).status, 403, from);
  }
  t.is((await romeo.ask(romeo.request('INVITE', { to: `sip:${JULIET}`, from: 'tel:+1', body: TEXT }))).status, 403);
});
