/** SIP messages made from a seed: whole ones from the grammar of RFC 3261 section 25, and damaged ones. */
import { Buffer } from 'node:buffer';
import type { Random } from '#test/fuzz/random.ts';
import { TORTURE, tortureBytes } from '#test/vectors/sip/rfc4475.ts';
import { IPV6_TORTURE } from '#test/vectors/sip/rfc5118.ts';

const CORPUS: readonly Buffer[] = [
  ...TORTURE.map(({ name }) => tortureBytes(name)),
  ...IPV6_TORTURE.map(({ bytes }) => bytes),
];

const METHODS = [
  'INVITE',
  'ACK',
  'BYE',
  'CANCEL',
  'OPTIONS',
  'REGISTER',
  'MESSAGE',
  'SUBSCRIBE',
  'NOTIFY',
  'PUBLISH',
  'X-y.z',
];
const HOSTS = ['example.com', 'a.b.example', '192.0.2.1', '[2001:db8::1]', '[::ffff:192.0.2.1]', 'x', 'Example.COM.'];
const USERS = ['alice', '%61lice', 'a;b=c', '+12015550123', 'a%20b', "o'b(x)!", 'a?b/c&d=e', '%00'];
const DISPLAYS = ['', 'Alice ', '"A \\"B\\" , ; <x>" ', '"" ', 'a b  c ', '"Zoë \\\u0007" ', '"\u0440\u0430\u0431" '];
const FOLDS = [' ', '', '  ', '\t', '\r\n ', '\r\n\t ', ' \r\n '];
const TOKENS = ['a', 'x-1', "!%*_+`'~.", 'z9hG4bKabc', '1234567890'];

const some = (random: Random, from: readonly string[], most: number): string =>
  Array.from({ length: random.next(most + 1) }, () => random.pick(from)).join('');

const uri = (random: Random): string => {
  const user = random.next(4) === 0 ? '' : `${random.pick(USERS)}${random.next(5) === 0 ? ':p%20w' : ''}@`;
  const port = random.next(3) === 0 ? `:${1 + random.next(65_535)}` : '';
  const params = some(random, [';lr', ';transport=TCP', ';x=%41', ';gr=urn:uuid:1'], 1);
  return `${random.pick(['sip', 'sips', 'SIP'])}:${user}${random.pick(HOSTS)}${port}${params}`;
};

const param = (random: Random): string =>
  `${random.pick(FOLDS)};${random.pick(FOLDS)}p${random.next(1000)}${random.next(2) === 0 ? '' : `=${random.pick([...TOKENS, '"q;,\\"<>"', '[::1]'])}`}`;

const address = (random: Random, tag: boolean): string =>
  `${random.pick(DISPLAYS)}<${uri(random)}>${tag ? `;tag=${random.pick(TOKENS)}` : ''}${random.next(3) === 0 ? param(random) : ''}`;

const via = (random: Random): string => {
  const transport = random.pick(['UDP', 'TCP', 'TLS', 'WS', 'sctp']);
  const sep = random.pick(['/', ' / ', '/\r\n ']);
  const port = random.next(2) === 0 ? '' : `${random.pick([':', ' : '])}${1 + random.next(65_535)}`;
  return `SIP${sep}2.0${sep}${transport} ${random.pick(HOSTS)}${port};branch=z9hG4bK${random.next(1e6)}${random.pick(['', ';rport', ';received=192.0.2.7', ';ttl=3'])}`;
};

const spelled = (random: Random, name: string, compact: string): string =>
  random.pick([name, name, name.toLowerCase(), name.toUpperCase(), compact]) + random.pick(['', '', ' ', '\t']);

const field = (random: Random, name: string, compact: string, value: string): string =>
  `${spelled(random, name, compact)}:${random.pick(FOLDS)}${value}`;

function others(random: Random): readonly string[] {
  const all = [
    () =>
      field(
        random,
        'Contact',
        'm',
        Array.from({ length: 1 + random.next(3) }, () => address(random, false)).join(random.pick([',', ' , '])),
      ),
    () => field(random, 'Max-Forwards', 'Max-Forwards', String(random.next(256))),
    () => field(random, 'Route', 'Route', `<${uri(random)};lr>`),
    () => field(random, 'Record-Route', 'record-route', `<${uri(random)}>, <${uri(random)}>`),
    () => field(random, 'Supported', 'k', random.pick(['', 'path', 'path , gruu'])),
    () => field(random, 'Subject', 's', random.pick(['', 'Zoë', 'a, b; c', '"'])),
    () => `X-${random.next(1000)}: ${some(random, ['a', ' ', ',', ';', '"', '<', '>', 'é', '\r\n ', '\\'], 8)}`,
    () => field(random, 'Expires', 'Expires', String(random.next(100_000))),
    () => field(random, 'Event', 'o', 'presence;id=1'),
  ];
  return Array.from({ length: random.next(6) }, () => random.pick(all)());
}

/** A message that RFC 3261 allows, with Content-Length, so that it can stand in a stream. */
export function wholeMessage(random: Random): Buffer {
  const method = random.pick(METHODS);
  const isRequest = random.next(4) !== 0;
  const start = isRequest
    ? `${method} ${uri(random)} SIP/2.0`
    : `SIP/2.0 ${100 + random.next(600)} ${random.pick(['OK', '', 'Zoë', 'Not Found: x'])}`;
  const body = Buffer.from(some(random, ['v=0\r\n', '\r\n\r\n', 'INVITE sip:x SIP/2.0\r\n', '\u0000', 'é'], 4));
  const fields = [
    field(random, 'Via', 'v', random.next(3) === 0 ? `${via(random)}, ${via(random)}` : via(random)),
    field(random, 'From', 'f', address(random, true)),
    field(random, 'To', 't', address(random, !isRequest)),
    field(random, 'Call-ID', 'i', `${random.pick(TOKENS)}${random.pick(['', '@example.com'])}`),
    field(random, 'CSeq', 'CSeq', `${random.next(2 ** 31)}${random.pick([' ', '  ', '\r\n '])}${method}`),
    ...others(random),
    field(random, 'Content-Length', 'l', String(body.length)),
  ];
  // Any order (RFC 3261 section 7.3.1).
  for (let at = fields.length - 1; at > 0; at--) {
    const other = random.next(at + 1);
    [fields[at], fields[other]] = [fields[other] ?? '', fields[at] ?? ''];
  }
  return Buffer.concat([Buffer.from(`${start}\r\n${fields.join('\r\n')}\r\n\r\n`), body]);
}

const SHARDS = [
  '\r\n',
  '\r',
  '\n',
  '\r\n ',
  '\r\n\r\n',
  ':',
  ';',
  ',',
  '"',
  '\\',
  '<',
  '>',
  '@',
  '[',
  ']',
  '=',
  '%',
  '%00',
  ' ',
  '\t',
  '\u0000',
  '\u00ff',
  '*',
  '?',
  'SIP/2.0',
  'l: 5\r\n',
  'Content-Length: 99999\r\n',
  'z9hG4bK',
  ';'.repeat(200),
  ','.repeat(200),
  '"'.repeat(99),
  'a'.repeat(9000),
];

/** With one fault. */
export function damageOnce(bytes: Buffer, random: Random): Buffer {
  const at = random.next(bytes.length + 1);
  const to = Math.min(bytes.length, at + 1 + random.next(random.next(4) === 0 ? 200 : 8));
  const shard = Buffer.from(random.pick(SHARDS), 'latin1');
  switch (random.next(6)) {
    case 0:
      return Buffer.concat([bytes.subarray(0, at), shard, bytes.subarray(at)]);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(to)]);
    case 2:
      return Buffer.concat([bytes.subarray(0, to), bytes.subarray(at, to), bytes.subarray(to)]);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), Buffer.of(random.next(256)), bytes.subarray(to)]);
    case 4:
      return bytes.subarray(0, at);
    default: {
      const other = random.pick(CORPUS);
      const from = random.next(other.length);
      return Buffer.concat([bytes.subarray(0, at), other.subarray(from, from + random.next(200)), bytes.subarray(to)]);
    }
  }
}

/** A message, of the grammar's or of the RFCs' own, with up to four faults. */
export function damagedMessage(random: Random): Buffer {
  let bytes = random.next(2) === 0 ? wholeMessage(random) : random.pick(CORPUS);
  for (let count = 1 + random.next(4); count > 0; count--) bytes = damageOnce(bytes, random);
  return bytes;
}

/** Messages one after another with keep-alives between, some of them damaged. */
export function streamOf(random: Random): Buffer {
  const parts = Array.from({ length: 1 + random.next(5) }, () => {
    const between = Buffer.from(random.pick(['', '', '\r\n', '\r\n\r\n', '\r\n\r\n\r\n']));
    return Buffer.concat([between, random.next(5) === 0 ? damagedMessage(random) : wholeMessage(random)]);
  });
  return Buffer.concat(parts);
}

/** `bytes` in chunks, of one byte at times. */
export function chunksOf(bytes: Buffer, random: Random): readonly Buffer[] {
  const most = random.pick([1, 3, 50, 2000]);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = 1 + random.next(most);
    // A copy, as a socket's chunks are, so that bytes that are kept by mistake show.
    chunks.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return chunks;
}
