import test from 'ava';
import { parseHost, parseHostPort } from '#protocols/sip/message/host.ts';
import { parseUri, SipUri, TelUri } from '#protocols/sip/message/uri.ts';
import { schemeOf } from '#protocols/sip/message/uri-parts.ts';

const uri = (text: string): SipUri => {
  const parsed = SipUri.parse(text);
  if (parsed === undefined) throw new Error(`refused: ${text}`);
  return parsed;
};

/** RFC 3261 section 19.1.4: "The URIs within each of the following sets are equivalent". */
const EQUAL: readonly (readonly [string, string])[] = [
  ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=on'],
  [
    'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
    'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
  ],
  [
    'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
    'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
  ],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=off'],
  // Not from the RFC's list.
  ['sip:a%2fb@example.com', 'sip:a%2Fb@example.com'],
  ['sip:a@[2001:DB8::1]', 'sip:a@[2001:db8:0:0::1]'],
  ['sip:a@example.com.', 'sip:a@example.com'],
  ['SIPS:a@example.com', 'sips:a@example.com'],
  ['sip:a@example.com;maddr=192.0.2.1;lr', 'sip:a@example.com;LR;maddr=192.0.2.1'],
];

/** "The URIs within each of the following sets are not equivalent". */
const DIFFERENT: readonly (readonly [string, string, string])[] = [
  ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP', 'different usernames'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060', 'can resolve to different ports'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp', 'can resolve to different transports'],
  ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp', 'can resolve to different port and transports'],
  ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting', 'different header component'],
  ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4', "even though that's what it resolves to"],
  ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off', 'equality is not transitive'],
  // Not from the RFC's list.
  ['sip:a@example.com', 'sips:a@example.com', 'a SIP and SIPS URI are never equivalent'],
  ['sip:a@example.com', 'sip:example.com', 'one omits the user'],
  ['sip:a:b@example.com', 'sip:a@example.com', 'one omits the password'],
  ['sip:a:b@example.com', 'sip:a:B@example.com', 'passwords are case-sensitive'],
  ['sip:a%3Bb@example.com', 'sip:a;b@example.com', 'an escaped reserved character is another'],
  ['sip:a@example.com;user=phone', 'sip:a@example.com', 'user'],
  ['sip:a@example.com;ttl=1', 'sip:a@example.com', 'ttl'],
  ['sip:a@example.com;method=INVITE', 'sip:a@example.com', 'method'],
  ['sip:a@example.com;maddr=192.0.2.1', 'sip:a@example.com', 'maddr'],
  ['sip:a@[2001:db8::1]', 'sip:a@[2001:db8::2]', 'other addresses'],
  ['sip:a@192.0.2.1', 'sip:a@[::ffff:192.0.2.1]', 'another form of host'],
];

for (const [a, b] of EQUAL) {
  test(`equal: ${a} and ${b}`, (t) => {
    t.true(uri(a).equals(uri(b)));
    t.true(uri(b).equals(uri(a)));
  });
}

for (const [a, b, why] of DIFFERENT) {
  test(`not equal (${why}): ${a} and ${b}`, (t) => {
    t.false(uri(a).equals(uri(b)));
    t.false(uri(b).equals(uri(a)));
  });
}

/** RFC 3261 section 19.1.3: "Example SIP and SIPS URIs". */
const EXAMPLES = [
  'sip:alice@atlanta.com',
  'sip:alice:secretword@atlanta.com;transport=tcp',
  'sips:alice@atlanta.com?subject=project%20x&priority=urgent',
  'sip:+1-212-555-1212:1234@gateway.com;user=phone',
  'sips:1212@gateway.com',
  'sip:alice@192.0.2.4',
  'sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com',
  'sip:alice;day=tuesday@atlanta.com',
];

for (const text of EXAMPLES) {
  test(`is written as it was read: ${text}`, (t) => {
    t.is(uri(text).toString(), text);
    t.true(uri(uri(text).with({}).toString()).equals(uri(text)));
  });
}

test('the parts of a URI', (t) => {
  const parsed = uri('sips:al%69ce;x=1:p%20w@[2001:DB8::1]:5070;transport=TCP;lr;gr=urn:uuid:1?subject=project%20x');
  t.is(parsed.scheme, 'sips');
  t.true(parsed.secure);
  t.is(parsed.user, 'alice;x=1');
  t.is(parsed.password, 'p w');
  t.is(parsed.host, '[2001:db8::1]');
  t.is(parsed.address, '2001:db8::1');
  t.is(parsed.port, 5070);
  t.is(parsed.transport, 'tcp');
  t.true(parsed.lr);
  t.is(parsed.param('gr'), 'urn:uuid:1');
  t.is(parsed.param('ob'), undefined);
  t.deepEqual(parsed.headers, [['subject', 'project x']]);
  t.deepEqual([...parsed.params.keys()], ['transport', 'lr', 'gr']);
  t.is(uri('sip:a@example.com').address, undefined);
  t.is(uri('sip:a@192.0.2.1').address, '192.0.2.1');
});

/** Texts that are no SIP URI, and why. */
const REFUSED: readonly (readonly [string, string])[] = [
  ['', 'nothing'],
  ['sip:', 'no host'],
  ['sip:@example.com', 'an empty user'],
  ['sip:a@', 'no host after the user'],
  ['sip:a@b@example.com', 'two "@"'],
  ['sip:a@example.com:', 'an empty port'],
  ['sip:a@example.com:0', 'port 0'],
  ['sip:a@example.com:65536', 'a port out of range'],
  ['sip:a@example.com:5060a', 'a port that is no number'],
  ['sip:a b@example.com', 'a space'],
  ['sip:a"b@example.com', 'a quote'],
  ['sip:a#b@example.com', 'a number sign'],
  ['sip:a%4@example.com', 'half an escape'],
  ['sip:a%zz@example.com', 'an escape that is not hexadecimal'],
  ['sip:a:b;c@example.com', 'a semicolon in the password'],
  ['sip:2001:db8::10', 'an IPv6 address without brackets'],
  ['sip:a@[2001:db8::1', 'a bracket that does not close'],
  ['sip:a@[fe80::1%25eth0]', 'a zone'],
  ['sip:a@[192.0.2.1]', 'an IPv4 address in brackets'],
  ['sip:a@[2001:db8::g]', 'no hexadecimal digit'],
  ['sip:a@192.0.2', 'three numbers'],
  ['sip:a@192.0.2.256', 'a number out of range'],
  ['sip:a@example.com.1', 'a top label that is a number'],
  ['sip:a@-example.com', 'a hyphen at the beginning of a label'],
  ['sip:a@example-.com', 'a hyphen at the end of a label'],
  ['sip:a@exa_mple.com', 'an underscore'],
  ['sip:a@exämple.com', 'a letter that is not ASCII'],
  ['sip:a@example..com', 'an empty label'],
  ['sip:a@example.com;', 'an empty parameter'],
  ['sip:a@example.com;;lr', 'an empty parameter'],
  ['sip:a@example.com;x=', 'an empty value'],
  ['sip:a@example.com;lr;LR', 'a parameter twice'],
  ['sip:a@example.com;x=1=2', 'two equals signs'],
  ['sip:a@example.com;maddr=a_b', 'maddr that is no host'],
  ['sip:a@example.com?', 'no header'],
  ['sip:a@example.com?a', 'a header without value'],
  ['sip:a@example.com?=b', 'a header without name'],
  ['sip:a@example.com?a=b&', 'an empty header'],
  ['sip:a@example.com?a=b;c', 'a semicolon in a header'],
  ['<sip:a@example.com>', 'angle brackets'],
  [' sip:a@example.com', 'a space before'],
  ['sipx:a@example.com', 'another scheme'],
  [`sip:a@example.com${Array.from({ length: 100 }, (_, at) => `;p${at}`).join('')}`, 'too many parameters'],
  [`sip:a@${'x'.repeat(300)}.com`, 'a host that is too long'],
];

for (const [text, why] of REFUSED) {
  test(`refused (${why}): ${text.slice(0, 60)}`, (t) => t.is(SipUri.parse(text), undefined));
}

test('a URI made of parts is escaped where it must be, and read back as they were', (t) => {
  const made = SipUri.make({
    user: 'a b@c"é',
    host: 'Example.COM',
    port: 5070,
    params: { transport: 'ws', gr: 'a;b', lr: '' },
  });
  t.is(made.toString(), 'sip:a%20b%40c%22%C3%A9@example.com:5070;transport=ws;gr=a%3Bb;lr');
  const again = uri(made.toString());
  t.is(again.user, 'a b@c"é');
  t.is(again.param('gr'), 'a;b');
  t.true(again.equals(made));
  t.throws(() => SipUri.make({ host: 'no host' }), { instanceOf: TypeError });
});

test('a URI changed in one part keeps the others', (t) => {
  const base = uri('sip:al%2Fice:pw@example.com:5070;transport=tcp;x=%20');
  t.is(base.with({ host: '192.0.2.1' }).toString(), 'sip:al%2Fice:pw@192.0.2.1:5070;transport=tcp;x=%20');
  t.is(base.with({ port: undefined }).toString(), 'sip:al%2Fice:pw@example.com;transport=tcp;x=%20');
  t.is(base.with({ params: { transport: undefined, lr: '' } }).toString(), 'sip:al%2Fice:pw@example.com:5070;x=%20;lr');
  t.is(base.with({ user: '' }).toString(), 'sip:example.com:5070;transport=tcp;x=%20');
  t.is(base.with({ scheme: 'sips' }).secure, true);
});

test('an address of record has no parameters, headers or password, and one spelling (RFC 3261 section 10.3)', (t) => {
  t.is(uri('sip:%61lice:pw@Example.com;transport=tcp?a=b').aor, 'sip:alice@example.com');
  t.is(uri('sip:example.com:5070').aor, 'sip:example.com:5070');
  t.is(uri('sip:a%3Bb@example.com').aor, 'sip:a%3Bb@example.com');
  t.is(uri('sip:a@example.com;method=INVITE;x?a=b').withoutHeaders().toString(), 'sip:a@example.com;x');
});

test('tel: URIs', (t) => {
  const tel = TelUri.parse('tel:+1-201-555-0123');
  t.is(tel?.number, '+12015550123');
  t.is(tel?.toString(), 'tel:+1-201-555-0123');
  t.is(parseUri('tel:+12015550123')?.kind, 'tel');
  t.true(tel?.equals(TelUri.parse('tel:+12015550123') as TelUri));
  t.is(parseUri('tel:12'), undefined, 'a local number without phone-context');
});

test('schemes', (t) => {
  t.is(schemeOf('SIP:a@b'), 'sip');
  t.is(schemeOf('soap.beep://192.0.2.103:3002'), 'soap.beep');
  t.is(schemeOf('no scheme'), undefined);
  t.is(schemeOf('1a:b'), undefined);
  t.is(schemeOf(':b'), undefined);
});

test('hosts', (t) => {
  t.is(parseHost('EXAMPLE.com.'), 'example.com');
  t.is(parseHost('a'), 'a');
  t.is(parseHost('3com.example'), '3com.example');
  t.is(parseHost('[::1]'), '[::1]');
  t.is(parseHost('.'), undefined);
  t.is(parseHost(''), undefined);
  t.deepEqual(parseHostPort('[::1]:5060'), { host: '[::1]', port: 5060 });
  t.is(parseHostPort('[::1]5060'), undefined);
});
