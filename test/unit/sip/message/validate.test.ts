import test from 'ava';
import { validateRequest, validateResponse } from '#protocols/sip/message/validate.ts';
import { altered, REQUEST, requestOf, responseOf } from '#test/unit/sip/message/fixture.ts';

const as = (method: string, uri: string, ...lines: readonly string[]): readonly string[] =>
  altered(`CSeq: 1 ${method}`, ...lines).with(0, `${method} ${uri} SIP/2.0`);
const bob = 'sip:bob@example.com';

/** Requests that the parser takes, and the status they are refused with; undefined for those that are good. */
const CASES: readonly (readonly [about: string, lines: readonly string[], status: number | undefined])[] = [
  ['a plain request', REQUEST, undefined],
  ['without Max-Forwards', REQUEST.filter((line) => !line.startsWith('Max')), undefined],
  ['Max-Forwards 0', altered('Max-Forwards: 0'), undefined],
  ['Max-Forwards 256', altered('Max-Forwards: 256'), 400],
  ['Max-Forwards -1', altered('Max-Forwards: -1'), 400],
  ['an unknown scheme', as('MESSAGE', 'im:bob@example.com'), 416],
  ['tel:', as('MESSAGE', 'tel:+12015550123'), undefined],
  ['tel: that is malformed', as('MESSAGE', 'tel:12'), 400],
  ['sips:', as('MESSAGE', 'sips:bob@example.com'), undefined],
  ['no scheme', as('MESSAGE', 'bob'), 400],
  ['a Request-URI that is malformed', as('MESSAGE', 'sip:2001:db8::10'), 400],
  ['a Request-URI with header fields', as('MESSAGE', 'sip:bob@example.com?Subject=x'), 400],
  ['From that is malformed', altered('From: "x <sip:a@example.com>;tag=1'), 400],
  ['From with a malformed SIP URI', altered('From: <sip:a@exa_mple>;tag=1'), 400],
  ['From with an unknown scheme', altered('From: <http://example.com>;tag=1'), undefined],
  ['To that is malformed', altered('To: Bob, <sip:bob@example.com>'), 400],
  ['Call-ID that is malformed', altered('Call-ID: a b'), 400],
  ['a second Via that is malformed', [...REQUEST, 'Via: x'], 400],
  ['Contact that is malformed', [...REQUEST, 'Contact: <sip:a@b'], 400],
  ['Route without angle brackets', [...REQUEST, 'Route: sip:p1;lr'], 400],
  ['Route that is malformed', [...REQUEST, 'Route: <sip:p1;lr>,'], 400],
  ['Record-Route that is malformed', [...REQUEST, 'Record-Route: <sip:>'], 400],
  ['Path that is malformed', [...REQUEST, 'Path: p'], 400],
  ['Require with an empty element', [...REQUEST, 'Require: a,,b'], 400],
  ['Require with what is no token', [...REQUEST, 'Require: a b'], 400],
  ['an empty Supported', [...REQUEST, 'Supported:'], undefined],
  ['an empty Allow', [...REQUEST, 'Allow:'], undefined],
  ['Accept that is malformed', [...REQUEST, 'Accept: application'], 400],
  ['an empty Accept', [...REQUEST, 'Accept:'], undefined],
  ['Expires that is no number', [...REQUEST, 'Expires: soon'], 400],
  ['Expires out of range', [...REQUEST, 'Expires: 99999999999'], undefined],
  ['Date that is not GMT', [...REQUEST, 'Date: Fri, 01 Jan 2010 16:00:00 EST'], 400],
  ['Content-Type that is malformed', [...REQUEST, 'Content-Type: text'], 400],
  ['Reason that is malformed', [...REQUEST, 'Reason: SIP;cause=x'], 400],
  ['Retry-After that is malformed', [...REQUEST, 'Retry-After: x'], 400],
  ['a field that nobody knows', [...REQUEST, 'X: ;;,,"'], undefined],
  ['SUBSCRIBE', as('SUBSCRIBE', bob, 'Event: presence'), undefined],
  ['SUBSCRIBE without Event', as('SUBSCRIBE', bob), 489],
  ['SUBSCRIBE with a malformed Event', as('SUBSCRIBE', bob, 'Event: .x'), 400],
  ['PUBLISH without Event', as('PUBLISH', bob), 489],
  ['PUBLISH with a malformed SIP-If-Match', as('PUBLISH', bob, 'Event: presence', 'SIP-If-Match: a b'), 400],
  ['NOTIFY', as('NOTIFY', bob, 'Event: presence', 'Subscription-State: active'), undefined],
  ['NOTIFY without Event', as('NOTIFY', bob, 'Subscription-State: active'), 489],
  ['NOTIFY without Subscription-State', as('NOTIFY', bob, 'Event: presence'), 400],
  ['NOTIFY with a malformed one', as('NOTIFY', bob, 'Event: presence', 'Subscription-State: ;x'), 400],
  ['REFER without Refer-To', as('REFER', bob), 400],
  ['PRACK without RAck', as('PRACK', bob), 400],
  ['PRACK with a malformed one', as('PRACK', bob, 'RAck: 1'), 400],
  ['REGISTER', as('REGISTER', 'sip:example.com', 'Contact: <sip:a@192.0.2.1>'), undefined],
  ['REGISTER for tel:', as('REGISTER', 'sip:example.com', 'To: <tel:+12015550123>'), 400],
  ['REGISTER with *', as('REGISTER', 'sip:example.com', 'Contact: *', 'Expires: 0'), undefined],
  ['REGISTER with * and more', [...as('REGISTER', 'sip:example.com', 'Contact: *'), 'Contact: <sip:a@192.0.2.1>'], 400],
];

for (const [about, lines, status] of CASES) {
  test(`${about}: ${status ?? 'good'}`, (t) => t.is(validateRequest(requestOf(lines))?.status, status));
}

/** RFC 3261 section 7.3.1: "the header field … MUST only be combined if [it is] defined as a comma-separated list". */
for (const line of [
  'Max-Forwards: 70',
  'Content-Type: text/plain',
  'Expires: 60',
  'Date: Sat, 13 Nov 2010 23:29:00 GMT',
  'Event: presence',
  'Subscription-State: active',
  'Retry-After: 5',
  'Subject: a',
  'User-Agent: a',
  'Refer-To: <sip:a@example.com>',
  'Replaces: 1;to-tag=a;from-tag=b',
  'Session-Expires: 1800',
  'SIP-If-Match: a',
  'Min-Expires: 5',
  'MIME-Version: 1.0',
]) {
  test(`twice: ${line}`, (t) => {
    t.is(validateRequest(requestOf([...altered(line), line]))?.status, 400);
  });
}

const response = (...lines: readonly string[]): readonly string[] => ['SIP/2.0 200 OK', ...altered(...lines).slice(1)];

test('a response is passed on', (t) => {
  t.is(validateResponse(responseOf(response())), undefined);
  t.is(validateResponse(responseOf([...response(), 'Via: SIP/2.0/UDP [2001:db8::1];branch=z9hG4bK1'])), undefined);
});

for (const via of [
  'SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1',
  'SIP/2.0/UDP 224.0.0.75;branch=z9hG4bK1',
  'SIP/2.0/UDP [ff02::1];branch=z9hG4bK1',
  'SIP/2.0/UDP a.example;received=239.1.2.3',
  'SIP/2.0/UDP a.example;maddr=224.0.1.75',
  'SIP/2.0/UDP 0.0.0.0',
  'SIP/2.0/UDP ;;',
]) {
  test(`a response is dropped with a second Via ${via}`, (t) => {
    t.not(validateResponse(responseOf([...response(), `Via: ${via}`])), undefined);
  });
}

test('a response is dropped with a malformed From', (t) => {
  t.is(validateResponse(responseOf(response('From: x')))?.reason, 'Malformed From');
});
