import { Buffer } from 'node:buffer';
import test from 'ava';
import fc from 'fast-check';
import { messageFrom, partsOf } from '#bridges/sip-xmpp/message.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import { jid, same, stanza } from '#test/helpers/xml.ts';
import { refused, type Request, toSip, toXmpp } from '#test/vectors/bridges/rfc7572.ts';

const romeo = jid('romeo@example.net/dr4hcr0st3lup4c');
const juliet = jid('juliet@example.com');
const options = { type: 'normal', receipts: true } as const;
const now = new Date('2026-11-21T12:00:00Z');

const pager = ({ body, branch, callId, fields }: Request): Parameters<typeof messageFrom>[0] => ({
  body: Buffer.from(body),
  callId,
  via: { branch },
  get: (name) => fields[name],
});

for (const { request, stanza: expected, title } of toXmpp) {
  test(`RFC 7572 table 2, from SIP to XMPP: ${title}`, (t) => {
    const result = messageFrom(pager(request), romeo, juliet, options);
    if (!(result instanceof Stanza)) return t.fail(JSON.stringify(result));
    same(t, [result], [expected]);
  });
}

for (const [title, status, contentType, body] of refused) {
  test(`RFC 7572 section 7, refused with ${status}: ${title}`, (t) => {
    const fields = { 'Content-Type': contentType };
    const result = messageFrom(pager({ branch: 'b', callId: 'c', fields, body }), romeo, juliet, options);
    t.is('status' in result ? result.status : undefined, status);
    if (status === 415) t.regex(JSON.stringify(result), /"Accept","text\/plain, /);
  });
}

for (const { parts, stanza: given, title } of toSip) {
  test(`RFC 7572 table 1, from XMPP to SIP: ${title}`, (t) => {
    const result = partsOf(stanza(given), options, now);
    t.deepEqual(result && { ...result, body: result.body.toString() }, parts);
  });
}

test('the type that the settings say', (t) => {
  const request = { branch: 'b', callId: 'c', fields: {}, body: 'x' };
  const result = messageFrom(pager(request), romeo, juliet, { ...options, type: 'chat' });
  t.is(result instanceof Stanza ? result.type : undefined, 'chat');
});

test('a request for receipts and markers goes to a phone and comes back (RFC 5438)', (t) => {
  const asked = stanza(
    "<message from='juliet@example.com/b' to='romeo@example.net' id='m1' type='chat'><body>Ahoj</body>" +
      "<request xmlns='urn:xmpp:receipts'/><markable xmlns='urn:xmpp:chat-markers:0'/></message>",
  );
  const parts = partsOf(asked, options, now);
  t.is(parts?.contentType, 'message/cpim');
  t.is(
    parts?.body.toString(),
    [
      'From: <im:juliet@example.com>',
      'To: <im:romeo@example.net>',
      'NS: imdn <urn:ietf:params:imdn>',
      'imdn.Message-ID: m1',
      'DateTime: 2026-11-21T12:00:00.000Z',
      'imdn.Disposition-Notification: positive-delivery, display',
      '',
      'Content-Type: text/plain;charset=UTF-8',
      '',
      'Ahoj',
    ].join('\r\n'),
  );
  t.is(partsOf(asked, { ...options, receipts: false }, now)?.contentType, 'text/plain;charset=UTF-8');
});

for (const report of [
  "<received xmlns='urn:xmpp:receipts' id='m&apos;1'/>",
  "<displayed xmlns='urn:xmpp:chat-markers:0' id='m2'/>",
]) {
  test(`a report goes to a phone and comes back: ${report}`, (t) => {
    const sent = stanza(`<message from='juliet@example.com/b' to='romeo@example.net' id='r1'>${report}</message>`);
    const parts = partsOf(sent, options, now);
    const fields = { 'Content-Type': parts?.contentType ?? '' };
    const back = messageFrom(
      pager({ branch: 'r1', callId: 'c', fields, body: parts?.body.toString() ?? '' }),
      romeo,
      juliet,
      options,
    );
    if (!(back instanceof Stanza)) return t.fail(JSON.stringify(back));
    same(
      t,
      [back],
      [`<message from='${romeo.full}' to='${juliet.full}' id='r1' type='normal'><thread>c</thread>${report}</message>`],
    );
  });
}

test('no line end gets into a header', (t) => {
  const sent = stanza(
    "<message from='a@example.com' to='b@example.com'><subject>a&#13;\nRoute: x</subject><body>b</body></message>",
  );
  t.deepEqual(partsOf(sent, options, now)?.fields, [['Subject', 'a Route: x']]);
});

test('whatever a phone sends as text, the stanza is well-formed', (t) => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('text/plain', 'text/html', 'message/cpim'),
      (body, type) => {
        const request = { branch: 'b', callId: body, fields: { 'Content-Type': type, Subject: body }, body };
        const result = messageFrom(pager(request), romeo, juliet, options);
        if (result instanceof Stanza) t.truthy(stanza(result.toString()).element);
      },
    ),
    { numRuns: 500 },
  );
});

test('whatever looks like HTML, the stanza is well-formed, and has no element but those of XHTML-IM', (t) => {
  const piece = fc.constantFrom(
    '<b>',
    '</b>',
    '<p class=x>',
    '</p>',
    '<script>',
    '</script>',
    '<!--',
    '-->',
    '<a href="',
    '">',
    '<br>',
    '&lt;',
    '&#0;',
    '&#x41;',
    'x',
    '<',
    '>',
    ' ',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const request = { branch: 'b', callId: 'c', fields: { 'Content-Type': 'text/html' }, body: pieces.join('') };
      const result = messageFrom(pager(request), romeo, juliet, options);
      if (!(result instanceof Stanza)) return t.fail();
      const text = stanza(result.toString()).toString();
      t.notRegex(text, /<script|<!--/);
    }),
    { numRuns: 500 },
  );
});
