/** What is no XML, no UTF-8, or no stream, and the stream errors of RFC 6120 section 4.9.3 that it gets. */
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
const header = (attributes: string): string => `${HEAD}<stream:stream ${attributes}>`;
const NAMES = `xmlns='jabber:client' xmlns:stream='${STREAM}'`;
const GOOD = `to='localhost' version='1.0' ${NAMES}`;

type Rows = readonly (readonly [name: string, bytes: string | Buffer, condition: string])[];

export const streamErrors = (stage: Stage, rows: Rows): readonly Case[] =>
  rows.map(([name, bytes, condition]) => ({ name, stage, bytes, answer: { stream: condition } }));

/** Bytes inside a message, behind an ordinary start. */
const within = (...bytes: readonly number[]): Buffer =>
  Buffer.concat([Buffer.from("<message to='x@localhost'><body>"), Buffer.from(bytes)]);

export const headers = streamErrors('connected', [
  ['no XML at all', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', 'not-well-formed'],
  ['a TLS handshake without TLS', Buffer.from('16030100c8010000c40303', 'hex'), 'not-well-formed'],
  ['UTF-16 with its mark', Buffer.from('fffe3c003f00', 'hex'), 'unsupported-encoding'],
  ['text before the root', `hello${header(GOOD)}`, 'not-well-formed'],
  ['an XML declaration of version 2', `<?xml version='2.0'?><stream:stream ${GOOD}>`, 'not-well-formed'],
  ['an XML declaration behind white space', ` ${header(GOOD)}`, 'restricted-xml'],
  ['another encoding', `<?xml version='1.0' encoding='UTF-16'?><stream:stream ${GOOD}>`, 'unsupported-encoding'],
  ['a document type', `${HEAD}<!DOCTYPE stream><stream:stream ${GOOD}>`, 'restricted-xml'],
  [
    'a billion laughs',
    `${HEAD}<!DOCTYPE l [<!ENTITY a 'ha'><!ENTITY b '&a;&a;'>]><stream:stream ${GOOD}>`,
    'restricted-xml',
  ],
  ['a comment before the root', `${HEAD}<!-- --><stream:stream ${GOOD}>`, 'restricted-xml'],
  ['a processing instruction', `${HEAD}<?xml-stylesheet href='x'?><stream:stream ${GOOD}>`, 'restricted-xml'],
  ['a root that is a stanza', `${HEAD}<message ${NAMES}/>`, 'invalid-namespace'],
  ['a root of another name', `${HEAD}<stream:streams ${GOOD}>`, 'bad-format'],
  [
    'a prefix that is not declared',
    `${HEAD}<stream:stream to='localhost' version='1.0' xmlns='jabber:client'>`,
    'not-well-formed',
  ],
  [
    'the stream namespace as the default',
    `${HEAD}<stream to='localhost' version='1.0' xmlns='${STREAM}'>`,
    'invalid-namespace',
  ],
  ['no content namespace', header(`to='localhost' version='1.0' xmlns:stream='${STREAM}'`), 'invalid-namespace'],
  [
    'the content namespace of servers',
    header(`to='localhost' version='1.0' xmlns='jabber:server' xmlns:stream='${STREAM}'`),
    'invalid-namespace',
  ],
  [
    'a stream namespace with a slash more',
    header(`to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='${STREAM}/'`),
    'invalid-namespace',
  ],
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
  [
    'a thousand attributes',
    header(`${Array.from({ length: 1000 }, (_, index) => `a${index}=''`).join(' ')} ${GOOD}`),
    'policy-violation',
  ],
]);

export const xml = streamErrors('opened', [
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

export const utf8 = streamErrors('opened', [
  ['an overlong slash', within(0xc0, 0xaf), 'unsupported-encoding'],
  ['an overlong NUL', within(0xe0, 0x80, 0x80), 'unsupported-encoding'],
  ['a continuation byte alone', within(0x80), 'unsupported-encoding'],
  ['a sequence that is cut short', within(0xe2, 0x82, 0x3c), 'unsupported-encoding'],
  ['a surrogate', within(0xed, 0xa0, 0x80), 'unsupported-encoding'],
  ['beyond U+10FFFF', within(0xf4, 0x90, 0x80, 0x80), 'unsupported-encoding'],
  ['a byte that UTF-8 does not have', within(0xff), 'unsupported-encoding'],
  ['Latin-1', Buffer.from('<message><body>schön</body></message>', 'latin1'), 'unsupported-encoding'],
]);
