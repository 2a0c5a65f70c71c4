import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import test from 'ava';
import { inBlock, isLoopback, originOf, parseBlock, parseIp } from '#src/address/ip.ts';

const addresses: readonly (readonly [text: string, origin: string | undefined])[] = [
  ['192.0.2.1', '192.0.2.1'],
  ['255.255.255.255', '255.255.255.255'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:c000:0201', '192.0.2.1'],
  ['2001:db8:0:1:a:b:c:d', '2001:db8:0:1::/64'],
  ['2001:DB8:0:1::', '2001:db8:0:1::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b:0:0::/64'],
  ['', undefined],
  ['localhost', undefined],
  ['192.0.2', undefined],
  ['192.0.2.1.1', undefined],
  ['192.0.2.256', undefined],
  ['192.0.2.01', undefined],
  ['192.0.2.', undefined],
  ['0x7f.0.0.1', undefined],
  ['1:2:3:4:5:6:7', undefined],
  ['1:2:3:4:5:6:7:8:9', undefined],
  ['1::2::3', undefined],
  ['1:2:3:4:5:6:7::8', undefined],
  [':1', undefined],
  ['1:', undefined],
  [':::', undefined],
  ['12345::', undefined],
  ['g::', undefined],
  ['::1.2.3', undefined],
  ['/var/run/socket', undefined],
  ['1'.repeat(100), undefined],
];

for (const [text, origin] of addresses) {
  test(`origin of '${text}'`, (t) => {
    const address = parseIp(text);
    t.is(address === undefined ? undefined : originOf(address), origin);
  });
}

const blocks: readonly (readonly [block: string, inside: readonly string[], outside: readonly string[]])[] = [
  ['10.0.0.0/8', ['10.255.0.1', '::ffff:10.0.0.1'], ['11.0.0.1', '::1']],
  ['192.0.2.1', ['192.0.2.1'], ['192.0.2.2']],
  ['0.0.0.0/0', ['1.2.3.4'], ['::1']],
  ['::/0', ['2001:db8::1'], ['1.2.3.4']],
  ['2001:db8::/33', ['2001:db8:7fff::1'], ['2001:db8:8000::1']],
  ['2001:db8::1/128', ['2001:db8::1'], ['2001:db8::2']],
  ['::ffff:192.0.2.0/120', ['192.0.2.99'], ['192.0.3.1']],
  ['128.0.0.0/1', ['200.0.0.1'], ['100.0.0.1']],
];

for (const [text, inside, outside] of blocks) {
  test(`block ${text}`, (t) => {
    const block = parseBlock(text);
    const within = (other: string): boolean | undefined => {
      const address = parseIp(other);
      return block === undefined || address === undefined ? undefined : inBlock(address, block);
    };
    for (const other of inside) t.true(within(other), other);
    for (const other of outside) t.false(within(other), other);
  });
}

for (const text of [
  '10.0.0.0/33',
  '10.0.0.0/',
  '10.0.0.0/-1',
  '10.0.0.0/08',
  '::/129',
  '::ffff:1.2.3.4/95',
  'x/8',
  '10.0.0.0/8/8',
]) {
  test(`no block: ${text}`, (t) => t.is(parseBlock(text), undefined));
}

test('loopback', (t) => {
  for (const text of ['127.0.0.1', '127.255.0.3', '::1', '::ffff:127.0.0.1'])
    t.true(isLoopback(parseIp(text) ?? { family: 6, words: [] }), text);
  for (const text of ['128.0.0.1', '::2', '::', '1::1'])
    t.false(isLoopback(parseIp(text) ?? { family: 6, words: [] }), text);
});

test('agrees with node:net on what an address is and what a block holds', (t) => {
  const text = fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{0,20}$/));
  fc.assert(fc.property(text, (candidate) => (isIP(candidate) !== 0) === (parseIp(candidate) !== undefined)));
  fc.assert(
    fc.property(fc.ipV6(), fc.ipV6(), fc.integer({ min: 0, max: 128 }), (base, other, prefix) => {
      const block = parseBlock(`${base}/${prefix}`);
      const address = parseIp(other);
      if (block?.family !== 6 || address?.family !== 6) return true;
      const list = new BlockList();
      list.addSubnet(base, prefix, 'ipv6');
      return list.check(other, 'ipv6') === inBlock(address, block);
    }),
  );
  t.pass();
});
