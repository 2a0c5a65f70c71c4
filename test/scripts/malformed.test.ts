/** Malformed input over real sockets: each case gets the error of its RFC, and none of them harms the server. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import type { Element } from 'ltx';
import { ScriptClient } from './client.ts';
import { CASES } from './malformed-cases.ts';
import type { Answer, Case } from './malformed-xml.ts';
import { ScriptServer } from './server.ts';

const ROOT =
  "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const STANZA_ERRORS = 'urn:ietf:params:xml:ns:xmpp-stanzas';

const server = new ScriptServer(`
limits: { connections: { per_ip: 5000 } }
`);

test.before(async () => {
  await server.start();
  await server.register('romeo@localhost', 'secret');
});
test.after.always(() => server.remove());

/** A client that has come as far as the case wants. */
async function arrive({ stage }: Case): Promise<ScriptClient> {
  const client = await ScriptClient.dial('romeo', { port: server.port('c2s') });
  if (stage === 'connected') return client;
  if (stage === 'opened') {
    await client.open(ROOT);
    await client.next();
    return client;
  }
  await client.authenticate('romeo', 'secret');
  if (stage === 'bound') await client.bind('');
  return client;
}

/** What the server answers, in the words of the table. */
async function answerTo(one: Case): Promise<Answer> {
  const client = await arrive(one);
  try {
    client.send(one.bytes);
    if (one.answer === 'nothing') {
      await client.settle();
      return client.received.length === 0 ? 'nothing' : { stanza: String(client.received) };
    }
    const element = await client.nextOrEnd();
    if (element === undefined) return 'closed';
    // Stream management is enabled before it is misused.
    const answer = element.is('enabled') ? await client.next() : element;
    if (answer.is('error', 'http://etherx.jabber.org/streams')) await client.closed();
    else if (one.stage !== 'opened') await client.settle();
    return read(answer);
  } finally {
    client.break();
  }
}

function read(element: Element): Answer {
  const [first] = element.getChildElements();
  if (element.is('error', 'http://etherx.jabber.org/streams')) return { stream: first?.getName() ?? '' };
  if (element.is('failure')) return { sasl: first?.getName() ?? '' };
  const condition = first?.getChildElements().find((child) => child.getNS() === STANZA_ERRORS);
  return { stanza: `${String(first?.attrs['type'])} ${condition?.getName() ?? ''}` };
}

test('there are more than 60 cases, each with a name of its own', (t) => {
  t.true(CASES.length > 60);
  t.is(new Set(CASES.map(({ name, stage }) => `${stage} ${name}`)).size, CASES.length);
});

for (const one of CASES) {
  test.serial(`${one.stage}: ${one.name}`, async (t) => {
    t.deepEqual(await answerTo(one), one.answer);
  });
}

test.serial('behind all of that the server serves a login and a message', async (t) => {
  const romeo = await ScriptClient.dial('romeo', { port: server.port('c2s') });
  await romeo.authenticate('romeo', 'secret');
  await romeo.bind('orchard');
  romeo.send("<presence/><message to='romeo@localhost' id='m'><body>still here</body></message>");
  await romeo.next();
  t.is((await romeo.next()).attrs['id'], 'm');
  romeo.end();
  await romeo.closed();
  t.is(server.server.registry.size, 0, 'no session is left');
});

/** Bytes in use when everything that can be freed has been. */
function memory(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const { arrayBuffers, external, heapUsed } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

test.serial('a thousand broken connections leave nothing behind', async (t) => {
  t.timeout(120_000);
  const cases = CASES.filter(({ stage }) => stage === 'connected' || stage === 'opened');
  const round = async (): Promise<void> => {
    await Promise.all(cases.map((one) => answerTo(one)));
  };
  await round();
  const before = memory();
  for (let rounds = 0; rounds * cases.length < 1000; rounds += 1) await round();
  const kept = memory() - before;
  t.true(kept < 8 * 1024 * 1024, `${kept} bytes more than before`);
});
