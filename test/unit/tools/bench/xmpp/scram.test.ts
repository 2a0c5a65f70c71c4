import test from 'ava';
import { type KeyCache, Scram } from '#tools/bench/xmpp/scram.ts';

// The exchange of RFC 5802, section 5.
const account = { user: 'user', password: 'pencil' };
const nonce = 'fyko+d2lbbFgONRv9qkxdawL';
const serverFirst = 'r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096';

test('the exchange of RFC 5802 section 5', (t) => {
  const cache: KeyCache = new Map();
  const scram = new Scram(account, cache, nonce);
  t.is(scram.clientFirst(), 'n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL');
  t.is(
    scram.clientFinal(serverFirst),
    'c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
  );
  t.notThrows(() => scram.verify('v=rmF9pqV8S7suAoZWja4dJRkFsKQ='));
  t.throws(() => scram.verify('v=AAAAAAAAAAAAAAAAAAAAAAAAAAA='), { message: /signature/ });
  t.is(cache.size, 1);
});

test('a nonce that is not an extension of ours is refused', (t) => {
  const scram = new Scram(account, new Map(), nonce);
  t.throws(() => scram.clientFinal('r=other,s=QSXCR+Q6sek8bf92,i=4096'), { message: /challenge/ });
});
