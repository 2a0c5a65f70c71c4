import test from 'ava';
import { accepts, parseMediaRange } from '#protocols/sip/message/accept.ts';
import { authParams, digestOf, nonceCount, parseAuth } from '#protocols/sip/message/auth.ts';
import { contactExpires, contactQ, parseQ } from '#protocols/sip/message/contact.ts';
import { parseCSeq } from '#protocols/sip/message/cseq.ts';
import { formatDate, parseDate } from '#protocols/sip/message/date.ts';
import { parseEvent } from '#protocols/sip/message/event.ts';
import { isCallId, splitList } from '#protocols/sip/message/grammar.ts';
import { canonicalName, combiningOf } from '#protocols/sip/message/header-names.ts';
import { parseMediaType } from '#protocols/sip/message/media-type.ts';
import { NameAddr } from '#protocols/sip/message/name-addr.ts';
import { Params } from '#protocols/sip/message/params.ts';
import { parseRAck } from '#protocols/sip/message/rack.ts';
import { formatReason, parseReason } from '#protocols/sip/message/reason.ts';
import { parseRetryAfter } from '#protocols/sip/message/retry-after.ts';
import { reasonPhrase } from '#protocols/sip/message/status.ts';
import { parseSubscriptionState } from '#protocols/sip/message/subscription-state.ts';
import { Via } from '#protocols/sip/message/via.ts';

/** What a parser takes and what it refuses, both from the grammar of the header field. */
function table(
  field: string,
  parse: (value: string) => unknown,
  taken: readonly string[],
  refused: readonly string[],
): void {
  for (const value of taken) test(`${field} taken: ${JSON.stringify(value)}`, (t) => t.not(parse(value), undefined));
  for (const value of refused)
    test(`${field} refused: ${JSON.stringify(value.slice(0, 80))}`, (t) => t.is(parse(value), undefined));
}

const many = (count: number): string => Array.from({ length: count }, (_, at) => `;p${at}=1`).join('');

table(
  'Via',
  (value) => Via.parse(value),
  [
    'SIP/2.0/UDP erlang.bell-telephone.com:5060;branch=z9hG4bK87asdks7',
    'SIP / 2.0 / UDP first.example.com: 4000;ttl=16;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1',
    'SIP/2.0/UDP 192.0.2.1 : 5060 ; branch = z9hG4bKx',
    'SIP/2.0/TLS [2001:db8::9:1]:5061;received=[2001:db8::9:255];branch=z9hG4bKas3-111',
    'SIP/2.0/UDP 192.0.2.1;rport;branch=z9hG4bKx;q="a;b\\"c"',
    'SIP/2.0/WSS df7jal23ls0d.invalid;branch=z9hG4bK56sdasks',
    'sip/2.0/udp a.example',
  ],
  [
    '',
    'SIP/2.0/UDP',
    'SIP/2.0 host.example.com',
    'SIP/2.0/UDPhost.example.com;branch=z9hG4bKx',
    'SIP/2.0/UDP 192.0.2.15;;',
    'SIP/2.0/UDP 192.0.2.15;branch=',
    'SIP/2.0/UDP 192.0.2.15;branch=z9hG4bKx;branch=z9hG4bKy',
    'SIP/2.0/UDP 192.0.2.15;branch',
    'SIP/2.0/UDP 192.0.2.15:;branch=z9hG4bKx',
    'SIP/2.0/UDP 192.0.2.15:99999;branch=z9hG4bKx',
    'SIP/2.0/UDP 192.0.2.15;ttl=256',
    'SIP/2.0/UDP 192.0.2.15;received=host.example.com',
    'SIP/2.0/UDP 192.0.2.15;rport=x',
    'SIP/2.0/UDP 2001:db8::1;branch=z9hG4bKx',
    'SIP/2.0/UDP host_name;branch=z9hG4bKx',
    'SIP/2.0/UDP a.example, SIP/2.0/UDP b.example',
    `SIP/2.0/UDP a.example${many(100)}`,
  ],
);

test('Via: what it says, and with received and rport', (t) => {
  const via = Via.parse('SIP / 2.0 / udp First.example.com: 4000;ttl=16 ;Branch=z9hG4bKa7c6a8dlze.1;rport') as Via;
  t.is(via.protocol, 'SIP/2.0');
  t.is(via.transport, 'UDP');
  t.is(via.sentBy, 'first.example.com:4000');
  t.is(via.branch, 'z9hG4bKa7c6a8dlze.1');
  t.is(via.ttl, 16);
  t.true(via.hasCookie);
  t.true(via.wantsRport);
  t.is(via.rport, undefined);
  const seen = via.with('received', '2001:db8::1').with('rport', '9988');
  t.is(
    seen.toString(),
    'SIP/2.0/UDP First.example.com:4000;ttl=16;Branch=z9hG4bKa7c6a8dlze.1;rport=9988;received=2001:db8::1',
  );
  t.is(seen.rport, 9988);
  t.false(seen.wantsRport);
  t.is(seen.received, '2001:db8::1');
  t.is(
    Via.make({ transport: 'tcp', host: '[::1]', port: 5060, branch: 'z9hG4bKa', rport: true }).toString(),
    'SIP/2.0/TCP [::1]:5060;branch=z9hG4bKa;rport',
  );
  t.false(Via.parse('SIP/2.0/UDP a;branch=z9hG4bK')?.hasCookie);
  t.true(Via.parse('SIP/2.0/UDP a;branch=Z9HG4BKa')?.hasCookie);
});

table(
  'From/To/Contact',
  (value) => NameAddr.parse(value),
  [
    '"Mr. Watson" <sip:watson@worcester.bell-telephone.com>;q=0.7; expires=3600',
    'sip:c8oqz84zk7z@privacy.org;tag=hyh8',
    'Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8',
    '"A. G. Bell" <sip:agb@bell-telephone.com> ;tag=a48s',
    'caller<sip:caller@example.com>;tag=323',
    '<sip:user@example.com?Route=%3Csip:sip.example.com%3E>',
    '"" <sip:a@example.com>',
    '"a\\"b\\\\" <sip:a@example.com>',
    '<tel:+12015550123>;tag=1',
    'tel:+12015550123;tag=1',
    'Jörg <sip:j@example.com>',
    '  <http://www.example.com/a?b>  ',
    '<sip:a@example.com>;x=[::1]:5060',
    '<sip:a@example.com>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000A95A0E128>";reg-id=1',
  ],
  [
    '',
    '*',
    'example.com',
    'sip:',
    'sip:user@example.com?Route=%3Csip:sip.example.com%3E',
    '"unterminated <sip:a@example.com>',
    'Bell, Alexander <sip:a.g.bell@example.com>;tag=43',
    '"Watson, Thomas" < sip:t.watson@example.org >',
    '<sip:a@example.com',
    'sip:a@example.com>',
    '<sip:a@example.com>;;tag=1',
    '<sip:a@example.com>;tag=1;tag=2',
    '<sip:a@example.com>;tag=',
    '<sip:a@example.com>;tag="x',
    '<sip:a@example.com> trailing',
    '<sip:a@example.com>,<sip:b@example.com>',
    '"Mr J. User <sip:j.user@example.com> <sip:realj@example.net>',
    '"a" b <sip:a@example.com>',
    '<sip:a@example.com<sip:b@example.com>>',
    `<sip:a@example.com>${many(100)}`,
  ],
);

test('name-addr: what it says and how it is written', (t) => {
  const parsed = NameAddr.parse('"A \\"B\\"" <sip:a@example.com;lr>;tag=x') as NameAddr;
  t.is(parsed.display, 'A "B"');
  t.is(parsed.uri, 'sip:a@example.com;lr');
  t.true(parsed.sipUri?.lr);
  t.is(parsed.tag, 'x');
  t.is(parsed.toString(), '"A \\"B\\"" <sip:a@example.com;lr>;tag=x');
  t.is(parsed.withTag('y').toString(), '"A \\"B\\"" <sip:a@example.com;lr>;tag=y');
  t.is(NameAddr.parse('sip:a@example.com;tag=1')?.toString(), '<sip:a@example.com>;tag=1');
  t.is(NameAddr.make({ display: 'a"b\r\nX: y', uri: 'sip:a@b' }).toString(), '"a\\"b X: y" <sip:a@b>');
  t.is(
    NameAddr.make({ uri: 'sip:a@b', params: Params.of([['+sip.instance', '<urn:x>'], ['q']]) }).toString(),
    '<sip:a@b>;+sip.instance="<urn:x>";q',
  );
  t.is(NameAddr.parseList(['<sip:a@x>, "b,c" <sip:b@x;y=1,2>', 'sip:d@x'])?.length, 3);
  t.is(NameAddr.parseList(['<sip:a@x>,']), undefined, 'an element is missing');
  t.is(NameAddr.parseList([Array.from({ length: 200 }, () => '<sip:a@x>').join()]), undefined, 'too many');
});

test('Params: names are looked up in lower case, values unquoted, the rest stays as it was', (t) => {
  const params = Params.of([['Transport', 'ws'], ['ob'], ['text', 'a b']]);
  t.is(params.toString(), ';Transport=ws;ob;text="a b"');
  t.is(params.get('transport'), 'ws');
  t.is(params.get('ob'), '');
  t.is(params.with('ob', '1').toString(), ';Transport=ws;ob=1;text="a b"');
  t.is(params.without('text').without('none').size, 2);
  t.deepEqual(
    [...params],
    [
      ['transport', 'ws'],
      ['ob', ''],
      ['text', 'a b'],
    ],
  );
});

table(
  'CSeq',
  parseCSeq,
  ['4711 INVITE', '0009   INVITE', '0 x', '2147483647 A'],
  [
    '',
    'INVITE',
    '1',
    '1INVITE',
    '-1 INVITE',
    '1.0 INVITE',
    '2147483648 INVITE',
    '36893488147419103232 REGISTER',
    '1 INVITE x',
    '1 IN,VITE',
  ],
);

table(
  'Content-Type',
  parseMediaType,
  ['text/html; charset=ISO-8859-4', 'application / sdp', 'a/b;c="d;e"'],
  ['', 'text', 'text/', 'text/plain;', 'text/plain x'],
);

test('Content-Type in lower case', (t) => {
  const type = parseMediaType('Text/Plain; Charset="UTF-8"');
  t.is(type?.type, 'text/plain');
  t.is(type?.params.get('charset'), 'UTF-8');
});

table(
  'Accept',
  parseMediaRange,
  ['*/*', 'text/*;q=0.5', 'application/sdp;level=1', 'a/b;q=1.000'],
  ['', '*', '*/sdp', 'a/b;q=2', 'a/b;q=0.1234', 'a/b;'],
);

test('Accept: the most specific range decides', (t) => {
  const ranges = ['text/*', 'text/plain;q=0', 'application/pidf+xml'].flatMap((each) => parseMediaRange(each) ?? []);
  t.true(accepts(ranges, 'text/html'));
  t.false(accepts(ranges, 'text/plain'));
  t.true(accepts(ranges, 'application/pidf+xml'));
  t.false(accepts(ranges, 'application/sdp'));
  t.false(accepts([], 'application/sdp'));
});

table(
  'Event',
  parseEvent,
  ['presence', 'presence.winfo', 'dialog;id=1', 'message-summary ; x="y"'],
  ['', '.winfo', 'presence.', 'presence..x', 'presence;id=1;id=2', 'a b'],
);

test('Event: package, templates, id', (t) => {
  const event = parseEvent('presence.winfo.winfo;id=x');
  t.deepEqual(
    [event?.type, event?.package, event?.templates, event?.id],
    ['presence.winfo.winfo', 'presence', ['winfo', 'winfo'], 'x'],
  );
});

table(
  'Subscription-State',
  parseSubscriptionState,
  ['active', 'Terminated ; reason = timeout', 'pending;expires=5;x'],
  ['', ';expires=5', 'active;expires=x', 'active;expires=1;expires=1', 'terminated;retry-after=-1'],
);

test('Subscription-State: what it says', (t) => {
  t.deepEqual(parseSubscriptionState('Terminated;Reason=Probation;retry-after=60'), {
    state: 'terminated',
    reason: 'probation',
    retryAfter: 60,
    expires: undefined,
  });
});

table(
  'Reason',
  parseReason,
  ['SIP ;cause=200 ;text="Call completed elsewhere"', 'Q.850;cause=16', 'preemption'],
  ['', 'SIP;cause=x', 'SIP;text="', ';cause=1'],
);

test('Reason: read and written', (t) => {
  const reason = { protocol: 'SIP', cause: 200, text: 'Call completed elsewhere' };
  t.is(formatReason(reason), 'SIP;cause=200;text="Call completed elsewhere"');
  t.deepEqual(parseReason(formatReason(reason)), reason);
});

table(
  'Date',
  parseDate,
  ['Sat, 13 Nov 2010 23:29:00 GMT', 'Thu, 29 Feb 2024 00:00:59 GMT'],
  [
    'Fri, 01 Jan 2010 16:00:00 EST',
    'Fri, 01 Jan 2010 16:00:00 UTC',
    'fri, 01 Jan 2010 16:00:00 GMT',
    'Fri, 1 Jan 2010 16:00:00 GMT',
    'Fri, 31 Feb 2010 16:00:00 GMT',
    'Fri, 01 Jan 2010 24:00:00 GMT',
    'Fri, 01 Jan 2010 16:60:00 GMT',
    'Fri, 01 Jan 10 16:00:00 GMT',
    'Xyz, 01 Jan 2010 16:00:00 GMT',
    '',
  ],
);

test('Date: read and written', (t) => {
  const date = parseDate('Sat, 13 Nov 2010 23:29:00 GMT') as Date;
  t.is(date.toISOString(), '2010-11-13T23:29:00.000Z');
  t.is(formatDate(date), 'Sat, 13 Nov 2010 23:29:00 GMT');
});

table(
  'Retry-After',
  parseRetryAfter,
  ['18000;duration=3600', "120 (I'm in a (long\\)) meeting)", '5 ;x'],
  ['', 'x', '-1', '949302838503028349304023988', '5 (open', '5 (a) b', '5;duration=x', '5;'],
);

table(
  'RAck',
  parseRAck,
  ['776656 1 INVITE', '1  1  INVITE'],
  ['', '776656 INVITE', '1 1', '1 1 INVITE x', 'x 1 INVITE', '99999999999 1 INVITE'],
);

test('RAck: what it says', (t) => {
  t.deepEqual(parseRAck('776656 1 INVITE'), { number: 776656, cseq: { number: 1, method: 'INVITE' } });
});

table(
  'Authorization',
  parseAuth,
  [
    'Digest username="Alice", realm="atlanta.com", nonce="84a4cc6f3082121f32b42a2187831a9e", response="7587245234b3434cc3412213e5f113a5432"',
    'NoOneKnowsThisScheme opaque-data=here',
    'Digest  a = b ,  c="d, e"',
  ],
  [
    '',
    'Digest',
    'Digest ',
    'Digest a',
    'Digest a=',
    'Digest a="',
    'Digest a=b,',
    'Digest a=b,,c=d',
    'Digest a=b,A=c',
    'Digest a=b c=d',
    'Basic YTpi==',
  ],
);

const RFC7616 =
  'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", algorithm=SHA-256, ' +
  'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", ' +
  'qop=auth, response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';

test('digest credentials (RFC 7616 section 3.9.1)', (t) => {
  const auth = parseAuth(RFC7616);
  const digest = auth && digestOf(auth);
  t.is(digest?.username, 'Mufasa');
  t.is(digest?.algorithm, 'SHA-256');
  t.is(digest?.nc, '00000001');
  t.is(digest?.qop, 'auth');
  for (const missing of ['username', 'realm', 'nonce', 'uri', 'response', 'cnonce', 'nc']) {
    const params = new Map(auth?.params);
    params.delete(missing);
    t.is(digestOf({ scheme: 'digest', params }), undefined, missing);
  }
  t.is(digestOf({ scheme: 'basic', params: auth?.params ?? new Map() }), undefined);
  t.is(digestOf({ scheme: 'digest', params: new Map(auth?.params).set('response', 'xyz') }), undefined);
  t.is(digestOf({ scheme: 'digest', params: new Map(auth?.params).set('nc', '1') }), undefined);
  t.is(nonceCount('0000001f'), 31);
  t.is(nonceCount('1f'), undefined);
});

const withUser = (params: string): string | undefined => {
  const auth = parseAuth(RFC7616.replace('username="Mufasa"', () => params));
  return auth && digestOf(auth)?.username;
};

for (const [params, username] of [
  [`username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, userhash=false`, 'J\u00e4s\u00f8n Doe'],
  [`username*=utf-8'en'a#$&+-.^_\`|~b`, 'a#$&+-.^_`|~b'],
  [`username="\\"a\\\\b"`, '"a\\b'],
  [`username="${'AB'.repeat(32)}", userhash=true`, 'ab'.repeat(32)],
  [`username="${'ab'.repeat(16)}", userhash=TRUE`, 'ab'.repeat(16)],
  [`username="Mufasa", userhash=true`, undefined],
  [`username*=UTF-8''${'ab'.repeat(32)}, userhash=true`, undefined],
  [`username="Mufasa", username*=UTF-8''Mufasa`, undefined],
  [`username*=ISO-8859-1''Mufasa`, undefined],
  [`username*=UTF-8''%C3`, undefined],
  [`username*=UTF-8''%`, undefined],
  [`username*=UTF-8''a'b`, undefined],
  [`username*="UTF-8''a b"`, undefined],
  ['username*=Mufasa', undefined],
  ['userhash=false', undefined],
] as const) {
  test(`the user of digest credentials (RFC 7616 section 3.4): ${params}`, (t) => {
    t.is(withUser(params), username);
  });
}

test('a challenge is quoted as RFC 7616 has each parameter', (t) => {
  const pairs = [
    ['realm', 'a"b'],
    ['qop', 'auth'],
    ['algorithm', 'SHA-256'],
    ['stale', 'true'],
    ['nc', '00000001'],
  ] as const;
  t.is(authParams(pairs), 'realm="a\\"b", qop="auth", algorithm=SHA-256, stale=true, nc=00000001');
  t.is(authParams([['qop', 'auth']], true), 'qop=auth');
});

test('q and expires of a contact', (t) => {
  const contact = (params: string): NameAddr => NameAddr.parse(`<sip:a@b>${params}`) as NameAddr;
  t.deepEqual(['1', '1.0', '1.000', '0', '0.', '0.5', '0.123'].map(parseQ), [1000, 1000, 1000, 0, 0, 500, 123]);
  t.deepEqual(
    ['1.001', '2', '.5', '-1', '', '0.1234', 'x'].map(parseQ),
    Array.from({ length: 7 }, () => undefined),
  );
  t.deepEqual(['', ';q=0.3', ';q=9'].map(contact).map(contactQ), [1000, 300, 1000]);
  t.deepEqual(['', ';expires=60', ';expires=abc', ';expires=280297596632815'].map(contact).map(contactExpires), [
    undefined,
    60,
    3600,
    0xffff_ffff,
  ]);
});

test('Call-ID', (t) => {
  for (const good of ['f81d4fae-7dec-11d0-a765-00a0c91e6bf6@foo.bar.com', 'a', 'a<>:\\"/[]?{}()@b'])
    t.true(isCallId(good));
  for (const bad of ['', 'a b', 'a@', '@b', 'a@b@c', 'a;b', 'a,b', 'é']) t.false(isCallId(bad), bad);
});

test('lists are split at commas outside quotes and brackets', (t) => {
  t.deepEqual(splitList('a, b ,c'), ['a', 'b', 'c']);
  t.deepEqual(splitList('"a,\\"b" <sip:x,y@z>, c'), ['"a,\\"b" <sip:x,y@z>', 'c']);
  t.deepEqual(splitList('a,,b,'), ['a', '', 'b', '']);
  t.deepEqual(splitList('"open, a'), ['"open, a']);
});

test('names: compact forms, any case, how they combine', (t) => {
  const compact = {
    i: 'Call-ID',
    m: 'Contact',
    e: 'Content-Encoding',
    l: 'Content-Length',
    c: 'Content-Type',
    f: 'From',
  };
  for (const [form, name] of Object.entries({ ...compact, s: 'Subject', k: 'Supported', t: 'To', v: 'Via' })) {
    t.is(canonicalName(form), name);
    t.is(canonicalName(form.toUpperCase()), name);
  }
  t.is(canonicalName('cALL-iD'), 'Call-ID');
  t.is(canonicalName('X-Thing'), 'x-thing');
  t.deepEqual(['Via', 'To', 'Authorization', 'x-thing'].map(combiningOf), ['list', 'single', 'rows', 'rows']);
});

test('reason phrases', (t) => {
  t.is(reasonPhrase(483), 'Too Many Hops');
  t.is(reasonPhrase(499), 'Request Failure');
});
