/** The rosters as the store keeps them; what clients see is tested with the module. */
import test from 'ava';
import type { RosterChange, RosterItem } from '#src/im/roster.ts';
import { Rosters } from '#src/im/roster.ts';
import {
  asks,
  awaitsApproval,
  seesPresence,
  sharesPresence,
  subscriptionOf,
  subscriptionStates,
} from '#src/im/subscription.ts';
import { MemoryData, openMemoryStore } from '#src/store/memory.ts';
import { jid } from '#test/helpers/xml.ts';

const JULIET = jid('juliet@capulet.lit');
const item = (contact: string, more: Partial<RosterItem> = {}): RosterItem => ({
  jid: contact,
  groups: [],
  state: 'none',
  listed: true,
  ...more,
});

async function rosters(limit = 10, data = new MemoryData()) {
  const store = await openMemoryStore({}, data);
  const changes: RosterChange[] = [];
  return {
    store,
    changes,
    roster: new Rosters(store, { roster_items: () => limit }, (change) => changes.push(change)),
  };
}

test('a change raises the version by one, and is told with it', async (t) => {
  const { changes, roster } = await rosters();
  t.deepEqual(roster.of(JULIET), { version: 0, items: Object.create(null) as Record<string, RosterItem> });
  roster.put(JULIET, item('a@b'));
  roster.put(JULIET, item('a@b', { name: 'A' }));
  roster.remove(JULIET, 'a@b');
  t.is(roster.remove(JULIET, 'a@b'), undefined);
  t.deepEqual(
    changes.map(({ item: { name }, removed, version }) => [version, name, removed]),
    [
      [1, undefined, false],
      [2, 'A', false],
      [3, 'A', true],
    ],
  );
  t.is(roster.of(JULIET).version, 3);
});

test('what the user cannot see is no change', async (t) => {
  const { changes, roster } = await rosters();
  roster.put(JULIET, item('a@b', { state: 'none+in', listed: false }));
  roster.remove(JULIET, 'a@b');
  t.deepEqual([changes, roster.of(JULIET).version], [[], 0]);
});

test('a full roster takes no new contact', async (t) => {
  const { roster } = await rosters(1);
  t.is(roster.put(JULIET, item('a@b')), undefined);
  t.is(roster.put(JULIET, item('c@d'))?.condition, 'resource-constraint');
  t.is(roster.put(JULIET, item('a@b', { name: 'A' })), undefined);
});

test('names that mean something to the language are names', async (t) => {
  const data = new MemoryData();
  const one = await rosters(10, data);
  for (const name of ['__proto__', 'constructor', 'toString']) one.roster.put(JULIET, item(name));
  await one.store.close();
  const { roster } = await rosters(10, data);
  t.deepEqual(Object.keys(roster.of(JULIET).items).toSorted(), ['__proto__', 'constructor', 'toString']);
  t.is(roster.item(JULIET, jid('valueof')), undefined);
});

test('a roster is found again when the server has been restarted', async (t) => {
  const data = new MemoryData();
  const one = await rosters(10, data);
  one.roster.put(JULIET, item('a@b', { name: 'A', groups: ['x', 'y'], state: 'both', approved: true }));
  await one.store.close();
  const { roster } = await rosters(10, data);
  t.deepEqual(
    roster.item(JULIET, jid('a@b/x')),
    item('a@b', { name: 'A', groups: ['x', 'y'], state: 'both', approved: true }),
  );
  t.deepEqual(roster.contacts(JULIET, sharesPresence), ['a@b']);
  roster.drop('capulet.lit', 'juliet');
  t.deepEqual(Object.keys(roster.of(JULIET).items), []);
});

test('the parsed rosters that are kept have a bound, and none is lost by it', async (t) => {
  const { roster } = await rosters();
  for (let account = 0; account < 1100; account += 1)
    roster.put(jid(`u${account}@capulet.lit`), item('a@b', { name: String(account) }));
  t.is(roster.item(jid('u0@capulet.lit'), jid('a@b'))?.name, '0');
  t.is(roster.item(jid('u1099@capulet.lit'), jid('a@b'))?.name, '1099');
});

test('what the states mean (Appendix A.1)', (t) => {
  t.deepEqual(
    subscriptionStates.map((state) => [
      subscriptionOf(state),
      seesPresence(state),
      sharesPresence(state),
      asks(state),
      awaitsApproval(state),
    ]),
    [
      ['none', false, false, false, false],
      ['none', false, false, true, false],
      ['none', false, false, false, true],
      ['none', false, false, true, true],
      ['to', true, false, false, false],
      ['to', true, false, false, true],
      ['from', false, true, false, false],
      ['from', false, true, true, false],
      ['both', true, true, false, false],
    ],
  );
});
