import { Buffer } from 'node:buffer';
import { readdirSync } from 'node:fs';
import test from 'ava';
import { contactExpires } from '#protocols/sip/message/contact.ts';
import { Framer } from '#protocols/sip/message/framer.ts';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { type Malformed, parseMessage } from '#protocols/sip/message/parse.ts';
import { validateRequest, validateResponse } from '#protocols/sip/message/validate.ts';
import { TORTURE, tortureBytes } from '#test/vectors/sip/rfc4475.ts';
import { IPV6_TORTURE } from '#test/vectors/sip/rfc5118.ts';

/** What becomes of a message: `accept`, `drop`, or the status that it is answered with. */
function verdict(message: SipRequest | SipResponse | Malformed): 'accept' | 'drop' | number {
  if (message.kind === 'response') return validateResponse(message) === undefined ? 'accept' : 'drop';
  if (message.kind === 'malformed') return message.request === undefined ? 'drop' : message.status;
  return validateRequest(message)?.status ?? 'accept';
}

function request(name: string): SipRequest {
  const message = parseMessage(tortureBytes(name));
  if (message.kind !== 'request') throw new Error(`${name} is ${message.kind}`);
  return message;
}

test('the table holds all 49 messages', (t) => {
  const files = readdirSync(new URL('../../../vectors/sip/torture', import.meta.url)).filter((name) =>
    name.endsWith('.dat'),
  );
  t.is(files.length, 49);
  t.deepEqual(TORTURE.map(({ name }) => `${name}.dat`).toSorted(), files.toSorted());
});

for (const { section, name, class: kind, expect, about } of TORTURE) {
  test(`RFC 4475 ${section} ${name} (${kind}: ${about}): ${expect}`, (t) => {
    t.is(verdict(parseMessage(tortureBytes(name))), expect);
  });

  test(`RFC 4475 ${section} ${name}: an untouched message is written as it came, an edited one keeps the rest`, (t) => {
    const bytes = tortureBytes(name);
    const message = parseMessage(bytes);
    if (message.kind === 'malformed') return t.pass();
    t.true(bytes.subarray(0, message.toBytes().length).equals(message.toBytes()));
    const edited = message.edit().prepend('Via', 'SIP/2.0/TCP proxy.example.com;branch=z9hG4bKtest').done();
    const again = parseMessage(edited.toBytes());
    if (again.kind === 'malformed') return t.fail(again.reason);
    t.is(again.startLine, message.startLine);
    t.is(again.via?.sentBy, 'proxy.example.com');
    t.true(again.body.equals(message.body));
    const fields = new Set(again.headers.fields.map(({ text }) => text));
    for (const field of message.headers.fields)
      t.true(fields.has(field.text) || field.name === 'Content-Length', field.text);
    return undefined;
  });
}

for (const { section, name, expect, bytes } of IPV6_TORTURE) {
  test(`RFC 5118 ${section} ${name}: ${expect}`, (t) => {
    t.is(verdict(parseMessage(bytes)), expect);
  });
}

test('3.1.1.1: folded and spaced-out values read as what they mean', (t) => {
  const message = request('wsinv');
  t.is(message.to?.tag, '1918181833n');
  t.is(message.from?.display, 'J Rosenberg \\"');
  t.is(message.maxForwards, 68);
  t.deepEqual(message.cseq, { number: 9, method: 'INVITE' });
  t.deepEqual(
    message.vias?.map((via) => [via.transport, via.sentBy, via.branch]),
    [
      ['UDP', '192.0.2.2', '390skdjuw'],
      ['TCP', 'spindle.example.com', 'z9hG4bK9ikj8'],
      ['UDP', '192.168.255.111', 'z9hG4bK30239'],
    ],
  );
  t.is(message.get('Subject'), '');
  t.is(message.get('NewFangledHeader'), 'newfangled value continued newfangled value');
  t.is(message.get('UnknownHeaderWithUnusualValue'), ';;,,;;,;');
  t.deepEqual(
    message.routes?.map(({ uri }) => uri),
    ['sip:services.example.com;lr;unknownwith=value;unknown-no-value'],
  );
  t.is(message.contacts?.[0]?.display, 'Quoted string ""');
  t.is(message.contacts?.[0]?.params.get('newparam'), 'newvalue');
});

test('3.1.1.2: what is unusual is still read', (t) => {
  const message = request('intmeth');
  t.is(message.method, "!interesting-Method0123456789_*+`.%indeed'~");
  t.is(message.to?.display, 'BEL:\u0007 NUL:\u0000 DEL:\u007f');
  t.is(message.from?.tag, "_token~1'+`*%!-.");
  t.is(message.from?.params.get("fromparam''~+*_!.-%"), 'работающий');
  const uri = message.requestUri;
  t.is(uri?.kind === 'sip' ? uri.user : '', "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*");
  t.is(uri?.kind === 'sip' ? uri.password : '', "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)");
});

test('3.1.1.3 to 3.1.1.5: escapes are undone in URIs only', (t) => {
  const uri = request('esc01').requestUri;
  t.is(uri?.kind === 'sip' ? uri.user : '', 'sips:user@example.com');
  const contact = request('esc01').contacts?.[0]?.sipUri;
  t.is(contact?.user, 'caller');
  t.true(contact?.lr);
  t.is(contact?.param('name'), 'value%41');
  t.is(request('escnull').contacts?.length, 2);
  t.is(request('escnull').from?.sipUri?.user, 'null-\u0000-null');
  t.is(request('esc02').to?.display, '%Z%45');
  t.is(request('esc02').method, 'RE%47IST%45R');
});

test('3.1.1.8: what follows the body in a datagram is no message', (t) => {
  const message = request('dblreq');
  t.is(message.method, 'REGISTER');
  t.is(message.body.length, 0);
  const framed = new Framer().push(tortureBytes('dblreq')).filter(({ kind }) => kind === 'request');
  t.is(framed.length, 2, 'on a stream it is the next one');
});

test('3.1.1.9: a user part may hold a semicolon', (t) => {
  const uri = request('semiuri').requestUri;
  t.is(uri?.kind === 'sip' ? uri.user : '', 'user;par=u@example.net');
});

test('3.1.1.12 and 3.1.1.13: reason phrases', (t) => {
  const [unreason, noreason] = ['unreason', 'noreason'].map((name) => parseMessage(tortureBytes(name)));
  t.is(unreason?.kind === 'response' ? unreason.reason : '', '= 2**3 * 5**2 но сто девяносто девять - простое');
  t.is(noreason?.kind === 'response' ? noreason.reason : '-', '');
});

test('3.3.12 to 3.3.14: parameters of a contact and of its URI stay apart', (t) => {
  const [header, inside, escaped] = ['cparam01', 'cparam02', 'regescrt'].map((name) => request(name).contacts?.[0]);
  t.is(header?.params.get('unknownparam'), '');
  t.is(header?.sipUri?.param('unknownparam'), undefined);
  t.is(inside?.sipUri?.param('unknownparam'), '');
  t.is(inside?.params.size, 0);
  t.deepEqual(escaped?.sipUri?.headers, [['Route', '<sip:sip.example.com>']]);
});

test('3.1.2.4: a contact that expires after more than 2^32-1 seconds does so then', (t) => {
  const bytes = Buffer.from(
    tortureBytes('scalar02').toString().replace('36893488147419103232', '1').replace('300', '30'),
  );
  const message = parseMessage(bytes);
  if (message.kind !== 'request') return t.fail(message.kind);
  t.is(validateRequest(message), undefined);
  t.is(message.expires, 0xffff_ffff);
  return t.deepEqual(message.contacts?.map(contactExpires), [0xffff_ffff]);
});

test('RFC 5118 4.5: received with and without brackets', (t) => {
  for (const { bytes, name } of IPV6_TORTURE.filter((each) => each.section === '4.5')) {
    const message = parseMessage(bytes);
    t.is(message.kind === 'request' ? message.via?.received : '', '2001:db8::9:255', name);
  }
});

test('RFC 5118 4.3 and 4.4: a port stands after the bracket', (t) => {
  const uris = IPV6_TORTURE.filter(({ name }) => name.startsWith('port-')).map(({ bytes }) => {
    const message = parseMessage(bytes);
    return message.kind === 'request' && message.requestUri?.kind === 'sip' ? message.requestUri : undefined;
  });
  t.deepEqual(
    uris.map((uri) => [uri?.host, uri?.port]),
    [
      ['[2001:db8::10:5070]', undefined],
      ['[2001:db8::10]', 5070],
    ],
  );
});

test('RFC 5118 4.10: the third colon is left out', (t) => {
  const hosts = IPV6_TORTURE.filter(({ section }) => section === '4.10').map(({ bytes }) => {
    const message = parseMessage(bytes);
    return message.kind === 'request' && message.requestUri?.kind === 'sip' ? message.requestUri.host : '';
  });
  t.deepEqual(hosts, ['[2001:db8::192.0.2.1]', '[2001:db8::192.0.2.1]']);
});
