import test from 'ava';
import { PasswordCache } from '#src/accounts/password-cache.ts';

const stamp = Buffer.from('salt');

test('knows the right password of the right account under the same stamp', (t) => {
  const cache = new PasswordCache(10);
  cache.add('a', stamp, 'secret');
  t.true(cache.has('a', stamp, 'secret'));
  t.false(cache.has('a', stamp, 'Secret'));
  t.false(cache.has('b', stamp, 'secret'));
  t.false(cache.has('a', Buffer.from('other'), 'secret'));
  cache.delete('a');
  t.false(cache.has('a', stamp, 'secret'));
});

test('is bounded: the one unused for longest goes', (t) => {
  const cache = new PasswordCache(2);
  cache.add('a', stamp, 'x');
  cache.add('b', stamp, 'x');
  t.true(cache.has('a', stamp, 'x'));
  cache.add('c', stamp, 'x');
  t.deepEqual(
    ['a', 'b', 'c'].map((account) => cache.has(account, stamp, 'x')),
    [true, false, true],
  );
});

test('of size zero it keeps nothing', (t) => {
  const cache = new PasswordCache(0);
  cache.add('a', stamp, 'x');
  t.false(cache.has('a', stamp, 'x'));
});
