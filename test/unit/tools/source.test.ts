import test from 'ava';
import { tokens } from '#tools/source.ts';

const words = (text: string): string =>
  tokens(text)
    .map(({ kind, text: word }) => (kind === 'string' ? `<${word}>` : word))
    .join(' ');

test('comments are left out, strings lose their quotes', (t) => {
  t.is(words("const a = 'it\\'s'; // not 'this'\n/* nor \"this\" */ b(\"x\")"), "const a = <it\\'s> ; b ( <x> )");
});

test('a regular expression hides its quotes; a division is no regular expression', (t) => {
  t.is(words("x = /['\"/]/g.test(y) ? a / b / 'c' : 1"), 'x = <> . test ( y ) ? a / b / <c> : 1');
  t.is(words("return /'/.test(z)"), 'return <> . test ( z )');
});

test('code inside a template is read, nested templates too', (t) => {
  t.is(words('`a${b({ c: `d${e}` })}f` + g'), '<a> b ( { c : <d> e <> } ) <f> + g');
});

test('lines are counted through comments and templates', (t) => {
  t.deepEqual(
    tokens('/*\n*/ a\n`\n\n` b').map(({ line }) => line),
    [2, 5, 5],
  );
});
