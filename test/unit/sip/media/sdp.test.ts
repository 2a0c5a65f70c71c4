import test from 'ava';
import { isHeld, isRelayable, readSdp } from '#protocols/sip/media/sdp.ts';
import { type Place, replacePlaces } from '#protocols/sip/media/sdp-edit.ts';

const RELAY = '203.0.113.9';
const PLACES: readonly Place[] = [
  { port: 30_000, rtcpPort: 30_001 },
  { port: 30_002, rtcpPort: 30_003 },
  { port: 30_004, rtcpPort: 30_005 },
];

const SESSION = ['v=0', 'o=alice 1 2 IN IP4 10.0.0.5', 's=-'];

const text = (lines: readonly string[], eol = '\r\n'): string => lines.map((line) => line + eol).join('');

function edited(source: string, address = RELAY): string {
  const sdp = readSdp(Buffer.from(source, 'latin1'));
  if (sdp === undefined) return 'bad';
  const places = sdp.media.map((media, at) => (isRelayable(sdp, media) ? PLACES[at] : undefined));
  return replacePlaces(sdp, address, places).toString('latin1');
}

/** What is edited, line by line: a line that begins with `>` is what the line before becomes, one with `+` is new. */
const cases: readonly (readonly [title: string, lines: readonly string[], address?: string])[] = [
  [
    'c= of the session',
    ['c=IN IP4 10.0.0.5', '>c=IN IP4 203.0.113.9', 't=0 0', 'm=audio 4000 RTP/AVP 0 8', '>m=audio 30000 RTP/AVP 0 8'],
  ],
  [
    'c= of the media, and that of the session stays',
    [
      'c=IN IP4 10.0.0.1',
      't=0 0',
      'm=audio 4000 RTP/SAVP 0',
      '>m=audio 30000 RTP/SAVP 0',
      'c=IN IP4 10.0.0.5',
      '>c=IN IP4 203.0.113.9',
      'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz',
    ],
  ],
  [
    'no c= of the session',
    ['t=0 0', 'm=audio 4000 RTP/AVP 0', '>m=audio 30000 RTP/AVP 0', 'c=IN IP4 10.0.0.5', '>c=IN IP4 203.0.113.9'],
  ],
  [
    'RTCP (RFC 3605): port alone, port with address, at the port of RTP (RFC 5761)',
    [
      'c=IN IP4 10.0.0.5',
      '>c=IN IP4 203.0.113.9',
      't=0 0',
      'm=audio 4000 RTP/AVP 0',
      '>m=audio 30000 RTP/AVP 0',
      'a=rtcp:4077',
      '>a=rtcp:30001',
      'm=video 4002 RTP/AVPF 96',
      '>m=video 30002 RTP/AVPF 96',
      'a=rtcp:4003 IN IP4 10.0.0.6',
      '>a=rtcp:30003 IN IP4 203.0.113.9',
      'm=video 4004 UDP/TLS/RTP/SAVPF 97',
      '>m=video 30004 UDP/TLS/RTP/SAVPF 97',
      'a=rtcp:4004',
      '>a=rtcp:30004',
      'a=rtcp-mux',
    ],
  ],
  [
    'a stream that is refused stays, whatever its address',
    [
      'c=IN IP4 10.0.0.5',
      '>c=IN IP4 203.0.113.9',
      't=0 0',
      'm=video 0 RTP/AVP 31',
      'm=audio 4000 RTP/AVP 0',
      '>m=audio 30002 RTP/AVP 0',
    ],
  ],
  [
    'fax (T.38) is datagrams as well',
    [
      'c=IN IP4 10.0.0.5',
      '>c=IN IP4 203.0.113.9',
      't=0 0',
      'm=image 4000 udptl t38',
      '>m=image 30000 udptl t38',
      'a=T38FaxVersion:0',
    ],
  ],
  [
    'what goes over TCP stays where it is, and says so itself from now on',
    [
      'c=IN IP4 10.0.0.5',
      '>c=IN IP4 203.0.113.9',
      't=0 0',
      'm=message 7777 TCP/MSRP *',
      'i=talk',
      '+c=IN IP4 10.0.0.5',
      'a=path:msrp://10.0.0.5:7777/x;tcp',
      'm=audio 4000 RTP/AVP 0',
      '>m=audio 30002 RTP/AVP 0',
    ],
  ],
  [
    'the same at the end',
    [
      'c=IN IP4 10.0.0.5',
      '>c=IN IP4 203.0.113.9',
      't=0 0',
      'm=audio 4000 RTP/AVP 0',
      '>m=audio 30000 RTP/AVP 0',
      'm=audio 4002/2 RTP/AVP 0',
      '+c=IN IP4 10.0.0.5',
    ],
  ],
  ['several ports alone', ['c=IN IP4 10.0.0.5', 't=0 0', 'm=audio 4000/2 RTP/AVP 0']],
  [
    'one port, counted',
    ['c=IN IP4 10.0.0.5', '>c=IN IP4 203.0.113.9', 't=0 0', 'm=audio 4000/1 RTP/AVP 0', '>m=audio 30000/1 RTP/AVP 0'],
  ],
  ['multicast', ['c=IN IP4 224.2.1.1/127/3', 't=0 0', 'm=audio 4000 RTP/AVP 0']],
  ['layers of multicast', ['t=0 0', 'm=video 4000 RTP/AVP 31', 'c=IN IP4 224.2.1.1/127', 'c=IN IP4 224.2.1.2/127']],
  ['hold as RFC 2543 has it stays to be seen', ['c=IN IP4 0.0.0.0', 't=0 0', 'm=audio 4000 RTP/AVP 0']],
  [
    'one stream on hold, the other not',
    [
      'c=IN IP4 10.0.0.5',
      '>c=IN IP4 203.0.113.9',
      't=0 0',
      'm=audio 4000 RTP/AVP 0',
      'c=IN IP4 0.0.0.0',
      'm=video 4002 RTP/AVP 31',
      '>m=video 30002 RTP/AVP 31',
    ],
  ],
  [
    'hold by direction',
    [
      'c=IN IP4 10.0.0.5',
      '>c=IN IP4 203.0.113.9',
      't=0 0',
      'a=inactive',
      'm=audio 4000 RTP/AVP 0',
      '>m=audio 30000 RTP/AVP 0',
    ],
  ],
  [
    'IPv6 to IPv4',
    ['c=IN IP6 2001:db8::5', '>c=IN IP4 203.0.113.9', 't=0 0', 'm=audio 4000 RTP/AVP 0', '>m=audio 30000 RTP/AVP 0'],
  ],
  [
    'IPv4 to IPv6',
    ['c=IN IP4 10.0.0.5', '>c=IN IP6 2001:db8::9', 't=0 0', 'm=audio 4000 RTP/AVP 0', '>m=audio 30000 RTP/AVP 0'],
    '2001:db8::9',
  ],
  [
    'a name, and what nobody knows',
    [
      'c=IN IP4 phone.example.org',
      '>c=IN IP4 203.0.113.9',
      't=0 0',
      'z=\u00e9 m=audio 1 x',
      'm=audio 4000 RTP/AVP 0 ',
      '>m=audio 30000 RTP/AVP 0 ',
      'a=c=IN IP4 10.0.0.5',
      'x=?',
    ],
  ],
  ['no media', ['t=0 0']],
];

for (const [title, lines, address] of cases) {
  for (const eol of ['\r\n', '\n']) {
    test(`${title} (${JSON.stringify(eol)})`, (t) => {
      const before = [...SESSION, ...lines.filter((line) => !/^[>+]/.test(line))];
      const after = [...SESSION, ...lines.filter((_, at) => lines[at + 1]?.startsWith('>') !== true)];
      t.is(
        edited(text(before, eol), address),
        text(
          after.map((line) => line.replace(/^[>+]/, '')),
          eol,
        ),
      );
    });
  }
}

test('a last line without an end', (t) => {
  const source = text([...SESSION, 'c=IN IP4 10.0.0.5', 't=0 0', 'm=audio 4000 RTP/AVP 0', 'm=x 1 TCP *']).slice(0, -2);
  t.is(
    edited(source),
    text([
      ...SESSION,
      'c=IN IP4 203.0.113.9',
      't=0 0',
      'm=audio 30000 RTP/AVP 0',
      'm=x 1 TCP *',
      'c=IN IP4 10.0.0.5',
    ]).slice(0, -2),
  );
});

const bad: readonly (readonly [title: string, source: string])[] = [
  ['empty', ''],
  ['something else', '<xml/>'],
  ['another version', 'v=1\r\nc=IN IP4 10.0.0.5\r\nm=audio 4000 RTP/AVP 0\r\n'],
  ['a line without a type', 'v=0\r\naudio\r\n'],
  ['a port that is none', 'v=0\r\nc=IN IP4 10.0.0.5\r\nm=audio x RTP/AVP 0\r\n'],
  ['no port', 'v=0\r\nc=IN IP4 10.0.0.5\r\nm=audio  RTP/AVP 0\r\n'],
  ['a port that is too high', 'v=0\r\nc=IN IP4 10.0.0.5\r\nm=audio 65536 RTP/AVP 0\r\n'],
  ['no formats', 'v=0\r\nc=IN IP4 10.0.0.5\r\nm=audio 4000 RTP/AVP\r\n'],
  ['no address', 'v=0\r\nm=audio 4000 RTP/AVP 0\r\n'],
  ['another network', 'v=0\r\nc=ATM NSAP 47.0091\r\nm=audio 4000 RTP/AVP 0\r\n'],
  ['a c= with more behind', 'v=0\r\nc=IN IP4 10.0.0.5 x\r\nm=audio 4000 RTP/AVP 0\r\n'],
  ['two c= of the session', 'v=0\r\nc=IN IP4 10.0.0.5\r\nc=IN IP4 10.0.0.6\r\nm=audio 4000 RTP/AVP 0\r\n'],
  ['an a=rtcp without a port', 'v=0\r\nc=IN IP4 10.0.0.5\r\nm=audio 4000 RTP/AVP 0\r\na=rtcp:\u00b2\r\n'],
  ['too long', `v=0\r\nc=IN IP4 10.0.0.5\r\na=${'x'.repeat(65_536)}\r\n`],
  ['too many lines', `v=0\r\nc=IN IP4 10.0.0.5\r\n${'a=x\r\n'.repeat(2000)}`],
  ['too much media', `v=0\r\nc=IN IP4 10.0.0.5\r\n${'m=audio 4000 RTP/AVP 0\r\n'.repeat(17)}`],
];

for (const [title, source] of bad) {
  test(`not read: ${title}`, (t) => {
    t.is(edited(source), 'bad');
  });
}

test('who does ICE is seen, in the session and in its media (RFC 8839)', (t) => {
  const of = (line: string): boolean | undefined =>
    readSdp(Buffer.from(text([...SESSION, 'c=IN IP4 10.0.0.5', 't=0 0', 'm=audio 4000 RTP/AVP 0', line])))?.ice;
  t.true(of('a=ice-ufrag:x'));
  t.true(of('a=candidate:1 1 UDP 2 10.0.0.5 4000 typ host'));
  t.false(of('a=ice-mismatch'));
  t.false(of('a=sendrecv'));
});

test('silence on hold means nothing', (t) => {
  const of = (...lines: readonly string[]): boolean => {
    const sdp = readSdp(Buffer.from(text([...SESSION, 'c=IN IP4 10.0.0.5', 't=0 0', ...lines])));
    if (sdp === undefined) throw new Error('bad');
    return isHeld(sdp);
  };
  t.false(of('m=audio 4000 RTP/AVP 0'));
  t.true(of('m=audio 4000 RTP/AVP 0', 'a=sendonly'));
  t.true(of('a=inactive', 'm=audio 4000 RTP/AVP 0'));
  t.false(of('a=inactive', 'm=audio 4000 RTP/AVP 0', 'a=sendrecv'));
  t.true(of('m=audio 4000 RTP/AVP 0', 'c=IN IP4 0.0.0.0'));
  t.false(of('m=audio 4000 RTP/AVP 0', 'a=recvonly', 'm=video 4002 RTP/AVP 31'));
});
