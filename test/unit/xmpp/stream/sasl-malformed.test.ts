import { Buffer } from 'node:buffer';
import test from 'ava';
import { element } from '#test/helpers/xml.ts';
import { TestXmpp } from '#test/helpers/xmpp.ts';
import { sasl2 } from '#protocols/xmpp/modules/xep0388-sasl2.ts';
import { auth, base64, loginScram, open, response, SASL, SASL2, scram } from './sasl-client.ts';

const accounts = ['juliet@capulet.lit'];

/** What a client sends first, and the condition that it gets. PLAIN, where nothing is said. */
const firstMessages: readonly [what: string, text: string, condition: string, mechanism?: string][] = [
  // RFC 4648 section 4, RFC 6120 section 6.3.5
  ['letters outside of the alphabet', '!!!!', 'incorrect-encoding'],
  ['the alphabet for URLs', 'AGp1-_==', 'incorrect-encoding'],
  ['no padding', 'AGp1bGlldABzZWNyZXQgYQ', 'incorrect-encoding'],
  ['too much padding', 'AGp1bGlldABzZWNyZXQ=====', 'incorrect-encoding'],
  ['padding in the middle', 'AG==dWxpZXQ=', 'incorrect-encoding'],
  ['padding bits that are not zero', 'AGp1bGlldABzZWNyZXR=', 'incorrect-encoding'],
  ['a line feed', 'AGp1bGll\ndABzZWNyZXQ=', 'incorrect-encoding'],
  ['white space', ' AGp1bGlldABzZWNyZXQ=', 'incorrect-encoding'],
  ['one letter', 'A', 'incorrect-encoding'],
  ['an element', '<x/>', 'malformed-request'],
  ['an element beside text', 'AGp1<x/>', 'malformed-request'],
  // RFC 4616 section 2
  ['PLAIN of no length', '=', 'malformed-request'],
  ['PLAIN without NUL', base64('juliet'), 'malformed-request'],
  ['PLAIN with one NUL', base64('juliet\0secret'), 'malformed-request'],
  ['PLAIN with three NULs', base64('\0juliet\0sec\0ret'), 'malformed-request'],
  ['PLAIN of NULs', base64('\0\0'), 'malformed-request'],
  ['PLAIN without user', base64('\0\0secret'), 'malformed-request'],
  ['PLAIN without password', base64('\0juliet\0'), 'malformed-request'],
  ['PLAIN that is not UTF-8', Buffer.from('\0juliet\0\xff\xfe', 'latin1').toString('base64'), 'malformed-request'],
  [
    'PLAIN with half a surrogate pair',
    Buffer.from('\0juliet\0\xed\xa0\x80', 'latin1').toString('base64'),
    'malformed-request',
  ],
  ['a password of 1024 bytes', base64(`\0juliet\0${'a'.repeat(1024)}`), 'malformed-request'],
  ['a user name of 2048 bytes', base64(`\0${'a'.repeat(2048)}\0secret`), 'malformed-request'],
  ['an authorization identity of 2048 bytes', base64(`${'a'.repeat(2048)}\0juliet\0secret`), 'malformed-request'],
  ['a user name that is no localpart', base64('\0juliet@\0secret'), 'not-authorized'],
  ['a user of another host', base64('\0juliet@montague.lit\0secret'), 'not-authorized'],
  ['a user name of host alone', base64('\0@capulet.lit\0secret'), 'not-authorized'],
  // RFC 5802 sections 5.1 and 7
  ['SCRAM of no length', '=', 'malformed-request', 'SCRAM-SHA-1'],
  ['SCRAM without gs2 header', base64('n=juliet,r=abc'), 'malformed-request', 'SCRAM-SHA-1'],
  ['an unknown gs2 flag', base64('x,,n=juliet,r=abc'), 'malformed-request', 'SCRAM-SHA-1'],
  ['a gs2 flag in upper case', base64('N,,n=juliet,r=abc'), 'malformed-request', 'SCRAM-SHA-1'],
  ['a binding without type', base64('p=,,n=juliet,r=abc'), 'malformed-request', 'SCRAM-SHA-1-PLUS'],
  ['a gs2 header without end', base64('n,a=juliet@capulet.lit'), 'malformed-request', 'SCRAM-SHA-1'],
  ['an authorization identity without a=', base64('n,juliet,n=juliet,r=abc'), 'malformed-request', 'SCRAM-SHA-1'],
  ['a mandatory extension', base64('n,,m=x,n=juliet,r=abc'), 'malformed-request', 'SCRAM-SHA-1'],
  ['an escape that is none', base64('n,,n=jul=2Diet,r=abc'), 'malformed-request', 'SCRAM-SHA-1'],
  ['no user name', base64('n,,n=,r=abc'), 'malformed-request', 'SCRAM-SHA-1'],
  ['no nonce', base64('n,,n=juliet'), 'malformed-request', 'SCRAM-SHA-1'],
  ['an empty nonce', base64('n,,n=juliet,r='), 'malformed-request', 'SCRAM-SHA-1'],
  ['a nonce of 2000 bytes', base64(`n,,n=juliet,r=${'a'.repeat(2000)}`), 'malformed-request', 'SCRAM-SHA-1'],
  ['a message of 9000 bytes', base64(`n,,n=juliet,r=abc,x=${'a'.repeat(9000)}`), 'malformed-request', 'SCRAM-SHA-1'],
  ['a NUL in SCRAM', base64('n,,n=jul\0iet,r=abc'), 'malformed-request', 'SCRAM-SHA-1'],
  ['a binding without -PLUS', base64('p=tls-exporter,,n=juliet,r=abc'), 'not-authorized', 'SCRAM-SHA-1'],
  ['-PLUS without a binding', base64('n,,n=juliet,r=abc'), 'not-authorized', 'SCRAM-SHA-1-PLUS'],
  ['-PLUS that thinks the server has none', base64('y,,n=juliet,r=abc'), 'not-authorized', 'SCRAM-SHA-1-PLUS'],
  ['an unknown binding', base64('p=tls-unique,,n=juliet,r=abc'), 'not-authorized', 'SCRAM-SHA-1-PLUS'],
];

for (const [what, text, condition, mechanism = 'PLAIN'] of firstMessages) {
  test(`${what}: ${condition}`, async (t) => {
    await using server = await TestXmpp.open({ accounts });
    const { stream } = open(server);
    stream.send(auth(mechanism, text));
    t.is(conditionOf(await stream.transport.next((xml) => xml.startsWith('<'))), condition);
    // The stream lives, and a right login still works.
    t.is(element(loginScram(stream).written.at(0) ?? '').getName(), 'success');
    t.deepEqual(server.core.faults, []);
  });
}

/** Turns of the client's last message, and the condition that it gets. */
const finalMessages: readonly [what: string, turn: (final: string) => string, condition: string][] = [
  ['nothing', () => '', 'malformed-request'],
  ['another nonce', (final) => final.replace(/r=[^,]+/, 'r=abc'), 'not-authorized'],
  ['the nonce with more behind it', (final) => final.replace(/,p=/, 'x,p='), 'not-authorized'],
  ['no nonce', (final) => final.replace(/,r=[^,]+/, ''), 'malformed-request'],
  ['no proof', (final) => final.replace(/,p=.*/, ''), 'malformed-request'],
  ['an empty proof', (final) => final.replace(/p=.*/, 'p='), 'malformed-request'],
  ['a proof that is no base64', (final) => final.replace(/p=.*/, 'p=????'), 'malformed-request'],
  ['a proof of another length', (final) => final.replace(/p=.*/, 'p=AAAA'), 'not-authorized'],
  ['another proof', (final) => final.replace(/p=.*/, `p=${Buffer.alloc(32).toString('base64')}`), 'not-authorized'],
  ['something behind the proof', (final) => `${final},x=1`, 'malformed-request'],
  ['another gs2 header', (final) => final.replace(/c=[^,]+/, `c=${base64('y,,')}`), 'not-authorized'],
  ['a mandatory extension', (final) => final.replace(',p=', ',m=1,p='), 'malformed-request'],
  ['the first message again', () => 'n,,n=juliet,r=abc', 'malformed-request'],
];

for (const [what, turn, condition] of finalMessages) {
  test(`the last message of SCRAM has ${what}: ${condition}`, async (t) => {
    await using server = await TestXmpp.open({ accounts });
    const { stream } = open(server);
    const { final, first, mechanism } = scram({});
    stream.send(auth(mechanism, first));
    const [challenge = ''] = stream.transport.take();
    stream.send(response(base64(turn(final(element(challenge).getText()).final))));
    t.is(conditionOf(stream.transport.take().at(-1)), condition);
    // The handshake is over: what comes behind it answers nothing.
    stream.send(response(base64('c=biws')));
    t.is(conditionOf(stream.transport.take().at(-1)), 'malformed-request');
  });
}

test('a response to no challenge: malformed-request', async (t) => {
  await using server = await TestXmpp.open({ accounts });
  const { stream } = open(server);
  stream.send(response(base64('c=biws')));
  t.is(conditionOf(stream.transport.take().at(-1)), 'malformed-request');
});

test('a stanza in the middle of a handshake ends the stream', async (t) => {
  await using server = await TestXmpp.open({ accounts });
  const { stream } = open(server);
  const { first, mechanism } = scram({});
  stream.send(auth(mechanism, first));
  stream.transport.take();
  stream.send("<message to='juliet@capulet.lit'><body>hm</body></message>");
  t.is(conditionOf(stream.transport.take().at(-1)), 'not-authorized');
  t.true(stream.transport.closed);
});

test('a handshake that began in the clear ends with the change to TLS', async (t) => {
  await using server = await TestXmpp.open({ accounts });
  const { stream } = open(server, {});
  const { final, first, mechanism } = scram({});
  stream.send(auth(mechanism, first));
  const [challenge = ''] = stream.transport.take();
  stream.transport.secured = true;
  stream.stream.onSecured();
  stream.open();
  stream.transport.take();
  stream.send(response(base64(final(element(challenge).getText()).final)));
  t.is(conditionOf(stream.transport.take().at(-1)), 'malformed-request');
});

const PROFILES = { SASL, SASL2 };
const user = (id: string): string => `<user-agent id='${id}'/>`;
const initial = (text: string): string => `<initial-response>${text}</initial-response>`;

/** The children of an `<authenticate/>` of XEP-0388, and the condition that it gets. */
const authentications: readonly [what: string, mechanism: string, children: string, condition: string][] = [
  ['no mechanism', '', '', 'invalid-mechanism'],
  ['an unknown mechanism', 'CRAM-MD5', '', 'invalid-mechanism'],
  ['"=" for no data, which is base64 of nothing here', 'PLAIN', initial('='), 'incorrect-encoding'],
  ['data of no length', 'PLAIN', initial(''), 'malformed-request'],
  ['bad base64', 'PLAIN', initial('AGp1bG'), 'incorrect-encoding'],
  ['white space inside', 'PLAIN', initial('AGp1bGll dABzZWNyZXQ='), 'incorrect-encoding'],
  ['elements in the data', 'PLAIN', initial('<x/>'), 'malformed-request'],
  ['a user agent that is no UUID', 'PLAIN', user('phone'), 'malformed-request'],
  [
    'a user agent whose UUID is of version 1',
    'PLAIN',
    user('d4565fa7-4d72-1749-b3d3-740edbf87770'),
    'malformed-request',
  ],
  [
    'a user agent whose UUID is of another variant',
    'PLAIN',
    user('d4565fa7-4d72-4749-03d3-740edbf87770'),
    'malformed-request',
  ],
  ['a token without <fast/>', 'HT-SHA-256-NONE', '', 'invalid-mechanism'],
];

for (const [what, mechanism, children, condition] of authentications) {
  test(`SASL2 with ${what}: ${condition}`, async (t) => {
    await using server = await TestXmpp.open({ accounts });
    server.start(sasl2);
    const { stream } = open(server);
    const name = mechanism === '' ? '' : ` mechanism='${mechanism}'`;
    stream.send(`<authenticate xmlns='${SASL2}'${name}>${children}</authenticate>`);
    t.is(conditionOf(await stream.transport.next((xml) => xml.startsWith('<'))), condition);
    t.is(element(loginScram(stream).written.at(0) ?? '').getName(), 'success');
  });
}

for (const [one, other] of [
  ['SASL', 'SASL2'],
  ['SASL2', 'SASL'],
] as const) {
  test(`${other} in the middle of ${one} ends the stream`, async (t) => {
    await using server = await TestXmpp.open({ accounts });
    server.start(sasl2);
    const { stream } = open(server);
    const { first, mechanism } = scram({});
    const begin = {
      SASL: auth(mechanism, first),
      SASL2: `<authenticate xmlns='${SASL2}' mechanism='${mechanism}'>${initial(first)}</authenticate>`,
    };
    stream.send(begin[one]);
    t.is(element(stream.transport.take().at(0) ?? '').getName(), 'challenge');
    stream.send(`<response xmlns='${PROFILES[other]}'/>`);
    t.is(conditionOf(stream.transport.take().at(-1)), 'policy-violation');
    t.true(stream.transport.closed);
  });
}

/** The condition of a `<failure/>` or a stream error. */
function conditionOf(xml: string | undefined): string | undefined {
  const answer = element(xml ?? '<nothing/>');
  return ['failure', 'error'].includes(answer.getName()) ? answer.getChildElements()[0]?.getName() : undefined;
}
