/**
 * Streams and what a scanner must say of them. Used by the unit tests, which cut every one at every place, and as seeds of the
 * fuzzer. The bytes are those behind a stream header (`HEADER`) unless `whole` is set.
 */
import { Buffer } from 'node:buffer';
import type { ScannerLimits, XmlFault } from '#src/stanza/scanner.ts';

export interface StreamCase {
  readonly name: string;
  /** Text, sent as UTF-8, or bytes. */
  readonly input: string | Buffer;
  /** The names of the elements told before the end or the fault. */
  readonly frames: readonly string[];
  /** Undefined: no fault. */
  readonly fault?: XmlFault;
  /** The stream's end tag was told. */
  readonly ended?: boolean;
  /** The input is the whole stream, not what follows HEADER. */
  readonly whole?: boolean;
  readonly limits?: Partial<ScannerLimits>;
}

export const LIMITS: ScannerLimits = { maxBytes: 4096, maxDepth: 8, maxAttributes: 8, maxElements: 32, maxNameBytes: 64 };

export const HEADER = `<stream:stream to='a' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`;

const XML_NS = 'http://www.w3.org/XML/1998/namespace';
const XMLNS_NS = 'http://www.w3.org/2000/xmlns/';

const good = (name: string, input: string | Buffer, ...frames: string[]): StreamCase => ({ name, input, frames });
const bad = (fault: XmlFault, name: string, input: string | Buffer, ...frames: string[]): StreamCase => ({ name, input, frames, fault });
const malformed = (name: string, input: string | Buffer, ...frames: string[]): StreamCase => bad('not-well-formed', name, input, ...frames);
/** Text in which `\xNN` are bytes, not characters. */
const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
const limited = (limits: Partial<ScannerLimits>, test: StreamCase): StreamCase => ({ ...test, limits });
const whole = (test: StreamCase): StreamCase => ({ ...test, whole: true });
const ended = (test: StreamCase): StreamCase => ({ ...test, ended: true });

const structure: readonly StreamCase[] = [
  good('an empty element', '<r/>', 'r'),
  good('an empty element with white space', '<r \t\r\n/>', 'r'),
  good('start and end tag', '<a></a>', 'a'),
  good('white space in an end tag', '<a></a \n>', 'a'),
  good('elements with keepalives between', ' <a/>\n\n<b/>\t\r ', 'a', 'b'),
  good('a name within its own', '<a><a><a/></a></a>', 'a'),
  good('names of all ASCII characters', '<_a-b.c1/>', '_a-b.c1'),
  good('">" in text and values', `<a b='>'>></a>`, 'a'),
  good('brackets in text', '<a>]] ] ]]</a>', 'a'),
  good('the other quote in a value', `<a b='"' c="'"/>`, 'a'),
  good('white space around "="', `<a b = 'c' d\n=\t"e"/>`, 'a'),
  good('white space in a value', `<a b=' \t\r\n '/>`, 'a'),
  good('DEL and C1 characters', '<a>\u007f\u0080\u009f</a>', 'a'),
  good('attributes named like properties', `<a __proto__='1' constructor='2' toString='3'/>`, 'a'),
  ended(good('the end of the stream', '<a/></stream:stream>', 'a')),
  ended(good('the end of the stream with white space', '</stream:stream \n> \n')),
  malformed('an element after the end', '</stream:stream><a/>'),
  malformed('text after the end', '</stream:stream>x'),
  malformed('a second end', '</stream:stream></stream:stream>'),
  malformed('the wrong end', '</stream>'),
  malformed('an end with attributes', `</stream:stream a='b'>`),
  malformed('mismatched end tags', '<a><b></a></b>'),
  malformed('an end tag too long', '<a></aa>'),
  malformed('an end tag too short', '<aa></a>'),
  malformed('an end tag in other case', '<a></A>'),
  malformed('an end tag without a name', '<a></>'),
  malformed('an end tag with a space before its name', '<a></ a>'),
  malformed('an end tag with an attribute', `<a></a b='c'>`),
  malformed('an end tag closed twice', '<a></a/>'),
  malformed('a tag within a tag', '<a <b/>>'),
  malformed('no name', '< a/>'),
  malformed('an empty tag', '<>'),
  malformed('a name that begins with a digit', '<1a/>'),
  malformed('a name that begins with a hyphen', '<-a/>'),
  malformed('a name with a space after "/"', '<a/ >'),
  malformed('"/" before an attribute', `<a / b='c'>`),
  malformed('a name with a sign', '<a$/>'),
];

const attributes: readonly StreamCase[] = [
  malformed('no quotes', '<a b=c/>'),
  malformed('no value', '<a b/>'),
  malformed('no value before the end', '<a b></a>'),
  malformed('no "="', `<a b 'c'/>`),
  malformed('"<" in a value', `<a b='<'/>`),
  malformed('no white space between attributes', `<a b='c'd='e'/>`),
  malformed('a digit first', `<a 1b='c'/>`),
  malformed('the same attribute twice', `<a b='1' b='2'/>`),
  malformed('the same attribute twice, others between', `<a b='1' c='2' d='3' b='4'/>`),
  malformed('xmlns twice', `<a xmlns='u:1' xmlns='u:2'/>`),
  malformed('a declaration twice', `<a xmlns:p='u:1' xmlns:p='u:2'/>`),
  malformed('xml:lang twice', `<a xml:lang='en' xml:lang='de'/>`),
  malformed('a control character in a value', `<a b='\u0001'/>`),
  malformed('a bare "&" in a value', `<a b='&'/>`),
];

const namespaces: readonly StreamCase[] = [
  good('a declared prefix', `<p:a xmlns:p='u:1'><p:b p:c='d'/></p:a>`, 'a'),
  good('a declaration after its use', `<p:a p:c='d' xmlns:p='u:1'/>`, 'a'),
  good('a prefix of the stream header', '<stream:error/>', 'error'),
  good('a prefix declared again', `<a xmlns:p='u:1'><b xmlns:p='u:2'><p:c/></b><p:d/></a>`, 'a'),
  good('the default namespace undeclared', `<a xmlns=''/>`, 'a'),
  good('two prefixes, two attributes of one name', `<a xmlns:p='u:1' xmlns:q='u:2' p:x='' q:x='' x=''/>`, 'a'),
  good('the prefix xml', `<a xml:lang='en'><xml:b/></a>`, 'a'),
  good('xml declared as what it is', `<a xmlns:xml='${XML_NS}' xml:lang='en'/>`, 'a'),
  malformed('an unbound prefix of an element', '<foo:a/>'),
  malformed('an unbound prefix further in', '<a><foo:body>x</foo:body></a>'),
  malformed('an unbound prefix of an attribute', `<a foo:b='c'/>`),
  malformed('a prefix out of scope', `<a><b xmlns:p='u:1'/><p:c/></a>`),
  malformed('a prefix of an element before', `<a xmlns:p='u:1'/><p:b/>`, 'a'),
  malformed('one attribute by two prefixes', `<a xmlns:p='u:1' xmlns:q='u:1' p:x='' q:x=''/>`),
  malformed('the same with a reference in the namespace', `<a xmlns:p='u:1' xmlns:q='u:&#49;' p:x='' q:x=''/>`),
  malformed('a prefix undeclared', `<a xmlns:p=''/>`),
  malformed('xml bound to something else', `<a xmlns:xml='u:1'/>`),
  malformed('xmlns declared', `<a xmlns:xmlns='u:1'/>`),
  malformed('xmlns declared as what it is', `<a xmlns:xmlns='${XMLNS_NS}'/>`),
  malformed('another prefix for the xml namespace', `<a xmlns:p='${XML_NS}'/>`),
  malformed('another prefix for the xmlns namespace', `<a xmlns:p='${XMLNS_NS}'/>`),
  malformed('the xml namespace as default', `<a xmlns='${XML_NS}'/>`),
  malformed('the xmlns namespace as default', `<a xmlns='${XMLNS_NS}'/>`),
  malformed('the xml namespace by a reference', `<a xmlns:p='&#104;ttp://www.w3.org/XML/1998/namespace'/>`),
  malformed('an element in the prefix xmlns', '<xmlns:a/>'),
  malformed('two colons', `<a xmlns:p='u:1'><p:b:c/></a>`),
  malformed('a colon first', '<:a/>'),
  malformed('a colon last', `<a xmlns:p='u:1'><p:/></a>`),
  malformed('a colon alone', '<:/>'),
  malformed('a local name that begins with a digit', `<a xmlns:p='u:1'><p:1/></a>`),
  malformed('xmlns with an empty prefix', `<a xmlns:='u:1'/>`),
];

const restricted: readonly StreamCase[] = [
  bad('restricted-xml', 'a comment', '<!-- x -->'),
  bad('restricted-xml', 'a comment in an element', '<a><!-- x --></a>'),
  bad('restricted-xml', 'a processing instruction', '<?php x ?>'),
  bad('restricted-xml', 'a processing instruction in an element', '<a><?x?></a>'),
  bad('restricted-xml', 'a second XML declaration', `<?xml version='1.0'?>`),
  bad('restricted-xml', 'a DTD', '<!DOCTYPE a>'),
  bad('restricted-xml', 'a DTD in an element', '<a><!DOCTYPE a></a>'),
  whole(bad('restricted-xml', 'a DTD before the header', `<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a/>`)),
  whole(bad('restricted-xml', 'a comment before the header', '<!-- x --><a>')),
  whole(bad('restricted-xml', 'a processing instruction first', '<?x?><a>')),
  whole(bad('restricted-xml', 'a style sheet first', `<?xml-stylesheet href='x'?><a>`)),
  bad('restricted-xml', 'an entity of HTML', '<a>&nbsp;</a>'),
  bad('restricted-xml', 'an entity in a value', `<a b='&foo;'/>`),
  bad('restricted-xml', 'an entity in other case', '<a>&AMP;</a>'),
  bad('restricted-xml', 'an entity with a long name', `<a>&${'x'.repeat(70)};</a>`),
  good('the predefined entities', `<a b='&quot;&apos;&lt;&gt;&amp;'>&quot;&apos;&lt;&gt;&amp;</a>`, 'a'),
  good('character references', `<a b='&#65;&#x41;&#9;'>&#10;&#13;&#x10FFFF;&#xe000;&#0000065;</a>`, 'a'),
  malformed('a bare "&"', '<a>a & b</a>'),
  malformed('a reference without end', '<a>&amp</a>'),
  malformed('a reference to nothing', '<a>&;</a>'),
  malformed('a character reference without digits', '<a>&#;</a>'),
  malformed('a hexadecimal reference without digits', '<a>&#x;</a>'),
  malformed('a reference with an upper-case X', '<a>&#X41;</a>'),
  malformed('a decimal reference with letters', '<a>&#4a;</a>'),
  malformed('a reference to NUL', '<a>&#0;</a>'),
  malformed('a reference to a control character', '<a>&#x1f;</a>'),
  malformed('a reference to a surrogate', '<a>&#xD800;</a>'),
  malformed('a reference to U+FFFE', '<a>&#xFFFE;</a>'),
  malformed('a reference beyond Unicode', '<a>&#x110000;</a>'),
  malformed('a reference far beyond Unicode', '<a>&#99999999999999999999;</a>'),
];

const text: readonly StreamCase[] = [
  bad('bad-format', 'text between elements', '<a/>hello', 'a'),
  bad('bad-format', 'a reference between elements', '&amp;'),
  bad('bad-format', 'CDATA between elements', '<![CDATA[ ]]>'),
  malformed('a control character between elements', '\u0000'),
  good('CDATA', '<a><![CDATA[<b>&foo;]] >]]></a>', 'a'),
  good('empty CDATA', '<a><![CDATA[]]></a>', 'a'),
  good('CDATA that ends in brackets', '<a><![CDATA[]]]]></a>', 'a'),
  malformed('CDATA in lower case', '<a><![cdata[]]></a>'),
  malformed('CDATA with a space', '<a><! [CDATA[]]></a>'),
  malformed('a control character in CDATA', '<a><![CDATA[\u0008]]></a>'),
  malformed('"]]>" in text', '<a>]]></a>'),
  malformed('"]]>" after CDATA', '<a><![CDATA[x]]>]]></a>'),
  malformed('unknown markup', '<a><!ELEMENT b></a>'),
  malformed('NUL', '<a>\u0000</a>'),
  malformed('a control character', '<a>\u000b</a>'),
  malformed('U+FFFE', '<a>\ufffe</a>'),
  malformed('U+FFFF in a value', `<a b='\uffff'/>`),
];

const encoding: readonly StreamCase[] = [
  good('two, three and four bytes', '<a b="é">€\u{1f600}</a>', 'a'),
  good('a name beyond ASCII', '<é\u{10000}ÿ/>', 'é\u{10000}ÿ'),
  good('the last characters', '<a>\ufffd\u{10ffff}\u{1fffe}</a>', 'a'),
  malformed('a multiplication sign in a name', '<a×/>'),
  malformed('a combining character first in a name', '<\u0301a/>'),
  malformed('an arrow in a name', `<a \u2192='b'/>`),
  malformed('a character beyond the planes for names', '<a\u{f0000}/>'),
  bad('unsupported-encoding', 'Latin-1', bytes('<a>\xe9</a>')),
  bad('unsupported-encoding', 'Latin-1 in a value', bytes(`<a b='\xe9'/>`)),
  bad('unsupported-encoding', 'Latin-1 in a name', bytes('<\xe9/>')),
  bad('unsupported-encoding', 'Latin-1 in CDATA', bytes('<a><![CDATA[\xe9]]></a>')),
  bad('unsupported-encoding', 'a continuation byte alone', bytes('<a>\x80</a>')),
  bad('unsupported-encoding', 'an overlong form of two bytes', bytes('<a>\xc0\xaf</a>')),
  bad('unsupported-encoding', 'an overlong form of three bytes', bytes('<a>\xe0\x80\xaf</a>')),
  bad('unsupported-encoding', 'an overlong form of four bytes', bytes('<a>\xf0\x80\x80\xaf</a>')),
  bad('unsupported-encoding', 'a surrogate', bytes('<a>\xed\xa0\x80</a>')),
  bad('unsupported-encoding', 'beyond Unicode', bytes('<a>\xf4\x90\x80\x80</a>')),
  bad('unsupported-encoding', 'five bytes', bytes('<a>\xf8\x88\x80\x80\x80</a>')),
  bad('unsupported-encoding', 'a cut character', bytes('<a>\xe2\x82</a>')),
  bad('unsupported-encoding', 'the byte 0xFF', bytes('<a>\xff</a>')),
  whole(bad('unsupported-encoding', 'UTF-16, big endian', bytes('\xfe\xff\x00<\x00a'))),
  whole(bad('unsupported-encoding', 'UTF-16, little endian', bytes('\xff\xfe<\x00a\x00'))),
  whole(bad('unsupported-encoding', 'UTF-16 without a mark', bytes('<\x00a\x00'))),
];

const header: readonly StreamCase[] = [
  whole(good('a header alone', HEADER)),
  whole(ended(good('an empty stream', '<a/>'))),
  whole(good('white space before the header', ` \n${HEADER}<b/>`, 'b')),
  whole(good('an XML declaration', `<?xml version='1.0'?>${HEADER}<b/>`, 'b')),
  whole(good('a full XML declaration', `<?xml  version = "1.0" encoding='utf-8' standalone="yes" ?>\n${HEADER}<b/>`, 'b')),
  whole(good('a byte order mark', `\ufeff<?xml version='1.0'?>${HEADER}<b/>`, 'b')),
  whole(malformed('two byte order marks', `\ufeff\ufeff${HEADER}`)),
  whole(malformed('a byte order mark after white space', ` \ufeff${HEADER}`)),
  whole(bad('restricted-xml', 'an XML declaration after white space', ` <?xml version='1.0'?>${HEADER}`)),
  whole(bad('unsupported-encoding', 'another encoding', `<?xml version='1.0' encoding='ISO-8859-1'?>${HEADER}`)),
  whole(bad('unsupported-encoding', 'UTF-16 declared', `<?xml version='1.0' encoding='UTF-16'?>${HEADER}`)),
  whole(malformed('another version', `<?xml version='1.1'?>${HEADER}`)),
  whole(malformed('no version', `<?xml encoding='UTF-8'?>${HEADER}`)),
  whole(malformed('an empty encoding', `<?xml version='1.0' encoding=''?>${HEADER}`)),
  whole(malformed('a wrong standalone', `<?xml version='1.0' standalone='maybe'?>${HEADER}`)),
  whole(malformed('an unknown field', `<?xml version='1.0' foo='bar'?>${HEADER}`)),
  whole(malformed('fields without space', `<?xml version='1.0'encoding='UTF-8'?>${HEADER}`)),
  whole(malformed('a field without quotes', `<?xml version=1.0?>${HEADER}`)),
  whole(malformed('a declaration without end', `<?xml version='1.0'${' '.repeat(300)}`)),
  whole(malformed('text first', 'GET / HTTP/1.1\r\n')),
  whole(malformed('an end tag first', '</a>')),
  whole(malformed('CDATA first', '<![CDATA[x]]><a>')),
  whole(malformed('an unbound prefix of the header', `<stream:stream xmlns='jabber:client'>`)),
  whole(malformed('an attribute twice in the header', `<a b='' b=''>`)),
];

const limits: readonly StreamCase[] = [
  limited({ maxBytes: 10 }, good('as many bytes as allowed', '<a>345</a> <b>345</b>', 'a', 'b')),
  limited({ maxBytes: 10 }, bad('policy-violation', 'a byte too many', '<a/><a>3456</a>', 'a')),
  limited({ maxBytes: 64 }, bad('policy-violation', 'text without end', `<a>${'x'.repeat(100)}`)),
  limited({ maxBytes: 64 }, bad('policy-violation', 'white space without end in a tag', `<a${' '.repeat(100)}`)),
  limited({ maxBytes: 64 }, bad('policy-violation', 'a value without end', `<a b='${'x'.repeat(100)}`)),
  limited({ maxBytes: 64 }, bad('policy-violation', 'characters without end', `<a>${'€'.repeat(50)}`)),
  limited({ maxBytes: 64 }, bad('policy-violation', 'a stream end without end', `</stream:stream${' '.repeat(100)}`)),
  limited({ maxBytes: 64 }, whole(bad('policy-violation', 'a header too long', `<a b='${'x'.repeat(100)}'>`))),
  limited({ maxBytes: 64 }, whole(good('white space without end', `${' '.repeat(300)}<a>${' '.repeat(300)}<b/>`, 'b'))),
  limited({ maxDepth: 3 }, good('as deep as allowed', '<a><b><c/></b></a>', 'a')),
  limited({ maxDepth: 3 }, bad('policy-violation', 'too deep', '<a><b><c><d/></c></b></a>')),
  limited({ maxAttributes: 2 }, good('as many attributes as allowed', `<a b='' c=''/>`, 'a')),
  limited({ maxAttributes: 2 }, bad('policy-violation', 'too many attributes', `<a b='' c='' d=''/>`)),
  limited({ maxAttributes: 1 }, bad('policy-violation', 'too many prefixes', `<a xmlns:p='u:1'><b xmlns:q='u:2'/></a>`)),
  limited({ maxElements: 3 }, good('as many elements as allowed', '<a><b/><b/></a><a><b/><b/></a>', 'a', 'a')),
  limited({ maxElements: 3 }, bad('policy-violation', 'too many elements', '<a><b/><b/><b/></a>')),
  limited({ maxNameBytes: 4 }, good('a name as long as allowed', `<abcd efgh=''/>`, 'abcd')),
  limited({ maxNameBytes: 4 }, bad('policy-violation', 'a name too long', '<abcde/>')),
  limited({ maxNameBytes: 4 }, bad('policy-violation', 'an attribute name too long', `<a bcdef=''/>`)),
];

export const STREAM_CASES: readonly StreamCase[] = [
  ...structure,
  ...attributes,
  ...namespaces,
  ...restricted,
  ...text,
  ...encoding,
  ...header,
  ...limits,
];
