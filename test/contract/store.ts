/** The contract of storage, run over every driver (store-*.test.ts) and in each state that data can be in: waiting, committed, reopened. */
import type { TestFn } from 'ava';
import { backups } from './store-backups.ts';
import { groups } from './store-groups.ts';
import { journals } from './store-journals.ts';
import { type InEachState, type It, STATES, type StoreDriverUnderTest, withPlace } from './store-kit.ts';
import { lifecycle } from './store-lifecycle.ts';
import { model } from './store-model.ts';
import { tables } from './store-tables.ts';

export const storeSuite = (test: TestFn, driver: StoreDriverUnderTest): void => {
  const it: It = (title, fn) => {
    test(`${driver.name}: ${title}`, (t) => withPlace(driver, (context) => fn(t, context)));
  };
  const inEachState: InEachState = (title, fn) => {
    for (const [state, settle] of STATES) it(`${title}, ${state}`, (t, context) => fn(t, context, settle));
  };
  tables(it, inEachState);
  journals(it, inEachState);
  groups(it);
  lifecycle(it);
  backups(it);
  model(it);
};
