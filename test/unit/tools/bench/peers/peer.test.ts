import test from 'ava';
import { fillTemplate } from '#tools/bench/peers/peer.ts';

const place = { directory: '/d', domain: 'localhost', port: 1, tlsPort: 2, key: '/k', certificate: '/c', pem: '/p' };

test('a template is filled from the place', (t) => {
  t.is(fillTemplate('port: ${port}\ntls: ${tlsPort}\n', place), 'port: 1\ntls: 2\n');
});

test('an unknown name in a template is an error', (t) => {
  t.throws(() => fillTemplate('${prot}', place), { message: /prot/ });
});
