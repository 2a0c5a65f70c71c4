/** What a peer must not send, byte by byte, and what RFC 6120 has the server answer. */
import { Buffer } from 'node:buffer';

/** How far the client has come when it sends the bytes. */
export type Stage = 'connected' | 'opened' | 'authenticated' | 'bound';

/**
 * What comes back: a stream error (and the end), a SASL failure, a stanza error with its type, nothing but the end of the connection,
 * or nothing at all with the stream still usable.
 */
export type Answer =
  | { readonly stream: string }
  | { readonly sasl: string }
  | { readonly stanza: string }
  | 'closed'
  | 'nothing';

export interface Case {
  readonly name: string;
  readonly stage: Stage;
  readonly bytes: string | Buffer;
  readonly answer: Answer;
}

const HEAD = "<?xml version='1.0'?>";
const STREAM = 'http://etherx.jabber.org/streams';
const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const header = (attributes: string): string => `${HEAD}<stream:stream ${attributes}>`;
const NAMES = `xmlns='jabber:client' xmlns:stream='${STREAM}'`;
const GOOD = `to='localhost' version='1.0' ${NAMES}`;

type Rows = readonly (readonly [name: string, bytes: string | Buffer, condition: string])[];

const streamErrors = (stage: Stage, rows: Rows): readonly Case[] =>
  rows.map(([name, bytes, condition]) => ({ name, stage, bytes, answer: { stream: condition } }));

/** Bytes inside a message, behind an ordinary start. */
const within = (...bytes: readonly number[]): Buffer => Buffer.concat([Buffer.from("<message to='x@localhost'><body>"), Buffer.from(bytes)]);

const headers = streamErrors('connected', [
  ['no XML at all', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', 'not-well-formed'],
  ['a TLS handshake without TLS', Buffer.from('16030100c8010000c40303', 'hex'), 'not-well-formed'],
  ['UTF-16 with its mark', Buffer.from('fffe3c003f00', 'hex'), 'unsupported-encoding'],
  ['text before the root', `hello${header(GOOD)}`, 'not-well-formed'],
  ['an XML declaration of version 2', `<?xml version='2.0'?><stream:stream ${GOOD}>`, 'not-well-formed'],
  ['an XML declaration behind white space', ` ${header(GOOD)}`, 'restricted-xml'],
  ['another encoding', `<?xml version='1.0' encoding='UTF-16'?><stream:stream ${GOOD}>`, 'unsupported-encoding'],
  ['a document type', `${HEAD}<!DOCTYPE stream><stream:stream ${GOOD}>`, 'restricted-xml'],
  ['a billion laughs', `${HEAD}<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><stream:stream ${GOOD}>`, 'restricted-xml'],
  ['a comment before the root', `${HEAD}<!-- --><stream:stream ${GOOD}>`, 'restricted-xml'],
  ['a processing instruction', `${HEAD}<?xml-stylesheet href='x'?><stream:stream ${GOOD}>`, 'restricted-xml'],
  ['a root that is a stanza', `${HEAD}<message ${NAMES}/>`, 'invalid-namespace'],
  ['a root of another name', `${HEAD}<stream:streams ${GOOD}>`, 'bad-format'],
  ['a prefix that is not declared', `${HEAD}<stream:stream to='localhost' version='1.0' xmlns='jabber:client'>`, 'not-well-formed'],
  ['the stream namespace as the default', `${HEAD}<stream to='localhost' version='1.0' xmlns='${STREAM}'>`, 'invalid-namespace'],
  ['no content namespace', header(`to='localhost' version='1.0' xmlns:stream='${STREAM}'`), 'invalid-namespace'],
  ['the content namespace of servers', header(`to='localhost' version='1.0' xmlns='jabber:server' xmlns:stream='${STREAM}'`), 'invalid-namespace'],
  ['a stream namespace with a slash more', header(`to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='${STREAM}/'`), 'invalid-namespace'],
  ['no version', header(`to='localhost' ${NAMES}`), 'unsupported-version'],
  ['version 0.9', header(`to='localhost' version='0.9' ${NAMES}`), 'unsupported-version'],
  ['a version that is no number', header(`to='localhost' version='one' ${NAMES}`), 'unsupported-version'],
  ['a host that is not served', header(`to='capulet.example' version='1.0' ${NAMES}`), 'host-unknown'],
  ['a host that is no domain', header(`to='a b@c' version='1.0' ${NAMES}`), 'host-unknown'],
  ['an account as the host', header(`to='romeo@localhost' version='1.0' ${NAMES}`), 'host-unknown'],
  ['a "from" of another host', header(`from='romeo@montague.example' ${GOOD}`), 'invalid-from'],
  ['the same attribute twice', header(`to='localhost' ${GOOD}`), 'not-well-formed'],
  ['a header without end', `${HEAD}<stream:stream to='${'x'.repeat(70_000)}`, 'policy-violation'],
  ['a name without end', `<${'x'.repeat(70_000)}`, 'policy-violation'],
  ['a thousand attributes', header(`${Array.from({ length: 1000 }, (_, index) => `a${index}=''`).join(' ')} ${GOOD}`), 'policy-violation'],
]);

const xml = streamErrors('opened', [
  ['an end tag of another name', '<message><body></message></body>', 'not-well-formed'],
  ['an end tag without a start', '</message>', 'not-well-formed'],
  ['an attribute twice', "<message to='a@localhost' to='b@localhost'/>", 'not-well-formed'],
  ['an attribute twice, by two prefixes', "<message xmlns:a='u:u' xmlns:b='u:u' a:x='' b:x=''/>", 'not-well-formed'],
  ['an attribute without quotes', '<message to=a/>', 'not-well-formed'],
  ['an attribute without a value', '<message to/>', 'not-well-formed'],
  ['attributes without a blank between them', "<message to='a'from='b'/>", 'not-well-formed'],
  ['"<" in an attribute', "<message to='<'/>", 'not-well-formed'],
  ['a blank before the name', '< message/>', 'not-well-formed'],
  ['a name that begins with a digit', '<1message/>', 'not-well-formed'],
  ['an ampersand alone', '<message><body>a & b</body></message>', 'not-well-formed'],
  ['an entity without its end', '<message><body>&amp</body></message>', 'not-well-formed'],
  ['an entity of HTML', '<message><body>&nbsp;</body></message>', 'restricted-xml'],
  ['an entity in an attribute', "<message to='&custom;'/>", 'restricted-xml'],
  ['a reference to NUL', '<message><body>&#0;</body></message>', 'not-well-formed'],
  ['a reference to a surrogate', '<message><body>&#xD800;</body></message>', 'not-well-formed'],
  ['a reference to no character', '<message><body>&#xFFFF;</body></message>', 'not-well-formed'],
  ['a reference beyond Unicode', '<message><body>&#x110000;</body></message>', 'not-well-formed'],
  ['"]]>" in text', '<message><body>]]></body></message>', 'not-well-formed'],
  ['a byte NUL', within(0), 'not-well-formed'],
  ['a control character', within(7), 'not-well-formed'],
  ['the character U+FFFE', within(0xef, 0xbf, 0xbe), 'not-well-formed'],
  ['a comment', '<message><!-- hidden --></message>', 'restricted-xml'],
  ['a processing instruction', '<message><?php ?></message>', 'restricted-xml'],
  ['a document type inside the stream', '<!DOCTYPE message>', 'restricted-xml'],
  ['an XML declaration inside the stream', HEAD, 'restricted-xml'],
  ['a prefix that nobody declared', '<message><a:b/></message>', 'not-well-formed'],
  ['an attribute with a prefix that nobody declared', "<message a:b=''/>", 'not-well-formed'],
  ['a prefix declared as nothing', "<message><b xmlns:a=''/></message>", 'not-well-formed'],
  ['the prefix "xmlns" declared', "<message><b xmlns:xmlns='u:u'/></message>", 'not-well-formed'],
  ['the prefix "xml" declared as something else', "<message><b xmlns:xml='u:u'/></message>", 'not-well-formed'],
  ['a name with two colons', "<message><a:b:c xmlns:a='u:u'/></message>", 'not-well-formed'],
  ['an element of no namespace', "<message xmlns=''/>", 'not-authorized'],
]);

const utf8 = streamErrors('opened', [
  ['an overlong slash', within(0xc0, 0xaf), 'unsupported-encoding'],
  ['an overlong NUL', within(0xe0, 0x80, 0x80), 'unsupported-encoding'],
  ['a continuation byte alone', within(0x80), 'unsupported-encoding'],
  ['a sequence that is cut short', within(0xe2, 0x82, 0x3c), 'unsupported-encoding'],
  ['a surrogate', within(0xed, 0xa0, 0x80), 'unsupported-encoding'],
  ['beyond U+10FFFF', within(0xf4, 0x90, 0x80, 0x80), 'unsupported-encoding'],
  ['a byte that UTF-8 does not have', within(0xff), 'unsupported-encoding'],
  ['Latin-1', Buffer.from("<message><body>schön</body></message>", 'latin1'), 'unsupported-encoding'],
]);

const limits = [
  ...streamErrors('opened', [
    ['a stanza over the limit before login', `<message><body>${'x'.repeat(20_000)}`, 'policy-violation'],
    ['an attribute without end', `<message to='${'x'.repeat(20_000)}`, 'policy-violation'],
    ['elements without end', '<a>'.repeat(5000), 'policy-violation'],
    ['too many elements before login', `<message>${'<a/>'.repeat(500)}</message>`, 'policy-violation'],
    ['a stanza before login', "<message to='romeo@localhost'><body>hello</body></message>", 'not-authorized'],
    ['something unknown before login', "<x xmlns='urn:x'/>", 'not-authorized'],
  ]),
  ...streamErrors('authenticated', [
    ['a message before binding', "<message to='romeo@localhost'><body>hello</body></message>", 'not-authorized'],
    ['a request before binding', "<iq type='get' id='a' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>", 'not-authorized'],
    ['a second login', `<auth xmlns='${SASL}' mechanism='PLAIN'/>`, 'policy-violation'],
  ]),
  ...streamErrors('bound', [
    ['a stanza over the limit', `<message><body>${'x'.repeat(300_000)}`, 'policy-violation'],
    ['a hundred levels', `<message>${'<a>'.repeat(100)}`, 'policy-violation'],
    ['too many elements', `<message>${'<a/>'.repeat(11_000)}</message>`, 'policy-violation'],
    ['too many attributes', `<message ${Array.from({ length: 200 }, (_, index) => `a${index}=''`).join(' ')}/>`, 'policy-violation'],
    ['a name that is too long', `<message><${'x'.repeat(2000)}/></message>`, 'policy-violation'],
    ['text between stanzas', 'hello', 'bad-format'],
    ['no stanza', "<body>hello</body>", 'unsupported-stanza-type'],
    ['a stanza for servers', "<message xmlns='jabber:server' to='romeo@localhost'/>", 'unsupported-stanza-type'],
    ['a "from" of somebody else', "<message from='juliet@localhost' to='romeo@localhost'/>", 'invalid-from'],
    ['a "from" that is no address', "<message from='@' to='romeo@localhost'/>", 'invalid-from'],
    ['an acknowledgement that is no number', "<enable xmlns='urn:xmpp:sm:3'/><a xmlns='urn:xmpp:sm:3' h='-1'/>", 'bad-format'],
    ['an acknowledgement of nothing', "<enable xmlns='urn:xmpp:sm:3'/><a xmlns='urn:xmpp:sm:3' h='4294967295'/>", 'undefined-condition'],
  ]),
];

const auth = (mechanism: string, data: string | Buffer): string =>
  `<auth xmlns='${SASL}' mechanism='${mechanism}'>${typeof data === 'string' ? data : data.toString('base64')}</auth>`;
const text = (data: string): Buffer => Buffer.from(data);

const logins: readonly Case[] = (
  [
    ['no mechanism', `<auth xmlns='${SASL}'/>`, 'invalid-mechanism'],
    ['an unknown mechanism', auth('ANONYMOUS', ''), 'invalid-mechanism'],
    ['not base64', auth('PLAIN', '!!!!'), 'incorrect-encoding'],
    ['base64 with a line break', auth('PLAIN', 'AHJvbWVv\nAHNlY3JldA=='), 'incorrect-encoding'],
    ['base64 that is cut short', auth('PLAIN', 'AHJvbWVvAHNlY3JldA'), 'incorrect-encoding'],
    ['base64 with bits left over', auth('PLAIN', 'AHJvbWVvAHNlY3JldB=='), 'incorrect-encoding'],
    ['an element for data', auth('PLAIN', '<data/>'), 'malformed-request'],
    ['PLAIN without separators', auth('PLAIN', text('romeo')), 'malformed-request'],
    ['PLAIN with three separators', auth('PLAIN', text('\0romeo\0secret\0')), 'malformed-request'],
    ['PLAIN without a name', auth('PLAIN', text('\0\0secret')), 'malformed-request'],
    ['PLAIN without a password', auth('PLAIN', text('\0romeo\0')), 'malformed-request'],
    ['PLAIN that is not UTF-8', auth('PLAIN', Buffer.from('00c0af0061', 'hex')), 'malformed-request'],
    ['PLAIN with a name of 8 KB', auth('PLAIN', text(`\0${'x'.repeat(8192)}\0secret`)), 'malformed-request'],
    ['a name that is no localpart', auth('PLAIN', text('\0ro/meo\0secret')), 'not-authorized'],
    ['SCRAM without a nonce', auth('SCRAM-SHA-1', text('n,,n=romeo')), 'malformed-request'],
    ['SCRAM without a header', auth('SCRAM-SHA-1', text('n=romeo,r=abc')), 'malformed-request'],
    ['SCRAM with a mandatory extension', auth('SCRAM-SHA-1', text('n,,m=x,n=romeo,r=abc')), 'malformed-request'],
    ['SCRAM with a bad escape in the name', auth('SCRAM-SHA-1', text('n,,n=ro=meo,r=abc')), 'malformed-request'],
    ['SCRAM with a blank nonce', auth('SCRAM-SHA-1', text('n,,n=romeo,r=')), 'malformed-request'],
    ['PLAIN for somebody else', auth('PLAIN', text('juliet@localhost\0romeo\0secret')), 'invalid-authzid'],
    ['a response to nothing', `<response xmlns='${SASL}'/>`, 'malformed-request'],
    ['an abort of nothing', `<abort xmlns='${SASL}'/>`, 'aborted'],
  ] as const
).map(([name, bytes, condition]) => ({ name, stage: 'opened', bytes, answer: { sasl: condition } }));

const PING = "<ping xmlns='urn:xmpp:ping'/>";
const ping = (to: string): string => `<iq type='get' id='a' to='${to}'>${PING}</iq>`;

const addresses: readonly Case[] = (
  [
    ['without a localpart', '@localhost'],
    ['without a domain', 'romeo@'],
    ['with two at signs', 'romeo@x@localhost'],
    ['with an empty resource', 'romeo@localhost/'],
    ['a resource alone', '/orchard'],
    ['empty', ''],
    ['with a blank in the localpart', 'ro meo@localhost'],
    ['with a quote in the localpart', 'ro&quot;meo@localhost'],
    ['with a zero-width joiner in the localpart', 'ro&#x200D;meo@localhost'],
    ['with a blank in the domain', 'romeo@local host'],
    ['with an empty label', 'romeo@a..example'],
    ['with a label of 64 bytes', `romeo@${'a'.repeat(64)}.example`],
    ['with a localpart of 1024 bytes', `${'a'.repeat(1024)}@localhost`],
    ['with a resource of 1024 bytes', `romeo@localhost/${'a'.repeat(1024)}`],
    ['with a tab in the resource', 'romeo@localhost/a&#9;b'],
    ['with mixed directions', 'a&#x5D0;b@localhost'],
  ] as const
).map(([name, to]) => ({ name: `an address ${name}`, stage: 'bound', bytes: ping(to), answer: { stanza: 'modify jid-malformed' } }));

const ROSTER = 'jabber:iq:roster';
const stanzas: readonly Case[] = (
  [
    ['a request without an id', `<iq type='get' to='localhost'>${PING}</iq>`, 'modify bad-request'],
    ['a request without a type', `<iq id='a' to='localhost'>${PING}</iq>`, 'modify bad-request'],
    ['a request of no known type', `<iq type='ask' id='a' to='localhost'>${PING}</iq>`, 'modify bad-request'],
    ['a request for nothing', "<iq type='get' id='a' to='localhost'/>", 'modify bad-request'],
    ['a request with text for a payload', "<iq type='get' id='a' to='localhost'>ping</iq>", 'modify bad-request'],
    ['a request for two things', `<iq type='get' id='a' to='localhost'>${PING}${PING}</iq>`, 'modify bad-request'],
    ['a payload of no namespace', "<iq type='get' id='a' to='localhost'><query xmlns=''/></iq>", 'cancel service-unavailable'],
    ['presence of no known type', "<presence type='invisible' id='a'/>", 'modify bad-request'],
    ['a priority out of range', "<presence id='a'><priority>1000</priority></presence>", 'modify bad-request'],
    ['a subscription to nobody', "<presence type='subscribe' id='a'/>", 'modify bad-request'],
    ['a roster item without an address', `<iq type='set' id='a'><query xmlns='${ROSTER}'><item/></query></iq>`, 'modify bad-request'],
    ['a roster item with a bad address', `<iq type='set' id='a'><query xmlns='${ROSTER}'><item jid='@'/></query></iq>`, 'modify bad-request'],
    ['a block list item with a bad address', "<iq type='set' id='a'><block xmlns='urn:xmpp:blocking'><item jid='@'/></block></iq>", 'modify jid-malformed'],
    ['a second binding', "<iq type='set' id='a'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", 'cancel service-unavailable'],
  ] as const
).map(([name, bytes, error]) => ({ name, stage: 'bound', bytes, answer: { stanza: error } }));

/** RFC 6120 section 8.3.1: what is an answer itself gets none, however wrong it is. */
const silent: readonly Case[] = [
  ['an error to a bad address', "<message type='error' to='@'/>"],
  ['a result to nobody', "<iq type='result' id='a' to='nobody@localhost/x'/>"],
  ['an error without an id', "<iq type='error' to='nobody@localhost'/>"],
  ['an error of presence', "<presence type='error' to='nobody@localhost'/>"],
  ['a result with two payloads', `<iq type='result' id='a' to='localhost'>${PING}${PING}</iq>`],
].map(([name = '', bytes = '']) => ({ name, stage: 'bound', bytes, answer: 'nothing' }));

export const CASES: readonly Case[] = [...headers, ...xml, ...utf8, ...limits, ...logins, ...addresses, ...stanzas, ...silent];
