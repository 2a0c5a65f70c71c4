import test from 'ava';
import { Element } from 'ltx';
import { parseDocument } from '#src/stanza/parse.ts';
import { escapeAttribute, escapeText, writeElement } from '#src/stanza/serialise.ts';
import { LIMITS } from '#test/vectors/xml/stream-cases.ts';

const parse = (text: string): Element => {
  const result = parseDocument(text, LIMITS);
  if (!('element' in result)) throw new Error(result.reason);
  return result.element;
};

test('text is escaped so that it comes back the same', (t) => {
  t.is(escapeText('plain é €'), 'plain é €');
  t.is(escapeText(`<a> & "b" 'c'\r\n\t`), `&lt;a&gt; &amp; "b" 'c'&#13;\n\t`);
  t.is(escapeText(''), '');
  t.is(escapeAttribute(`<a> & "b" 'c'\r\n\t`), '&lt;a&gt; &amp; &quot;b&quot; &apos;c&apos;&#13;&#10;&#9;');
});

test('characters that XML does not have become U+FFFD', (t) => {
  t.is(escapeText('a\u0000b\u000bc\u001f'), 'a\ufffdb\ufffdc\ufffd');
  t.is(escapeText('\ud800x\udc00\ufffe\uffff'), '\ufffdx\ufffd\ufffd\ufffd');
  t.is(escapeText('\ud83d'), '\ufffd');
  t.is(escapeText('\u{1f600}\ufffd\u{10ffff}'), '\u{1f600}\ufffd\u{10ffff}');
  t.is(escapeAttribute('\u0001\u{1f600}\udfff'), '\ufffd\u{1f600}\ufffd');
});

test('an element is written with all its attributes and children', (t) => {
  const element = new Element('iq', { id: 'a"b', type: 'get', none: undefined, nothing: null, count: 3 });
  element.c('query', { xmlns: 'u:1' }).t('<&>').c('empty');
  element.t('');
  t.is(
    writeElement(element),
    `<iq id='a&quot;b' type='get' count='3'><query xmlns='u:1'>&lt;&amp;&gt;<empty/></query></iq>`,
  );
});

test('what ltx drops or leaves as it is comes back', (t) => {
  const text = `<a __proto__='1' b='x&#10;y&#9;&#13;'>&#13;<c xmlns=''/></a>`;
  t.is(writeElement(parse(text)), text);
});

test('a part of a tree takes along the prefixes that it needs', (t) => {
  const root = parse(
    `<r xmlns:p='u:&quot;1' xmlns:q='u:2' xmlns:unused='u:3'><p:a q:b='c'><q:d p:e='' p:f=''/></p:a></r>`,
  );
  const [child] = root.getChildElements();
  if (child === undefined) throw new Error('no child');
  const text = writeElement(child);
  t.is(text, `<p:a xmlns:p='u:&quot;1' xmlns:q='u:2' q:b='c'><q:d p:e='' p:f=''/></p:a>`);
  t.is(parse(text).getNS(), 'u:"1');
  t.false(writeElement(root).includes(`xmlns:p='u:&quot;1' xmlns:p`));
});

test('a prefix that begins like a reserved one is a prefix like any other', (t) => {
  const [child] = parse(`<r xmlns:xmlfoo='u:1'><xmlfoo:a xml:lang='en'/></r>`).getChildElements();
  t.is(child && writeElement(child), `<xmlfoo:a xmlns:xmlfoo='u:1' xml:lang='en'/>`);
});

test('a part of a tree takes along its namespace where another one is in scope', (t) => {
  const root = parse(`<r xmlns='u:1'><a/><b xmlns='u:2'/></r>`);
  t.deepEqual(
    root.getChildElements().map((child) => writeElement(child, 'u:1')),
    ['<a/>', `<b xmlns='u:2'/>`],
  );
  t.deepEqual(
    root.getChildElements().map((child) => writeElement(child, 'u:3')),
    [`<a xmlns='u:1'/>`, `<b xmlns='u:2'/>`],
  );
  t.is(writeElement(new Element('x'), 'u:1'), '<x/>');
});

for (const name of ['', 'a b', '1a', 'a:', ':a', 'a:b:c', 'a><b', "a='", 'é×', '\ud800']) {
  test(`${JSON.stringify(name)} is no name to write`, (t) => {
    t.throws(() => writeElement(new Element(name)), { instanceOf: TypeError });
    t.throws(() => writeElement(new Element('a', { [name]: '1' })), { instanceOf: TypeError });
  });
}

test('names beyond ASCII are written', (t) => {
  t.is(writeElement(new Element('p:é\u{10000}', { ü: '1' })), `<p:é\u{10000} ü='1'/>`);
});
