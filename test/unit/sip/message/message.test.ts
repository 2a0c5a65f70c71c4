import { Buffer } from 'node:buffer';
import test from 'ava';
import { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { parseMessage } from '#protocols/sip/message/parse.ts';
import { bytesOf, REQUEST, requestOf } from '#test/unit/sip/message/fixture.ts';

const text = (message: SipRequest | SipResponse): readonly string[] => message.toBytes().toString().split('\r\n');

test('an unchanged message is written in the bytes it came in', (t) => {
  const lines = [...REQUEST, 'X-Odd  :   spaced', 's: compact', 'X-Fold: a\r\n b', 'l: 3'];
  t.is(requestOf(lines, 'abc').toBytes().toString(), bytesOf(lines, 'abc').toString());
});

test('an edit leaves every other field as it is written', (t) => {
  const lines = [
    'v: SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b',
    ...REQUEST.slice(1),
    's :x',
    'Route: <sip:p1;lr>,<sip:p2;lr>',
    'l: 0',
  ];
  const message = requestOf([REQUEST[0], ...lines]);
  const edited = message
    .edit()
    .uri('sip:bob@192.0.2.4')
    .set('Max-Forwards', 69)
    .prepend('Via', 'SIP/2.0/TCP proxy;branch=z9hG4bK2')
    .prepend('Record-Route', '<sip:proxy;lr>')
    .removeFirst('Route')
    .append('Supported', 'path')
    .remove('s')
    .done();
  t.deepEqual(text(edited), [
    'MESSAGE sip:bob@192.0.2.4 SIP/2.0',
    'Record-Route: <sip:proxy;lr>',
    'Via: SIP/2.0/TCP proxy;branch=z9hG4bK2',
    'v: SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/UDP b',
    REQUEST[1],
    'Max-Forwards: 69',
    ...REQUEST.slice(3),
    'Route: <sip:p2;lr>',
    'l: 0',
    'Supported: path',
    '',
    '',
  ]);
  t.is(message.maxForwards, 70, 'the message that was edited is what it was');
});

test('the first element of a list is replaced or removed, whatever lines the list has', (t) => {
  const message = requestOf([...REQUEST, 'Route: <sip:p1;lr>', 'Route: <sip:p2;lr>, <sip:p3;lr>']);
  const one = message.edit().removeFirst('Route').done();
  t.deepEqual(one.all('Route'), ['<sip:p2;lr>, <sip:p3;lr>']);
  const two = one.edit().removeFirst('Route').removeFirst('Route').removeFirst('Route').done();
  t.deepEqual(two.all('Route'), []);
  const via = message
    .edit()
    .replaceFirst('Via', message.via?.with('received', '192.0.2.1') ?? '')
    .done();
  t.is(via.via?.received, '192.0.2.1');
  t.is(via.headers.count('Via'), 1);
});

test("set keeps one field in the first one's place", (t) => {
  const message = requestOf([...REQUEST, 'k: a', 'X: y', 'Supported: b']);
  const edited = message.edit().set('Supported', 'c').set('New', 'd').done();
  t.deepEqual(
    edited.headers.fields.slice(6).map((field) => field.text),
    ['Supported: c', 'X: y', 'New: d', 'Content-Length: 0'],
  );
});

test('a body brings its type and length, and takes them with it', (t) => {
  const message = requestOf(
    [...REQUEST, 'Content-Type: text/plain', 'Content-Length: 3', 'Content-Disposition: render'],
    'abc',
  );
  const longer = message.edit().body('text/html', Buffer.from('Zoë')).done();
  t.deepEqual(
    [longer.get('Content-Type'), longer.get('Content-Length'), longer.body.toString()],
    ['text/html', '4', 'Zoë'],
  );
  const none = message.edit().body().done();
  t.deepEqual(
    [none.get('Content-Type'), none.get('Content-Length'), none.get('Content-Disposition')],
    [undefined, '0', undefined],
  );
  t.is(requestOf(REQUEST, 'abc').edit().set('X', 'y').done().get('Content-Length'), '3', 'one that had none gets it');
});

test('a value never begins another field', (t) => {
  const message = SipRequest.make('MESSAGE', 'sip:bob@example.com', [
    ['Subject', 'a\r\nContact: <sip:evil@example.com>\u0000'],
  ]);
  t.deepEqual(text(message), [
    'MESSAGE sip:bob@example.com SIP/2.0',
    'Subject: a Contact: <sip:evil@example.com> ',
    'Content-Length: 0',
    '',
    '',
  ]);
});

test('a request made here is read back', (t) => {
  const made = SipRequest.make(
    'MESSAGE',
    'sip:bob@example.com',
    REQUEST.slice(1).map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const),
    { type: 'text/plain', bytes: Buffer.from('Zoë') },
  );
  const again = parseMessage(made.toBytes());
  if (again.kind !== 'request') return t.fail();
  t.is(again.body.toString(), 'Zoë');
  return t.is(again.callId, made.callId);
});

test("a response has the request's Via, From, To, Call-ID and CSeq (RFC 3261 section 8.2.6)", (t) => {
  const request = requestOf([
    ...REQUEST,
    'v: SIP/2.0/UDP second',
    'Record-Route: <sip:p;lr>',
    'Timestamp: 54',
    'Subject: x',
  ]);
  t.deepEqual(text(SipResponse.to(request, 486, { tag: 'abc' })), [
    'SIP/2.0 486 Busy Here',
    REQUEST[1],
    'To: Bob <sip:bob@example.com>;tag=abc',
    REQUEST[4],
    REQUEST[5],
    REQUEST[6],
    'v: SIP/2.0/UDP second',
    'Content-Length: 0',
    '',
    '',
  ]);
  const trying = SipResponse.to(request, 100);
  t.is(trying.to?.tag, undefined, '100 has no tag of its own');
  t.is(trying.get('Timestamp'), '54');
  const ok = SipResponse.to(request, 200, {
    reason: 'Fine',
    recordRoute: true,
    fields: [['Contact', '<sip:bob@192.0.2.4>']],
    body: { type: 'text/plain', bytes: Buffer.from('x') },
  });
  t.is(ok.reason, 'Fine');
  t.deepEqual(ok.all('Record-Route'), ['<sip:p;lr>']);
  t.is(ok.get('Contact'), '<sip:bob@192.0.2.4>');
  t.is(ok.get('Content-Length'), '1');
});

test('a tag that nobody gives is the same for each copy of a request, and another for another (RFC 3261 section 8.2.7)', (t) => {
  const tag = (lines: readonly string[]): string | undefined => SipResponse.to(requestOf(lines), 400).to?.tag;
  t.is(tag(REQUEST)?.length, 16);
  t.is(tag(REQUEST), tag(REQUEST));
  t.not(tag(REQUEST), tag(REQUEST.with(5, 'Call-ID: other')));
  const within = REQUEST.with(3, 'To: <sip:bob@example.com>;tag=theirs');
  t.is(SipResponse.to(requestOf(within), 200, { tag: 'mine' }).to?.tag, 'theirs', 'one that is there stays');
  const addrSpec = SipResponse.to(requestOf(REQUEST.with(3, 'To: sip:bob@example.com')), 200, { tag: 'mine' });
  t.is(addrSpec.to?.tag, 'mine');
});

test('Contact: *', (t) => {
  t.true(requestOf([...REQUEST, 'Contact: *']).hasStarContact);
  t.deepEqual(requestOf([...REQUEST, 'Contact: *']).contacts, []);
  t.false(requestOf([...REQUEST, 'Contact: *', 'Contact: <sip:a@b>']).hasStarContact);
  t.is(requestOf([...REQUEST, 'Contact: *, <sip:a@b>']).contacts, undefined);
});

test('addresses of any field, whoever has read it before', (t) => {
  const message = requestOf([...REQUEST, 'Path: <sip:p1;lr>, <sip:p2;lr>', 'Path: <sip:p3;lr>', 'Service-Route: x']);
  t.deepEqual(
    message.addresses('Path')?.map(({ uri }) => uri),
    ['sip:p1;lr', 'sip:p2;lr', 'sip:p3;lr'],
  );
  t.is(message.addresses('Service-Route'), undefined);
  t.deepEqual(message.addresses('None'), []);
  t.is(message.from?.display, 'Alice');
  t.is(message.addresses('From')?.[0]?.display, 'Alice');
});

test('a malformed value is undefined', (t) => {
  const message = requestOf([
    ...REQUEST,
    'Contact: <sip:a@b',
    'Route: x',
    'Record-Route: <sip:a>;;',
    'Content-Type: x',
  ]);
  t.deepEqual([message.contacts, message.routes, message.recordRoutes, message.contentType], Array.from({ length: 4 }));
});
