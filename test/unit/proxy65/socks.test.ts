import test from 'ava';
import {
  methods,
  replies,
  type SocksMessage,
  SocksReader,
  writeLoginStatus,
  writeMethod,
  writeReply,
} from '#protocols/proxy65/socks.ts';

const hash = '7a8d2a5b0f9c4e1d6b3a2c1f0e9d8c7b6a5f4e3d';
const text = (value: string): readonly number[] => [...Buffer.from(value)];
const named = (value: string): readonly number[] => [3, value.length, ...text(value)];

interface Case {
  readonly what: string;
  readonly kind: SocksMessage['kind'];
  readonly bytes: readonly number[];
  /** The message, the reason of a fault, or nothing while more is to come. */
  readonly reads: object | string | undefined;
}

const cases: readonly Case[] = [
  { what: 'a greeting', kind: 'greeting', bytes: [5, 2, 0, 2], reads: { kind: 'greeting', methods: [0, 2] } },
  { what: 'a greeting that is not whole', kind: 'greeting', bytes: [5, 3, 0, 2], reads: undefined },
  { what: 'nothing', kind: 'greeting', bytes: [], reads: undefined },
  { what: 'SOCKS 4', kind: 'greeting', bytes: [4, 1, 0, 80, 0, 0, 0, 1, 0], reads: 'not SOCKS version 5' },
  { what: 'HTTP', kind: 'greeting', bytes: text('GET / HTTP/1.1\r\n\r\n'), reads: 'not SOCKS version 5' },
  { what: 'a greeting without methods', kind: 'greeting', bytes: [5, 0], reads: 'no method is offered' },
  {
    what: 'a login',
    kind: 'login',
    bytes: [1, 2, ...text('me'), 3, ...text('pwd')],
    reads: { kind: 'login', username: Buffer.from('me'), password: Buffer.from('pwd') },
  },
  { what: 'a login of another version', kind: 'login', bytes: [5, 2], reads: 'not version 1 of the subnegotiation' },
  { what: 'a login without a name', kind: 'login', bytes: [1, 0, 1, 65], reads: 'an empty user name or password' },
  { what: 'a login without a password', kind: 'login', bytes: [1, 1, 65, 0], reads: 'an empty user name or password' },
  { what: 'a login that is not whole', kind: 'login', bytes: [1, 2, 65, 65, 4, 65], reads: undefined },
  {
    what: 'a request for a name',
    kind: 'request',
    bytes: [5, 1, 0, ...named(hash), 0, 0],
    reads: { kind: 'request', command: 1, addressType: 3, address: Buffer.from(hash), port: 0 },
  },
  {
    what: 'a request for an IPv4 address',
    kind: 'request',
    bytes: [5, 2, 0, 1, 127, 0, 0, 1, 0x1f, 0x90],
    reads: { kind: 'request', command: 2, addressType: 1, address: Buffer.of(127, 0, 0, 1), port: 8080 },
  },
  {
    what: 'a request for an IPv6 address',
    kind: 'request',
    bytes: [5, 3, 0, 4, ...Array.from({ length: 16 }, () => 1), 0, 1],
    reads: { kind: 'request', command: 3, addressType: 4, address: Buffer.alloc(16, 1), port: 1 },
  },
  { what: 'a request that is not whole', kind: 'request', bytes: [5, 1, 0, 3, 40, 65], reads: undefined },
  { what: 'a request without its port', kind: 'request', bytes: [5, 1, 0, ...named(hash), 0], reads: undefined },
  { what: 'a request of another version', kind: 'request', bytes: [4], reads: 'not SOCKS version 5' },
  { what: 'a reserved octet in use', kind: 'request', bytes: [5, 1, 9], reads: 'the reserved octet is not zero' },
  { what: 'an unknown type of address', kind: 'request', bytes: [5, 1, 0, 2], reads: 'an unknown type of address' },
  { what: 'an empty name', kind: 'request', bytes: [5, 1, 0, 3, 0], reads: 'an empty name' },
];

for (const { bytes, kind, reads, what } of cases) {
  test(`${what} (RFC 1928, RFC 1929)`, (t) => {
    const reader = new SocksReader();
    reader.push(Buffer.from(bytes));
    const read = reader.read(kind);
    t.deepEqual(read as unknown, typeof reads === 'string' ? { kind: 'fault', reason: reads } : reads);
    t.is(reader.held, read === undefined || read.kind === 'fault' ? bytes.length : 0);
  });

  test(`${what}, octet by octet`, (t) => {
    const reader = new SocksReader();
    let last: unknown;
    for (const octet of bytes) {
      reader.push(Buffer.of(octet));
      last = reader.read(kind);
      if (last !== undefined) break;
    }
    t.deepEqual(last, typeof reads === 'string' ? { kind: 'fault', reason: reads } : reads);
  });
}

test('messages that come together are read one after the other', (t) => {
  const reader = new SocksReader();
  reader.push(Buffer.from([5, 1, 0, 5, 1, 0, ...named(hash), 0, 0, 1, 2, 3]));
  t.is(reader.read('greeting')?.kind, 'greeting');
  t.is(reader.read('request')?.kind, 'request');
  t.is(reader.held, 3);
});

test('the answers are those of the documents', (t) => {
  t.deepEqual([...writeMethod(methods.unacceptable)], [5, 0xff]);
  t.deepEqual([...writeLoginStatus(true), ...writeLoginStatus(false)], [1, 0, 1, 1]);
  const request = { kind: 'request', command: 1, addressType: 3, address: Buffer.from('ab'), port: 258 } as const;
  t.deepEqual([...writeReply(replies.succeeded, request)], [5, 0, 0, 3, 2, 97, 98, 1, 2]);
  const numeric = { ...request, addressType: 1, address: Buffer.of(1, 2, 3, 4) };
  t.deepEqual([...writeReply(replies.addressTypeNotSupported, numeric)], [5, 8, 0, 1, 1, 2, 3, 4, 1, 2]);
});
