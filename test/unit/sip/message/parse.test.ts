import { Buffer } from 'node:buffer';
import test from 'ava';
import { MESSAGE_LIMITS } from '#protocols/sip/message/limits.ts';
import { parseMessage } from '#protocols/sip/message/parse.ts';
import { altered, bytesOf, REQUEST, requestOf, responseOf } from '#test/unit/sip/message/fixture.ts';

const without = (name: string): readonly string[] => REQUEST.filter((line) => !line.startsWith(`${name}:`));
const startLine = (line: string): readonly string[] => [line, ...REQUEST.slice(1)];
const x = (count: number): string => 'x'.repeat(count);

/** Bytes that are no message: what they are, the status they are answered with, whether there is a request to answer. */
const MALFORMED: readonly (readonly [about: string, bytes: Buffer, status: number, isAnswered: boolean])[] = [
  ['nothing', Buffer.alloc(0), 400, false],
  ['empty lines only', Buffer.from('\r\n\r\n\r\n'), 400, false],
  ['noise', Buffer.from([0, 1, 2, 3, 255, 254]), 400, false],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: example.com\r\n\r\n'), 400, false],
  ['no end of the head', Buffer.from(REQUEST.join('\r\n')), 400, true],
  ['line feeds alone', Buffer.from(`${REQUEST.join('\n')}\n\n`), 400, false],
  ['no Request-URI', bytesOf(startLine('MESSAGE SIP/2.0')), 400, true],
  ['no version', bytesOf(startLine('MESSAGE sip:bob@example.com')), 400, true],
  ['two spaces', bytesOf(startLine('MESSAGE  sip:bob@example.com SIP/2.0')), 400, true],
  ['a tab', bytesOf(startLine('MESSAGE\tsip:bob@example.com\tSIP/2.0')), 400, false],
  ['a space at the end', bytesOf(startLine('MESSAGE sip:bob@example.com SIP/2.0 ')), 400, true],
  ['a method that is no token', bytesOf(startLine('MESS@GE sip:bob@example.com SIP/2.0')), 400, false],
  ['another protocol', bytesOf(startLine('MESSAGE sip:bob@example.com HTTP/1.1')), 400, true],
  ['version 1.0', bytesOf(startLine('MESSAGE sip:bob@example.com SIP/1.0')), 505, true],
  ['version 2.1', bytesOf(startLine('MESSAGE sip:bob@example.com SIP/2.1')), 505, true],
  ['version 3', bytesOf(startLine('MESSAGE sip:bob@example.com SIP/3.0')), 505, true],
  ['a Request-URI that is too long', bytesOf(startLine(`MESSAGE sip:${x(5000)}@example.com SIP/2.0`)), 414, true],
  ['a folded Request-Line', bytesOf(startLine('MESSAGE sip:bob@example.com\r\n SIP/2.0')), 400, false],
  ['status 99', bytesOf(startLine('SIP/2.0 99 x')), 400, false],
  ['status 700', bytesOf(startLine('SIP/2.0 700 x')), 400, false],
  ['status with four digits', bytesOf(startLine('SIP/2.0 2000 x')), 400, false],
  ['a response of another version', bytesOf(startLine('SIP/3.0 200 OK')), 400, false],
  ['a line without colon', bytesOf([...REQUEST, 'Subject']), 400, true],
  ['a line without name', bytesOf([...REQUEST, ': x']), 400, true],
  ['a name with a space in it', bytesOf([...REQUEST, 'Sub ject: x']), 400, true],
  ['a name that is no token', bytesOf([...REQUEST, 'Sub@ject: x']), 400, true],
  ['a name that is not ASCII', bytesOf([...REQUEST, 'Sübject: x']), 400, true],
  ['no Via', bytesOf(without('Via')), 400, false],
  ['no From', bytesOf(without('From')), 400, true],
  ['no To', bytesOf(without('To')), 400, true],
  ['no Call-ID', bytesOf(without('Call-ID')), 400, true],
  ['no CSeq', bytesOf(without('CSeq')), 400, true],
  ['two From', bytesOf([...REQUEST, 'f: <sip:a@example.com>;tag=1']), 400, true],
  ['two Call-ID', bytesOf([...REQUEST, 'i: 1']), 400, true],
  ['a malformed Via', bytesOf(altered('Via: SIP/2.0/UDP')), 400, true],
  ['a malformed CSeq', bytesOf(altered('CSeq: MESSAGE')), 400, true],
  ['another method in CSeq', bytesOf(altered('CSeq: 1 INVITE')), 400, true],
  ['methods are case-sensitive', bytesOf(altered('CSeq: 1 message')), 400, true],
  ['Content-Length that is no number', bytesOf([...REQUEST, 'Content-Length: five']), 400, true],
  ['a negative Content-Length', bytesOf([...REQUEST, 'Content-Length: -1']), 400, true],
  ['Content-Length with a sign', bytesOf([...REQUEST, 'Content-Length: +1'], 'x'), 400, true],
  ['Content-Length twice, the same', bytesOf([...REQUEST, 'Content-Length: 1', 'l: 1'], 'x'), 400, true],
  ['Content-Length as a list', bytesOf([...REQUEST, 'Content-Length: 1, 1'], 'x'), 400, true],
  ['Content-Length without a value', bytesOf([...REQUEST, 'Content-Length:'], 'x'), 400, true],
  ['a body that is too short', bytesOf([...REQUEST, 'Content-Length: 5'], 'x'), 400, true],
  ['a body longer than any', bytesOf([...REQUEST, 'Content-Length: 99999999999999999999'], 'x'), 400, true],
  ['NUL', bytesOf([...REQUEST, 'Subject: a\u0000b']), 400, true],
  ['a line feed that ends no line', bytesOf([...REQUEST, 'Subject: a\nContact: <sip:evil@example.com>']), 400, true],
  [
    'a carriage return that ends no line',
    bytesOf([...REQUEST, 'Subject: a\rContact: <sip:evil@example.com>']),
    400,
    true,
  ],
  ['an escaped line feed', bytesOf(altered('To: "a\\\nb" <sip:bob@example.com>')), 400, true],
  ['bytes that are not UTF-8', Buffer.from(`${REQUEST.join('\r\n')}\r\nSubject: \u00ff\r\n\r\n`, 'latin1'), 400, true],
  ['too many fields', bytesOf([...REQUEST, ...Array.from({ length: 200 }, () => 'X: y')]), 400, true],
  ['a field that is too long', bytesOf([...REQUEST, `Subject: ${x(MESSAGE_LIMITS.field)}`]), 400, true],
  ['a folded field that is too long', bytesOf([...REQUEST, `Subject: ${'a\r\n '.repeat(2100)}`]), 400, true],
  ['a head that is too long', bytesOf([...REQUEST, ...Array.from({ length: 10 }, () => `X: ${x(4000)}`)]), 513, false],
  ['a message that is too long', bytesOf(REQUEST, x(MESSAGE_LIMITS.message)), 513, true],
  ['an ACK is not answered', bytesOf(altered('CSeq: 1 INVITE').with(0, 'ACK sip:bob@example.com SIP/2.0')), 400, false],
];

for (const [about, bytes, status, isAnswered] of MALFORMED) {
  test(`malformed: ${about}: ${status}`, (t) => {
    const message = parseMessage(bytes);
    if (message.kind !== 'malformed') return t.fail(message.kind);
    t.is(message.status, status, message.reason);
    return t.is(message.request !== undefined, isAnswered);
  });
}

test('what is read of a malformed request is enough to answer it', (t) => {
  const message = parseMessage(bytesOf(altered('CSeq: 1 INVITE')));
  if (message.kind !== 'malformed' || message.request === undefined) return t.fail();
  t.is(message.request.via?.sentBy, 'pc33.example.com');
  t.is(message.request.callId, 'a84b4c76e66710@pc33.example.com');
  t.is(message.request.from?.tag, '1928301774');
  return t.false(message.fatal, 'where it ends is known');
});

test('a request: what it says', (t) => {
  const message = requestOf([...REQUEST, 'Content-Type: text/plain', 'Expires: 60'], 'Watson, come here.');
  t.is(message.method, 'MESSAGE');
  t.is(message.uri, 'sip:bob@example.com');
  t.is(message.requestUri?.kind === 'sip' ? message.requestUri.user : '', 'bob');
  t.is(message.maxForwards, 70);
  t.is(message.from?.display, 'Alice');
  t.is(message.to?.tag, undefined);
  t.is(message.callId, 'a84b4c76e66710@pc33.example.com');
  t.deepEqual(message.cseq, { number: 314159, method: 'MESSAGE' });
  t.is(message.contentType?.type, 'text/plain');
  t.is(message.expires, 60);
  t.is(message.body.toString(), 'Watson, come here.');
  t.deepEqual(message.contacts, []);
  t.deepEqual(message.routes, []);
});

test('a response: what it says', (t) => {
  const message = responseOf(startLine('SIP/2.0 486 Busy Here: ring ring'));
  t.is(message.status, 486);
  t.is(message.reason, 'Busy Here: ring ring');
  t.is(responseOf(startLine('SIP/2.0 200')).reason, '', 'the space before an empty phrase is left out by some');
  t.is(responseOf(startLine('sip/2.0 200 OK')).status, 200, 'the version is case-insensitive');
});

test('names in any case, compact, with space before the colon; values folded', (t) => {
  const message = requestOf([
    ...REQUEST,
    'sUBJECT :\t a',
    'm: <sip:a@example.com>,\r\n\t<sip:b@example.com>',
    'CONTACT:<sip:c@example.com>',
    'X-Fold:\r\n  one\r\n\ttwo  \r\n three ',
  ]);
  t.is(message.get('Subject'), 'a');
  t.is(message.get('s'), 'a');
  t.is(message.contacts?.length, 3);
  t.is(message.headers.count('contact'), 2);
  t.is(message.get('x-fold'), ' one two   three'.trim());
  t.deepEqual(message.list('Contact'), ['<sip:a@example.com>', '<sip:b@example.com>', '<sip:c@example.com>']);
  t.deepEqual(message.all('none'), []);
  t.deepEqual(message.list('none'), []);
  t.is(message.get('none'), undefined);
});

test('fields of a list are one list, rows are not (RFC 3261 section 7.3.1)', (t) => {
  const message = requestOf([
    ...REQUEST,
    'Supported: Path, gruu',
    'k: outbound',
    'Authorization: Digest a=b, c=d',
    'Authorization: Digest e=f',
  ]);
  t.deepEqual(message.tokens('Supported'), ['path', 'gruu', 'outbound']);
  t.deepEqual(message.all('Authorization'), ['Digest a=b, c=d', 'Digest e=f']);
});

test('CRLF before the start line is skipped, what follows the body is cut off', (t) => {
  const message = parseMessage(Buffer.concat([Buffer.from('\r\n\r\n'), bytesOf([...REQUEST, 'l: 2'], 'abc')]));
  if (message.kind !== 'request') return t.fail();
  t.is(message.body.toString(), 'ab');
  return t.is(message.toBytes().toString(), bytesOf([...REQUEST, 'l: 2'], 'ab').toString());
});

test('without Content-Length the body is the rest of the datagram (RFC 3261 section 18.3)', (t) => {
  t.is(requestOf(REQUEST, 'all of it').body.toString(), 'all of it');
});

test('UTF-8 and controls in quoted pairs are kept', (t) => {
  const message = requestOf(altered('To: "Zoë \\\u0007" <sip:bob@example.com>'));
  t.is(message.to?.display, 'Zoë \u0007');
});

test('a number out of range is none', (t) => {
  t.is(requestOf(altered('Max-Forwards: 256')).maxForwards, undefined);
  t.is(requestOf(altered('Max-Forwards: 255')).maxForwards, 255);
  t.is(requestOf([...REQUEST, 'Expires: 99999999999']).expires, 0xffff_ffff);
  t.is(requestOf([...REQUEST, 'Expires: -1']).expires, undefined);
});
