import test from 'ava';
import { readOptions } from '#test/kill9/options.ts';

test('what is not given has its default, and the seed is drawn', (t) => {
  const options = readOptions([]);
  t.like(options, { rounds: 20, rate: 1000, signal: 'kill', protocol: 'all', server: 'trivium', keep: false });
});

test('options are read', (t) => {
  t.like(readOptions(['--rounds', '3', '--seed', '5', '--signal', 'mix', '--drops', '0']), {
    rounds: 3,
    seed: 5,
    signal: 'mix',
    drops: 0,
  });
});

for (const args of [
  ['--rounds', 'many'],
  ['--rate', '-1'],
  ['--rate='],
  ['--signal', 'hup'],
  ['--protocol', 'smtp'],
  ['--speed', '3'],
  ['three'],
]) {
  test(`${args.join(' ')} is refused`, (t) => {
    t.throws(() => readOptions(args), { instanceOf: TypeError });
  });
}

test('help is asked for', (t) => {
  t.is(readOptions(['--help']), 'help');
});
