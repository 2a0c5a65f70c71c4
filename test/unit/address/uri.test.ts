import test from 'ava';
import fc from 'fast-check';
import { Jid } from '#src/address/jid.ts';
import { jidFromSipUri, parseXmppUri, sipUriFromJid, xmppUriFromJid } from '#src/address/uri.ts';
import { uris, xep0106 } from '#test/vectors/address/read.ts';
import { anyText, domainText, localText, resourceText, trickyText } from '#test/unit/address/texts.ts';

const jid = (text: string): Jid => Jid.parse(text) ?? (() => { throw new Error(`malformed: ${text}`); })(); // prettier-ignore

for (const { uri, jid: address } of uris['rfc7247-section-6.4']) {
  test(`RFC 7247 section 6.4: ${uri}`, (t) => t.is(jidFromSipUri(uri)?.full, address));
}
for (const { uri, jid: address } of uris['rfc7247-section-6.5']) {
  test(`RFC 7247 section 6.5: ${address}`, (t) => {
    t.is(sipUriFromJid(jid(address)), uri);
    t.is(jidFromSipUri(uri)?.full, address);
  });
}
for (const { section, uri, jid: address } of xep0106.uris) {
  test(`XEP-0106 section ${section}: ${uri}`, (t) => t.is(jidFromSipUri(uri)?.full, address));
}

test('RFC 7247 table 1: every ASCII character that a localpart may hold goes to SIP and back', (t) => {
  const local = '!#$%()*+,-.;=?[\\]^_`{|}~0az';
  t.is(sipUriFromJid(jid(`${local}@x.example`)), 'sip:!%23$%25()*+,-.;=?%5B%5C%5D%5E_%60%7B%7C%7D~0az@x.example');
  t.is(jidFromSipUri(sipUriFromJid(jid(`${local}@x.example`)))?.local, local);
});

test('characters that neither side may hold raw are escaped on both', (t) => {
  t.is(jidFromSipUri('sip:%22J%20R%22%3A%3C%3E%40@x.example')?.local, '\\22j\\20r\\22\\3a\\3c\\3e\\40');
  t.is(sipUriFromJid(jid('\\22j\\20r\\40b@x.example')), 'sip:%22j%20r%40b@x.example');
});

test('scheme, password, port, parameters and headers of a SIP URI', (t) => {
  t.is(
    jidFromSipUri('SIPS:Alice:secret@Atlanta.COM:5061;transport=tls;GR=urn:uuid:1?subject=hi')?.full,
    'alice@atlanta.com/urn:uuid:1',
  );
  t.is(jidFromSipUri('sip:+1-212-555-1212:1234@gateway.com;user=phone')?.full, '+1-212-555-1212@gateway.com');
  t.is(jidFromSipUri('sip:alice@[2001:DB8::10]:5060')?.full, 'alice@[2001:db8::10]');
  t.is(jidFromSipUri('sip:example.com')?.full, 'example.com');
  t.is(jidFromSipUri('sip:example.com:5060;lr')?.full, 'example.com');
  t.is(jidFromSipUri('sip:alice@example.com;gr=a%2Fb%C3%BC')?.full, 'alice@example.com/a/bü');
  t.is(jidFromSipUri('sip:alice;day=tuesday@atlanta.com')?.full, 'alice;day=tuesday@atlanta.com');
  t.is(jidFromSipUri('sip:tgruu.7hs==jd7@example.com;gr')?.full, 'tgruu.7hs==jd7@example.com');
});

test('a U-label goes to SIP as an A-label', (t) => {
  t.is(sipUriFromJid(jid('juliet@bücher.example/a b'), 'sips'), 'sips:juliet@xn--bcher-kva.example;gr=a%20b');
  t.is(jidFromSipUri('sip:juliet@xn--bcher-kva.example')?.full, 'juliet@bücher.example');
});

const NOT_SIP = [
  '', 'sip', 'sip:', 'sip:@example.com', 'sip::pw@example.com', 'sip:a@', 'sip:a@b:99999', 'sip:a@b:x', 'sip:a@[::1', 'sip:%FF@x', 'sip:%ED%A0%80@x',
  'sip:%00@x', 'sip:%20a@x', 'mailto:a@b.example', 'tel:+1', 'http://a@b', 'sip:a@b@c', 'sip:a@b;gr=%20x', `sip:${'a'.repeat(1024)}@x`,
]; // prettier-ignore
for (const uri of NOT_SIP) test(`no address: ${uri.slice(0, 40)}`, (t) => t.is(jidFromSipUri(uri), undefined));

for (const { uri, jid: address, account, action = '', parameters = {} } of uris.rfc5122) {
  test(`RFC 5122: ${uri}`, (t) => {
    const parsed = parseXmppUri(uri);
    t.is(parsed?.jid.full, address);
    t.is(parsed?.account?.full, account);
    t.is(parsed?.action, action);
    t.deepEqual(parsed?.parameters, new Map(Object.entries(parameters)));
    if (account === undefined) t.is(xmppUriFromJid(jid(address), action, Object.entries(parameters)), uri);
  });
}

test('an IRI, a fragment, and the first of equal keys', (t) => {
  t.is(parseXmppUri('xmpp:jiři@čechy.example/v%20Praze')?.jid.full, 'jiři@čechy.example/v Praze');
  t.is(parseXmppUri('XMPP:a@b.example?message;body=Here%27s%20a%20test#frag')?.parameters.get('body'), "Here's a test");
  t.is(parseXmppUri('xmpp:a@b.example?x;k=1;k=2;flag')?.parameters.get('k'), '1');
  t.is(parseXmppUri('xmpp:a@b.example?x;flag')?.parameters.get('flag'), '');
  t.is(parseXmppUri('xmpp:a@b.example?x;__proto__=1')?.parameters.get('__proto__'), '1');
});

const NOT_XMPP = [
  '', 'xmpp', 'xmpp:', 'xmpp:@b', 'xmpp:a@', 'xmpp:a@b/', 'xmpp://', 'xmpp://a@', 'xmpp:%FF@b', 'xmpp:a@b?%FF', 'xmpp:a@b?x;k=%FF', 'xmpp:a%40b@c@d',
  'xmpp:a%2Fb@c', 'sip:a@b', 'xmpp:a@b/%00', 'xmpp://a@b/@c',
]; // prettier-ignore
for (const uri of NOT_XMPP) test(`no xmpp URI: ${uri}`, (t) => t.is(parseXmppUri(uri), undefined));

const address = fc.tuple(localText, domainText, resourceText).map(([l, d, r]) => Jid.make(l, d, r) ?? Jid.make('', d));

test('property: an address survives its sip: URI and its xmpp: URI', (t) => {
  fc.assert(
    fc.property(
      address,
      fc.string(),
      fc.dictionary(fc.string({ minLength: 1 }), fc.string({ unit: 'grapheme' })),
      (made, action, fields) => {
        if (made === undefined) return;
        const sip = sipUriFromJid(made);
        t.regex(sip, /^[\x21-\x7e]+$/);
        t.deepEqual(jidFromSipUri(sip), made);
        const xmpp = xmppUriFromJid(made, action, Object.entries(fields));
        t.regex(xmpp, /^[\x21-\x7e]+$/);
        const parsed = parseXmppUri(xmpp);
        t.deepEqual(parsed?.jid, made);
        t.is(parsed?.action, action);
        t.deepEqual(parsed?.parameters, new Map(Object.entries(fields)));
      },
    ),
    { numRuns: 1000 },
  );
});

test('property: no text makes the readers throw', (t) => {
  const text = fc.tuple(
    fc.constantFrom('sip:', 'xmpp:', 'xmpp://', 'im:', ''),
    fc.oneof(anyText, trickyText, fc.string()),
  );
  fc.assert(
    fc.property(text, ([scheme, rest]) => {
      jidFromSipUri(scheme + rest);
      parseXmppUri(scheme + rest);
      t.pass();
    }),
    { numRuns: 3000 },
  );
});
