/** What a peer must not send, byte by byte, and what RFC 6120 has the server answer. */
import { Buffer } from 'node:buffer';
import { type Case, headers, streamErrors, utf8, xml } from './malformed-xml.ts';

const SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';

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
    [
      'a request before binding',
      "<iq type='get' id='a' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>",
      'not-authorized',
    ],
    ['a second login', `<auth xmlns='${SASL}' mechanism='PLAIN'/>`, 'policy-violation'],
  ]),
  ...streamErrors('bound', [
    ['a stanza over the limit', `<message><body>${'x'.repeat(300_000)}`, 'policy-violation'],
    ['a hundred levels', `<message>${'<a>'.repeat(100)}`, 'policy-violation'],
    ['too many elements', `<message>${'<a/>'.repeat(11_000)}</message>`, 'policy-violation'],
    [
      'too many attributes',
      `<message ${Array.from({ length: 200 }, (_, index) => `a${index}=''`).join(' ')}/>`,
      'policy-violation',
    ],
    ['a name that is too long', `<message><${'x'.repeat(2000)}/></message>`, 'policy-violation'],
    ['text between stanzas', 'hello', 'bad-format'],
    ['no stanza', '<body>hello</body>', 'unsupported-stanza-type'],
    ['a stanza for servers', "<message xmlns='jabber:server' to='romeo@localhost'/>", 'unsupported-stanza-type'],
    ['a "from" of somebody else', "<message from='juliet@localhost' to='romeo@localhost'/>", 'invalid-from'],
    ['a "from" that is no address', "<message from='@' to='romeo@localhost'/>", 'invalid-from'],
    [
      'an acknowledgement that is no number',
      "<enable xmlns='urn:xmpp:sm:3'/><a xmlns='urn:xmpp:sm:3' h='-1'/>",
      'bad-format',
    ],
    [
      'an acknowledgement of nothing',
      "<enable xmlns='urn:xmpp:sm:3'/><a xmlns='urn:xmpp:sm:3' h='4294967295'/>",
      'undefined-condition',
    ],
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
).map(([name, to]) => ({
  name: `an address ${name}`,
  stage: 'bound',
  bytes: ping(to),
  answer: { stanza: 'modify jid-malformed' },
}));

const ROSTER = 'jabber:iq:roster';
const stanzas: readonly Case[] = (
  [
    ['a request without an id', `<iq type='get' to='localhost'>${PING}</iq>`, 'modify bad-request'],
    ['a request without a type', `<iq id='a' to='localhost'>${PING}</iq>`, 'modify bad-request'],
    ['a request of no known type', `<iq type='ask' id='a' to='localhost'>${PING}</iq>`, 'modify bad-request'],
    ['a request for nothing', "<iq type='get' id='a' to='localhost'/>", 'modify bad-request'],
    ['a request with text for a payload', "<iq type='get' id='a' to='localhost'>ping</iq>", 'modify bad-request'],
    ['a request for two things', `<iq type='get' id='a' to='localhost'>${PING}${PING}</iq>`, 'modify bad-request'],
    [
      'a payload of no namespace',
      "<iq type='get' id='a' to='localhost'><query xmlns=''/></iq>",
      'cancel service-unavailable',
    ],
    ['presence of no known type', "<presence type='invisible' id='a'/>", 'modify bad-request'],
    ['a priority out of range', "<presence id='a'><priority>1000</priority></presence>", 'modify bad-request'],
    ['a subscription to nobody', "<presence type='subscribe' id='a'/>", 'modify bad-request'],
    [
      'a roster item without an address',
      `<iq type='set' id='a'><query xmlns='${ROSTER}'><item/></query></iq>`,
      'modify bad-request',
    ],
    [
      'a roster item with a bad address',
      `<iq type='set' id='a'><query xmlns='${ROSTER}'><item jid='@'/></query></iq>`,
      'modify bad-request',
    ],
    [
      'a block list item with a bad address',
      "<iq type='set' id='a'><block xmlns='urn:xmpp:blocking'><item jid='@'/></block></iq>",
      'modify jid-malformed',
    ],
    [
      'a second binding',
      "<iq type='set' id='a'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
      'cancel service-unavailable',
    ],
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

export const CASES: readonly Case[] = [
  ...headers,
  ...xml,
  ...utf8,
  ...limits,
  ...logins,
  ...addresses,
  ...stanzas,
  ...silent,
];
