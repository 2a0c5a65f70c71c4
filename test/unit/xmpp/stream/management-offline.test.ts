/** A store that holds more than a session may be sent at once: what comes meanwhile waits behind it (RFC 6120 section 10.1). */
import test from 'ava';
import { jid, stanza } from '#test/helpers/xml.ts';
import { chat, ManagedClient, ManagedServer } from './managed-client.ts';

const JULIET = 'juliet@capulet.lit';
const QUEUE = 16;
const STORED = 40;

const numbers = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from + 1 }, (_, n) => `m${from + n}`);

/** Juliet comes to forty stored messages, of which she is sent some before she has to acknowledge. */
async function full(): Promise<{ server: ManagedServer; romeo: ManagedClient; juliet: ManagedClient }> {
  const server = await ManagedServer.open({ queue: QUEUE });
  const romeo = await server.login('romeo@capulet.lit/orchard');
  for (const text of numbers(1, STORED)) romeo.send(chat(JULIET, text));
  await server.settled();
  const juliet = new ManagedClient(server, `${JULIET}/balcony`);
  juliet.bind();
  await juliet.enable();
  juliet.send('<presence/>');
  await server.settled();
  return { server, romeo, juliet };
}

/** Reads and acknowledges until nothing more comes. */
async function readAll(juliet: ManagedClient): Promise<readonly string[]> {
  const read: string[] = [];
  for (;;) {
    const some = juliet.bodies();
    read.push(...some);
    juliet.acknowledge();
    await juliet.server.settled();
    if (some.length === 0) return read;
  }
}

for (const [what, to, type] of [
  ['to the account', JULIET, 'chat'],
  ['to the device', `${JULIET}/balcony`, 'chat'],
  ['of type normal', `${JULIET}/balcony`, 'normal'],
] as const) {
  test(`messages ${what} wait behind those that are stored`, async (t) => {
    const { juliet, romeo, server } = await full();
    await using _ = server;
    for (const text of numbers(STORED + 1, STORED + 4)) romeo.send(chat(to, text, type));
    await server.settled();
    t.deepEqual(
      romeo.take().filter((xml) => xml.startsWith('<message')),
      [],
    );
    t.deepEqual(await readAll(juliet), numbers(1, STORED + 4));
    romeo.send(chat(to, 'last', type));
    await server.settled();
    t.deepEqual(juliet.bodies(), ['last']);
    t.is(server.xmpp.core.im.offline.count(jid(JULIET)), 0);
  });
}

test('what is not to be stored does not wait', async (t) => {
  const { juliet, romeo, server } = await full();
  await using _ = server;
  juliet.take();
  romeo.send(`<message to='${JULIET}' type='chat'><body>now</body><no-store xmlns='urn:xmpp:hints'/></message>`);
  romeo.send(`<message to='${JULIET}/balcony' type='headline'><body>news</body></message>`);
  await server.settled();
  t.deepEqual(juliet.bodies(), ['now', 'news']);
});

test('a store without room refuses nobody who writes to a session', async (t) => {
  const { juliet, romeo, server } = await full();
  await using _ = server;
  for (const text of numbers(1, 1000)) server.xmpp.core.im.offline.store(stanza(chat(JULIET, text)));
  t.is(server.xmpp.core.im.offline.count(jid(JULIET)), 1000);
  juliet.take();
  romeo.send(chat(JULIET, 'one more'));
  await server.settled();
  t.deepEqual(juliet.bodies(), ['one more']);
});

for (const end of ['dropped', 'killed', 'restarted'] as const) {
  test(`${end} on the way: the rest comes in order, and once`, async (t) => {
    const { juliet, romeo, server } = await full();
    const read = [...juliet.bodies()];
    t.true(read.length > 0 && read.length < STORED);
    romeo.send(chat(JULIET, 'm41'));
    await server.settled();
    if (end === 'dropped') juliet.drop();
    await using next = end === 'dropped' ? server : await server[end]();
    const writer = new ManagedClient(next, 'romeo@capulet.lit/hall');
    writer.bind();
    writer.send(chat(JULIET, 'm42'));
    await next.settled();
    // All that was sent has arrived, so nothing is left for her to acknowledge.
    t.regex(await juliet.resume(next), /^<resumed/);
    await next.settled();
    read.push(...(await readAll(juliet)));
    t.deepEqual(read, numbers(1, STORED + 2));
    writer.send(chat(`${JULIET}/balcony`, 'last'));
    await next.settled();
    t.deepEqual(juliet.bodies(), ['last']);
    if (end === 'killed') await server[Symbol.asyncDispose]();
  });
}
