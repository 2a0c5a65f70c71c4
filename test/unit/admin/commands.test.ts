import test from 'ava';
import {
  type Argument,
  CommandError,
  Commands,
  defineCommand,
  readNamed,
  readPositional,
} from '#src/admin/commands.ts';
import { commands, World } from './fixture.ts';

const declared: readonly Argument[] = [
  { name: 'user', type: 'string', description: '' },
  { name: 'groups', type: 'list', description: '' },
  { name: 'days', type: 'integer', description: '', default: 7 },
];

const good: readonly (readonly [given: readonly unknown[], read: object])[] = [
  [['juliet', 'a;b'], { user: 'juliet', groups: ['a', 'b'], days: 7 }],
  [['juliet', '', '0'], { user: 'juliet', groups: [], days: 0 }],
  [['', ['a', 'b;c'], -3], { user: '', groups: ['a', 'b;c'], days: -3 }],
];

for (const [given, read] of good) {
  test(`arguments by position: ${JSON.stringify(given)}`, (t) => {
    t.deepEqual({ ...readPositional(declared, given) }, read);
  });
}

const bad: readonly (readonly [given: readonly unknown[], error: string])[] = [
  [['juliet'], 'the argument groups is missing'],
  [['juliet', 'a', '1', 'x'], 'takes 3 arguments, 4 are given'],
  [[1, 'a'], 'the argument user is not text'],
  [[null, 'a'], 'the argument user is missing'],
  [['juliet', 5], 'the argument groups is not a list of texts'],
  [['juliet', [1]], 'the argument groups is not a list of texts'],
  [['juliet', 'a', 'x'], 'the argument days is not a whole number'],
  [['juliet', 'a', '1.5'], 'the argument days is not a whole number'],
  [['juliet', 'a', ''], 'the argument days is not a whole number'],
  [['juliet', 'a', ' '], 'the argument days is not a whole number'],
  [['juliet', 'a', '9007199254740992'], 'the argument days is not a whole number'],
  [['juliet', 'a', true], 'the argument days is not a whole number'],
];

for (const [given, error] of bad) {
  test(`arguments by position are refused: ${JSON.stringify(given)}`, (t) => {
    t.throws(() => readPositional(declared, given), { instanceOf: CommandError, message: error });
  });
}

test('arguments by name', (t) => {
  t.deepEqual(
    {
      ...readNamed(
        declared,
        new Map<string, unknown>([
          ['groups', ['a']],
          ['user', 'juliet'],
        ]),
      ),
    },
    { user: 'juliet', groups: ['a'], days: 7 },
  );
  t.throws(() => readNamed(declared, new Map([['__proto__', 'x']])), { message: 'there is no argument "__proto__"' });
});

test('a dash stands for an underscore', (t) => {
  t.is(commands.find('kick-user')?.name, 'kick_user');
  t.is(commands.find('kick user'), undefined);
});

test('two commands of one name are a mistake, and a command can be taken out again', (t) => {
  const one = defineCommand({
    name: 'one',
    description: '',
    tags: [],
    arguments: [],
    result: 'rescode',
    run: () => true,
  });
  const registry = new Commands([one]);
  t.throws(() => registry.add(one), { message: 'two commands are named one' });
  const two = registry.add({ ...one, name: 'two' });
  t.is([...registry].length, 2);
  two[Symbol.dispose]();
  t.is(registry.find('two'), undefined);
});

test('every command says what it does, and its optional arguments come last', (t) => {
  for (const { arguments: args, description, name, tags } of commands) {
    t.regex(name, /^[a-z][a-z_]*$/);
    t.regex(description, /[.?]$/, name);
    t.not(tags.length, 0, name);
    for (const argument of args) t.not(argument.description, '', `${name} ${argument.name}`);
    const optional = args.map((argument) => argument.default !== undefined);
    t.deepEqual(
      optional,
      optional.toSorted((a, b) => Number(a) - Number(b)),
      name,
    );
    t.is(new Set(args.map((argument) => argument.name)).size, args.length, name);
  }
});

test('a fault of the program is logged and told without its details', async (t) => {
  await using world = await World.open();
  Object.defineProperty(world.parts, 'registry', {
    get: () => {
      throw new Error('a bug');
    },
  });
  t.is(await world.refused(t, 'connected_users'), '500 internal error; the log tells more');
  t.regex(world.logged.join(''), /a bug/);
});
