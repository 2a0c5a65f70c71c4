import test from 'ava';
import { SipUri } from '#protocols/sip/message/uri.ts';
import { LocalAddresses } from '#protocols/sip/transport/local-address.ts';
import { Locator, type NaptrRecord, type SipResolver, type SrvRecord } from '#protocols/sip/transport/locate.ts';

interface Zone {
  readonly naptr?: Readonly<Record<string, readonly NaptrRecord[]>>;
  readonly srv?: Readonly<Record<string, readonly SrvRecord[]>>;
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
}

function resolverOf(zone: Zone, asked: string[] = []): SipResolver {
  const answer = <T>(kind: string, table: Readonly<Record<string, T>> | undefined, name: string): Promise<T> => {
    asked.push(`${kind} ${name}`);
    const found = table?.[name];
    return found === undefined ? Promise.reject(new Error('ENOTFOUND')) : Promise.resolve(found);
  };
  return {
    resolveNaptr: (name) => answer('NAPTR', zone.naptr, name),
    resolveSrv: (name) => answer('SRV', zone.srv, name),
    lookup: (name) => answer('A', zone.addresses, name),
  };
}

const naptr = (order: number, preference: number, service: string, replacement: string): NaptrRecord => ({
  order,
  preference,
  flags: 's',
  service,
  replacement,
});
const srv = (priority: number, weight: number, name: string, port: number): SrvRecord => ({
  priority,
  weight,
  name,
  port,
});

// The example of RFC 3263 section 4.1.
const EXAMPLE: Zone = {
  naptr: {
    'example.com': [
      naptr(90, 50, 'SIP+D2U', '_sip._udp.example.com'),
      naptr(50, 50, 'SIPS+D2T', '_sips._tcp.example.com'),
      naptr(90, 40, 'SIP+D2T', '_sip._tcp.example.com'),
      naptr(10, 10, 'E2U+sip', 'nobody.example.com'),
    ],
  },
  srv: {
    '_sips._tcp.example.com': [srv(0, 1, 'tls1.example.com', 5061)],
    '_sip._tcp.example.com': [srv(1, 1, 'server2.example.com', 5060), srv(0, 1, 'server1.example.com', 5070)],
    '_sip._udp.example.com': [srv(0, 1, 'server1.example.com', 5060)],
  },
  addresses: {
    'tls1.example.com': ['192.0.2.1'],
    'server1.example.com': ['192.0.2.2', '2001:db8::2'],
    'server2.example.com': ['192.0.2.3'],
    'plain.example.com': ['192.0.2.9'],
  },
};

const cases: readonly (readonly [title: string, uri: string, found: readonly string[]])[] = [
  ['numeric: UDP', 'sip:a@192.0.2.7', ['udp 192.0.2.7:5060']],
  ['numeric with port and transport', 'sip:a@192.0.2.7:5080;transport=tcp', ['tcp 192.0.2.7:5080']],
  ['numeric SIPS: TLS', 'sips:a@192.0.2.7', ['tls 192.0.2.7:5061']],
  ['IPv6 reference', 'sip:a@[2001:db8::1]', ['udp 2001:db8::1:5060']],
  ['maddr takes the place of the host', 'sip:a@example.com;maddr=192.0.2.8', ['udp 192.0.2.8:5060']],
  ['a name with a port: addresses only', 'sip:a@plain.example.com:5090', ['udp 192.0.2.9:5090 plain.example.com']],
  [
    'NAPTR by order and preference, then SRV',
    'sip:a@example.com',
    [
      'tls 192.0.2.1:5061 example.com',
      'tcp 192.0.2.2:5070 example.com',
      'tcp 2001:db8::2:5070 example.com',
      'tcp 192.0.2.3:5060 example.com',
      'udp 192.0.2.2:5060 example.com',
      'udp 2001:db8::2:5060 example.com',
    ],
  ],
  ['SIPS takes nothing but TLS', 'sips:a@example.com', ['tls 192.0.2.1:5061 example.com']],
  ['SIPS with transport=tcp is TLS', 'sips:a@example.com;transport=tcp', ['tls 192.0.2.1:5061 example.com']],
  [
    'a transport that is named: its SRV',
    'sip:a@example.com;transport=udp',
    ['udp 192.0.2.2:5060 example.com', 'udp 2001:db8::2:5060 example.com'],
  ],
  ['no records: addresses and the default port', 'sip:a@plain.example.com', ['udp 192.0.2.9:5060 plain.example.com']],
  ['nothing at all', 'sip:a@nowhere.example.com', []],
  ['a browser is not found by name', 'sip:a@example.com;transport=ws', []],
];
for (const [title, text, expected] of cases) {
  test(`RFC 3263: ${title}`, async (t) => {
    const uri = SipUri.parse(text);
    if (uri === undefined) return t.fail();
    const found = await new Locator({ resolver: resolverOf(EXAMPLE) }).locate(uri);
    t.deepEqual(
      found.map(({ address, port, serverName = '', transport }) =>
        `${transport} ${address}:${port} ${serverName}`.trim(),
      ),
      expected,
    );
  });
}

test('RFC 2782: by priority, then by weight at random; "." means there is no service', async (t) => {
  const zone: Zone = {
    srv: {
      '_sip._udp.x.example': [srv(2, 0, 'c', 3), srv(1, 3, 'a', 1), srv(1, 1, 'b', 2), srv(1, 0, 'z', 4)],
      '_sip._tcp.x.example': [srv(0, 0, '.', 0)],
    },
    addresses: { a: ['192.0.2.1'], b: ['192.0.2.2'], c: ['192.0.2.3'], z: ['192.0.2.4'] },
  };
  const uri = SipUri.parse('sip:u@x.example');
  if (uri === undefined) return t.fail();
  const drawn = [4, 1, 0, 0];
  const locator = new Locator({ resolver: resolverOf(zone), random: () => drawn.shift() ?? 0 });
  t.deepEqual(
    (await locator.locate(uri)).map(({ port }) => port),
    [1, 2, 4, 3],
  );
});

test('answers are kept for a while, and so is that there is nothing', async (t) => {
  const asked: string[] = [];
  let now = 0;
  const locator = new Locator({ resolver: resolverOf(EXAMPLE, asked), now: () => now });
  const uri = SipUri.parse('sip:a@plain.example.com:5090');
  const nowhere = SipUri.parse('sip:a@nowhere.example.com:5090');
  if (uri === undefined || nowhere === undefined) return t.fail();
  await Promise.all([locator.locate(uri), locator.locate(uri)]);
  await locator.locate(nowhere);
  t.is(asked.length, 2);
  now = 11_000;
  await locator.locate(uri);
  await locator.locate(nowhere);
  t.is(asked.length, 3);
  now = 61_000;
  await locator.locate(uri);
  t.is(asked.length, 4);
});

test('addresses of a family that this machine has none of are left out', async (t) => {
  const card = { internal: false, cidr: null };
  const local = new LocalAddresses(() => [
    { ...card, address: '192.0.2.100', family: 'IPv4' },
    { ...card, address: 'fe80::1', family: 'IPv6' },
    { address: '::1', family: 'IPv6', internal: true, cidr: '::1/128' },
  ]);
  const uri = SipUri.parse('sip:a@example.com;transport=udp');
  if (uri === undefined) return t.fail();
  const locator = new Locator({ resolver: resolverOf(EXAMPLE), reaches: (address) => local.reaches(address) });
  t.deepEqual(
    (await locator.locate(uri)).map(({ address }) => address),
    ['192.0.2.2'],
  );
});
