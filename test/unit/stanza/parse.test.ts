import { Buffer } from 'node:buffer';
import test from 'ava';
import { Element } from 'ltx';
import { buildRoot, parseContent, parseDocument } from '#src/stanza/parse.ts';
import { LIMITS } from '#test/vectors/xml/stream-cases.ts';

const documentOf = (text: string | Buffer): Element => {
  const result = parseDocument(text, LIMITS);
  if (!('element' in result)) throw new Error(result.reason);
  return result.element;
};

test('content becomes elements and text in order', (t) => {
  const nodes = parseContent(Buffer.from(`a&amp;b<body>hi</body> <x xmlns='u:1'><y/></x>`), 'jabber:client', '');
  t.is(nodes.length, 4);
  const [text, body, space, x] = nodes;
  t.is(text, 'a&b');
  t.is(space, ' ');
  if (!(body instanceof Element) || !(x instanceof Element)) throw new Error('not elements');
  t.is(body.getText(), 'hi');
  t.is(body.getNS(), 'jabber:client');
  t.is(x.getChild('y', 'u:1')?.getNS(), 'u:1');
});

test('declarations around the content bind its prefixes', (t) => {
  const [node] = parseContent(Buffer.from('<p:a/>'), '', ` xmlns:p='u:&quot;1'`);
  t.is((node as Element).getNS(), 'u:"1');
  t.is((node as Element).is('a', 'u:"1'), true);
});

test('text, CDATA and references join into one text', (t) => {
  t.deepEqual(documentOf('<a>1<![CDATA[<2>&amp;]]>3&#x34;</a>').children, ['1<2>&amp;34']);
});

test('line ends are normalised, those written as references kept', (t) => {
  t.is(documentOf('<a>1\r\n2\r3\n4&#13;<![CDATA[\r\n]]></a>').getText(), '1\n2\n3\n4\r\n');
  t.is(documentOf(`<a b='1\r\n2\r3\n4\t5&#10;&#9;'/>`).attrs['b'], '1 2 3 4 5\n\t');
});

test('an attribute may have any name', (t) => {
  const { attrs } = documentOf(`<a __proto__='1' constructor='2' xml:lang='en'/>`);
  t.deepEqual(Object.entries(attrs), [
    ['__proto__', '1'],
    ['constructor', '2'],
    ['xml:lang', 'en'],
  ]);
  t.is(Object.getPrototypeOf(attrs), Object.prototype);
});

test('the default namespace can be undeclared', (t) => {
  const element = documentOf(`<a xmlns='u:1'><b xmlns=''><c/></b></a>`);
  t.is(element.getChild('b', 'u:1'), undefined);
  t.is(element.getChild('b')?.getChild('c')?.getNS(), '');
});

test('the prefix xml is bound without a declaration', (t) => {
  t.is(documentOf('<xml:a/>').getNS(), 'http://www.w3.org/XML/1998/namespace');
});

test('a stanza is built with its attributes and namespace', (t) => {
  const root = buildRoot(
    'message',
    new Map([
      ['to', 'a&b'],
      ['xml:lang', 'en'],
    ]),
    Buffer.from('<body>é</body>'),
    '',
  );
  t.is(root.getNS(), 'jabber:client');
  t.is(root.attrs['to'], 'a&b');
  t.is(root.getChildText('body', 'jabber:client'), 'é');
  t.is(root.getChild('body')?.parent, root);
});

test('a stanza without content has no children', (t) => {
  t.deepEqual(buildRoot('presence', [], Buffer.alloc(0), '').children, []);
});

test('deep content needs no stack', (t) => {
  const depth = 50_000;
  const [node] = parseContent(Buffer.from('<a>'.repeat(depth) + '</a>'.repeat(depth)), '', '');
  let levels = 0;
  for (let at: unknown = node; at instanceof Element; at = at.children[0]) levels++;
  t.is(levels, depth);
});

test('a document says why it is refused', (t) => {
  t.like(parseDocument('<a>', LIMITS), { fault: 'not-well-formed' });
  t.like(parseDocument('<a>&x;</a>', LIMITS), { fault: 'restricted-xml' });
  t.like(parseDocument('<a/><b/>', LIMITS), { fault: 'not-well-formed' });
  t.like(parseDocument('', LIMITS), { fault: 'not-well-formed' });
  t.like(parseDocument(Buffer.from([0x3c, 0x61, 0xff]), LIMITS), { fault: 'unsupported-encoding' });
  t.like(parseDocument(`<a>${'x'.repeat(5000)}</a>`, LIMITS), { fault: 'policy-violation' });
});
