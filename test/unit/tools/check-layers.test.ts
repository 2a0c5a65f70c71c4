import test from 'ava';
import { importsOf, namesFrontEnd, problemOf } from '#tools/check-layers.ts';

const problem = (from: string, to: string): string | undefined => problemOf({ from, to, line: 1 });

test('finds every form of import, and none in comments or strings', (t) => {
  const text = [
    "import type { Jid } from '#src/address/jid.ts';",
    "import './side.ts';",
    "export * from '../up.ts';",
    "const late = await import('#protocols/xmpp/index.ts');",
    "import { z } from 'zod/v4';",
    "import c from '@scope/pack/deep';",
    "import { createServer } from 'net';",
    "// import 'commented';",
    'const text = "import \'quoted\'";',
  ].join('\n');
  t.deepEqual(
    importsOf({ path: 'src/im/a.ts', text }).map(({ to, line }) => [line, to]),
    [
      [1, 'src/address/jid.ts'],
      [2, 'src/im/side.ts'],
      [3, 'src/up.ts'],
      [4, 'protocols/xmpp/index.ts'],
      [5, 'zod'],
      [6, '@scope/pack'],
      [7, 'node:net'],
    ],
  );
});

test('imports go down', (t) => {
  t.is(problem('src/router/router.ts', 'src/stanza/stanza.ts'), undefined);
  t.is(problem('src/server.ts', 'protocols/xmpp/index.ts'), undefined);
  t.is(problem('bridges/sip-xmpp/index.ts', 'protocols/sip/index.ts'), undefined);
  t.regex(problem('src/stanza/stanza.ts', 'src/router/router.ts') ?? '', /layer above/);
  t.regex(problem('src/im/roster.ts', 'protocols/xmpp/index.ts') ?? '', /layer above/);
  t.regex(problem('protocols/xmpp/index.ts', 'bridges/sip-xmpp/index.ts') ?? '', /layer above/);
  t.regex(problem('src/unknown/a.ts', 'src/stanza/stanza.ts') ?? '', /no layer/);
  t.regex(problem('src/im/roster.ts', 'test/helper.ts') ?? '', /does not import/);
});

test('front ends do not import each other, save where the table says so', (t) => {
  t.is(problem('protocols/xmpp/muc/room.ts', 'protocols/xmpp/stream/bind.ts'), undefined);
  t.is(problem('protocols/turn/server.ts', 'protocols/stun/message.ts'), undefined);
  t.regex(problem('protocols/stun/message.ts', 'protocols/turn/server.ts') ?? '', /another front end/);
  t.regex(problem('protocols/mqtt/session.ts', 'protocols/xmpp/index.ts') ?? '', /another front end/);
});

test('sockets belong to src/net, LevelDB to src/store', (t) => {
  t.is(problem('src/net/listeners.ts', 'node:net'), undefined);
  t.regex(problem('protocols/sip/transport/udp.ts', 'node:dgram') ?? '', /only src\/net may import node:dgram/);
  t.regex(problem('src/im/archive.ts', 'classic-level') ?? '', /only src\/store/);
});

test('a front end is named by an identifier, a whole string or the file, not inside another word or a namespace', (t) => {
  const named = (text: string, path = 'src/im/a.ts'): number => namesFrontEnd({ path, text }).length;
  t.is(named('const xmppPort = 1'), 1);
  t.is(named('class SIPServer {}'), 1);
  t.is(named("if (session.protocol === 'mqtt') x()"), 1);
  t.is(named('', 'src/im/xmpp-roster.ts'), 1);
  t.is(named("const gossip = 'urn:ietf:params:xml:ns:xmpp-stanzas' // xmpp"), 0);
});
