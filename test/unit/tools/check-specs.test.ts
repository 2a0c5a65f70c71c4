import test from 'ava';
import { type Declared, declarationProblems, fileProblems } from '#tools/check-specs.ts';

const ping: Declared = {
  document: 'XEP-0199',
  version: '2.0.1',
  title: 'XMPP Ping',
  status: 'complete',
  path: 'protocols/xmpp/modules/xep0199-ping.ts',
  plugin: 'ping',
};
const file = (header: string, path = ping.path) => ({ path, text: `/** ${header}. More. */\nexport {};\n` });

test("a XEP's file begins with number, title, version and status, and declares the same", (t) => {
  t.deepEqual(fileProblems(file('XEP-0199: XMPP Ping, version 2.0.1, Final'), [ping]), []);
  t.regex(
    fileProblems(file('XEP-0199: XMPP Ping, version 2.0, Final'), [ping]).join(),
    /header says XMPP Ping 2.0, declaration/,
  );
  t.regex(fileProblems(file('XEP-0198: XMPP Ping, version 2.0.1, Final'), [ping]).join(), /speaks of XEP-0198/);
  t.regex(fileProblems(file('XEP-0199 XMPP Ping 2.0.1'), [ping]).join(), /does not begin/);
  t.regex(fileProblems(file('XEP-0199: XMPP Ping, version 2.0.1, Final'), []).join(), /does not declare XEP-0199/);
  t.regex(fileProblems(file('', 'protocols/xmpp/modules/xep199-ping.ts'), [ping]).join(), /not named/);
  t.deepEqual(fileProblems(file('', 'protocols/xmpp/modules/rfc6121-roster.ts'), []), []);
});

test('declarations agree with each other', (t) => {
  t.deepEqual(declarationProblems([ping, { ...ping, path: 'elsewhere.ts' }]), []);
  t.regex(declarationProblems([ping, { ...ping, version: '2.1' }]).join(), /2\.1 here/);
  t.regex(
    declarationProblems([
      { ...ping, document: 'XEP 199' },
      { ...ping, document: 'xep-0199' },
    ]).join(),
    /not written as/,
  );
  t.regex(declarationProblems([{ ...ping, status: 'partial' }]).join(), /what is missing/);
  t.deepEqual(declarationProblems([{ ...ping, status: 'partial', note: 'no client side' }]), []);
});
