/** RFC 6121 section 8.5.4 over the wire: "Table 1: Message Delivery Rules", cell by cell. */
import test from 'ava';
import { Jid } from '#src/address/jid.ts';
import { ScriptClient } from './client.ts';
import { ScriptServer } from './server.ts';

/**
 * The table as it is printed: stored offline (O), bounced with an error (E), silently ignored (S), delivered to the resource (D), to the
 * most available ones (M), to all that are not negative (A); '/' is "exclusive or". The asterisk forbids A for chat.
 */
const TABLE = `
 | ACCOUNT DOES NOT EXIST                                   |
 |  bare            |  S/E   |  S/E  |     E     |    S     |
 |  full            |  S/E   |  S/E  |    S/E    |   S/E    |
 | ACCOUNT EXISTS, BUT NO ACTIVE RESOURCES                  |
 |  bare            |  O/E   |  O/E  |     E     |    S     |
 |  full (no match) |  S/E   |  O/E  |    S/E    |   S/E    |
 | 1+ NEGATIVE RESOURCES BUT ZERO NON-NEGATIVE RESOURCES    |
 |  bare            |  O/E   |  O/E  |     E     |    S     |
 |  full match      |   D    |   D   |     D     |    D     |
 |  full no match   |  S/E   |  O/E  |    S/E    |   S/E    |
 | 1 NON-NEGATIVE RESOURCE                                  |
 |  bare            |   D    |   D   |     E     |    D     |
 |  full match      |   D    |   D   |     D     |    D     |
 |  full no match   |  S/E   |   D   |    S/E    |   S/E    |
 | 1+ NON-NEGATIVE RESOURCES                                |
 |  bare            |  M/A   |  M/A* |     E     |    A     |
 |  full match      |   D    |  D/A* |     D     |    D     |
 |  full no match   |  S/E   |  M/A* |    S/E    |   S/E    |`;

const TYPES = ['normal', 'chat', 'groupchat', 'headline'] as const;

/** Who stands for a condition: an account, and its resources with their priorities. */
const CONDITIONS: Readonly<
  Record<string, { readonly account: string; readonly resources: Readonly<Record<string, number>> }>
> = {
  'ACCOUNT DOES NOT EXIST': { account: 'nobody', resources: {} },
  'ACCOUNT EXISTS, BUT NO ACTIVE RESOURCES': { account: 'nurse', resources: {} },
  '1+ NEGATIVE RESOURCES BUT ZERO NON-NEGATIVE RESOURCES': { account: 'paris', resources: { match: -1 } },
  '1 NON-NEGATIVE RESOURCE': { account: 'tybalt', resources: { match: 0 } },
  '1+ NON-NEGATIVE RESOURCES': { account: 'juliet', resources: { match: 1, high: 5, equal: 5, negative: -1 } },
};

/** Names of the resources that have to get a message under D, M and A. */
const TAKERS: Readonly<Record<string, readonly string[]>> = {
  D: ['match'],
  M: ['equal', 'high'],
  A: ['equal', 'high', 'match'],
};

const server = new ScriptServer('');
const clients = new Map<string, ScriptClient>();

async function connect(account: string, resource: string): Promise<ScriptClient> {
  const client = await ScriptClient.dial(`${account}/${resource}`, { port: server.port('c2s') });
  clients.set(client.name, client);
  await client.authenticate(account, 'secret');
  await client.bind(resource);
  return client;
}

test.before(async () => {
  await server.start();
  await server.register('romeo@localhost', 'secret');
  await connect('romeo', 'orchard');
  for (const { account, resources } of Object.values(CONDITIONS)) {
    if (account !== 'nobody') await server.register(`${account}@localhost`, 'secret');
    for (const [resource, priority] of Object.entries(resources)) {
      const client = await connect(account, resource);
      client.send(`<presence><priority>${priority}</priority></presence>`);
      await client.settle();
    }
  }
  for (const client of clients.values()) await client.settle();
  for (const client of clients.values()) client.received.length = 0;
});

test.after.always(async () => {
  for (const client of clients.values()) client.break();
  await server.remove();
});

/** What became of a message from romeo, in the letters of the table; resources that were not meant to get it spoil it. */
async function fate(to: string, type: string): Promise<string> {
  const romeo = clients.get('romeo/orchard');
  const account = Jid.parse(to)?.asBare();
  if (romeo === undefined || account === undefined) throw new Error(`${to} is no address`);
  const waiting = server.server.im.offline.count(account);
  romeo.send(`<message to='${to}' type='${type}' id='m'><body>hello</body></message>`);
  await romeo.settle();
  const takers: string[] = [];
  for (const [name, client] of clients) {
    if (client === romeo) continue;
    await client.settle();
    for (const { attrs } of client.received.splice(0))
      takers.push(attrs['id'] === 'm' ? (name.split('/')[1] ?? '') : 'wrong');
  }
  const errors = romeo.received.splice(0).map(({ attrs, children }) => `${String(attrs['type'])} ${String(children)}`);
  if (server.server.im.offline.count(account) > waiting) takers.push('offline');
  if (errors.length > 0)
    return errors.every((text) => text.includes('<service-unavailable')) && takers.length === 0
      ? 'E'
      : `${errors.join()} and ${takers.join()}`;
  if (takers.length === 0) return 'S';
  if (takers.join() === 'offline') return 'O';
  const letters = Object.keys(TAKERS).filter((letter) => TAKERS[letter]?.join() === takers.toSorted().join());
  return letters.join('') || takers.join();
}

let condition = '';
for (const line of TABLE.trim().split('\n')) {
  const [, head = '', ...cells] = line.split('|').map((cell) => cell.trim());
  if (CONDITIONS[head] !== undefined) {
    condition = head;
    continue;
  }
  const { account = '' } = CONDITIONS[condition] ?? {};
  const resource = head === 'bare' ? '' : head === 'full match' ? '/match' : '/nowhere';
  for (const [column, type] of TYPES.entries()) {
    const cell = cells[column] ?? '';
    const allowed = cell.endsWith('*') ? cell.replace('/A*', '') : cell;
    test.serial(`${condition}, ${head}, ${type}: ${cell}`, async (t) => {
      const became = await fate(`${account}@localhost${resource}`, type);
      t.true(allowed.split('/').includes(became), `${became} is not in ${allowed}`);
    });
  }
}

test.serial('section 8.5.1: nothing but an offline store tells an account from none', async (t) => {
  for (const type of TYPES) {
    for (const resource of ['', '/nowhere']) {
      const nobody = await fate(`nobody@localhost${resource}`, type);
      const absent = await fate(`nurse@localhost${resource}`, type);
      if (absent !== 'O') t.is(nobody, absent, `${type} to ${resource}`);
    }
  }
});
