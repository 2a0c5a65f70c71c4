import test from 'ava';
import { Acl, type AclEntry, aclTable } from '#protocols/mqtt/acl.ts';
import { compileAccess } from '#src/accounts/access.ts';
import { openMemoryStore } from '#src/store/memory.ts';
import type { Store } from '#src/store/store.ts';

const juliet = { account: 'juliet', clientId: 'c1' };
const romeo = { account: 'romeo', clientId: 'c2' };
const nobody = { account: '', clientId: 'c3' };

function accessOf() {
  const compiled = compileAccess(
    { acl: { admins: { user: 'juliet' } }, access: {} },
    { isLocal: () => true, exists: () => true },
  );
  if ('problems' in compiled) throw new Error('bad rules');
  return compiled.access;
}

async function acl(entries: readonly AclEntry[], aclDefault = false, store?: Store) {
  const settings = { acl: entries, aclDefault };
  let changes = 0;
  const list = new Acl({
    domain: 'localhost',
    table: aclTable(store ?? (await openMemoryStore())),
    settings: () => settings,
    access: accessOf,
    changed: () => (changes += 1),
  });
  const may = (who: typeof juliet, action: 'publish' | 'subscribe', topic: string): boolean => {
    const view = list.viewOf(who, undefined);
    return action === 'publish' ? list.mayPublish(view, topic) : list.maySubscribe(view, topic);
  };
  return { list, may, changes: () => changes };
}

const entry = (who: string, action: AclEntry['action'], filter: string, allow = true): AclEntry => ({
  who,
  action,
  filter,
  allow,
});

test('names fill in the filter, and never with wildcards or levels', async (t) => {
  const { may } = await acl([entry('*', 'all', '%d/%u/%c/#')]);
  t.true(may(juliet, 'publish', 'localhost/juliet/c1/x'));
  t.true(may(juliet, 'subscribe', 'localhost/juliet/c1/#'));
  t.false(may(romeo, 'publish', 'localhost/juliet/c1/x'));
  t.false(may({ account: 'juliet', clientId: '+' }, 'subscribe', 'localhost/juliet/+/x'));
  t.false(may({ account: 'juliet', clientId: 'c1/x' }, 'publish', 'localhost/juliet/c1/x/y'));
  t.false(may(nobody, 'publish', 'localhost//c3/x'));
});

test('%g stands for each group of the settings that the client is in, and for none that is built in', async (t) => {
  const { may } = await acl([entry('*', 'all', 'groups/%g/#')]);
  t.true(may(juliet, 'publish', 'groups/admins/x'));
  t.false(may(romeo, 'publish', 'groups/admins/x'));
  t.false(may(juliet, 'publish', 'groups/all/x'));
  t.false(may(juliet, 'subscribe', 'groups/+/x'));
});

test('publish and subscribe are apart, and the first entry that fits decides', async (t) => {
  const { may } = await acl([
    entry('juliet', 'publish', 'a/b', false),
    entry('*', 'publish', 'a/#'),
    entry('*', 'subscribe', 'b'),
  ]);
  t.false(may(juliet, 'publish', 'a/b'));
  t.true(may(romeo, 'publish', 'a/b'));
  t.false(may(romeo, 'subscribe', 'a/b'));
  t.true(may(romeo, 'subscribe', 'b'));
  t.true(may(romeo, 'subscribe', '$share/g/b'));
});

test('a filter is allowed as a whole: more than an entry allows, or some of what one denies, is refused', async (t) => {
  const { may } = await acl([entry('*', 'subscribe', 'secret/#', false), entry('*', 'subscribe', '#')]);
  t.true(may(juliet, 'subscribe', 'open/#'));
  t.false(may(juliet, 'subscribe', '#'));
  t.false(may(juliet, 'subscribe', '+/x'));
  t.false(may(juliet, 'subscribe', 'secret'));
  const { may: narrow } = await acl([entry('*', 'subscribe', 'a/+')]);
  t.true(narrow(juliet, 'subscribe', 'a/b'));
  t.false(narrow(juliet, 'subscribe', 'a/#'));
  t.false(narrow(juliet, 'subscribe', '$SYS/#'));
});

test('whom an entry is about: patterns, addresses, lists, anonymous clients', async (t) => {
  const { may } = await acl([
    entry('jul*', 'publish', '1'),
    entry('juliet@localhost', 'publish', '2'),
    entry('juliet@elsewhere', 'publish', '3'),
    entry('acl:admins', 'publish', '4'),
    entry('anonymous', 'publish', '5'),
  ]);
  const topics = ['1', '2', '3', '4', '5'];
  t.deepEqual(
    topics.filter((topic) => may(juliet, 'publish', topic)),
    ['1', '2', '4'],
  );
  t.deepEqual(
    topics.filter((topic) => may(romeo, 'publish', topic)),
    [],
  );
  t.deepEqual(
    topics.filter((topic) => may(nobody, 'publish', topic)),
    ['5'],
  );
});

test('entries of commands come first, hold at once, and outlive the process', async (t) => {
  const store = await openMemoryStore();
  const { changes, list, may } = await acl([entry('*', 'all', 'x')], false, store);
  const view = list.viewOf(juliet, undefined);
  t.is(list.viewOf(juliet, view), view);
  const id = list.add(entry('juliet', 'publish', 'x', false));
  t.is(changes(), 1);
  t.not(list.viewOf(juliet, view), view);
  t.false(may(juliet, 'publish', 'x'));
  t.deepEqual(
    list.list().map((each) => each.id),
    [id, 'settings'],
  );
  await store.barrier();
  t.true(list.delete(id));
  t.false(list.delete(id));
  t.true(may(juliet, 'publish', 'x'));
});
