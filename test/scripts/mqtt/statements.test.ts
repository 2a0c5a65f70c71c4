/** The table of statements is true: every statement that binds a server has a test, and the tests are where it says. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { MALFORMED } from '#test/vectors/mqtt/malformed.ts';
import { STATEMENTS, statementsOf } from '#test/vectors/mqtt/statements.ts';

/** Statements that 3.1.1 and 5 have, by the tables at the end of each. */
const COUNTS = { MQTT: 251, MQTT311: 141 };

/** The titles of the tests of a file, as they stand in it: `[MQTT-1.2.3-4, …] what it shows`. */
function shownBy(file: string): ReadonlySet<string> {
  if (file === 'malformed')
    return new Set(MALFORMED.flatMap(({ statement, version }) => statementsOf(statement, version)));
  const text = readFileSync(join(import.meta.dirname, `${file}.test.ts`), 'utf8');
  const titles = text.matchAll(/\b(?:both|five|four)\(\s*['"`]\[([^\]]+)\]/g);
  return new Set([...titles].flatMap(([, ids = '']) => ids.split(', ')));
}

const files = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith('.test.ts') && name !== 'statements.test.ts')
  .map((name) => name.slice(0, -'.test.ts'.length));
const shown = new Map(files.map((file) => [file, shownBy(file)]));

test('all statements are in the table, once', (t) => {
  const ids = STATEMENTS.map(([id]) => id);
  t.is(new Set(ids).size, ids.length);
  for (const [prefix, count] of Object.entries(COUNTS)) {
    t.is(ids.filter((id) => id.startsWith(`${prefix}-`)).length, count, prefix);
  }
});

test('the test of each is in the file that the table tells', (t) => {
  const wrong = STATEMENTS.filter(([id, , file]) => file !== undefined && shown.get(file)?.has(id) !== true);
  t.deepEqual(wrong, []);
});

test('what has no test has a reason', (t) => {
  t.deepEqual(
    STATEMENTS.filter(([, , file, reason]) => file === undefined && (reason ?? '').length < 5),
    [],
  );
});

test('tests name statements that there are', (t) => {
  const known = new Set(STATEMENTS.map(([id]) => id));
  const named = [...shown.values()].flatMap((ids) => Array.from(ids)).filter((id) => id.startsWith('MQTT'));
  t.deepEqual(
    named.filter((id) => !known.has(id)),
    [],
  );
});
