import test from 'ava';
import { isRelayed, type Offer, strongest, toldBySender, toldByTarget } from '#protocols/sip/media/decision.ts';
import { asSeen, isHidden, mayDescribe, type Party } from '#protocols/sip/media/party.ts';
import { readSdp } from '#protocols/sip/media/sdp.ts';
import { SipRequest } from '#protocols/sip/message/message.ts';

const OWN = { has: (address: string) => ['192.168.1.1', '203.0.113.9', '127.0.0.1', '2001:db8::9'].includes(address) };
const party = (signalling: string): Party => ({ signalling, local: '192.168.1.1', told: '203.0.113.9' });

const places: readonly (readonly [
  address: string,
  signalling: string,
  hidden: boolean,
  believed: boolean,
  why: string,
])[] = [
  ['10.0.0.5', '198.51.100.7', true, false, 'private, from elsewhere (RFC 1918)'],
  ['172.16.0.5', '198.51.100.7', true, false, 'the same'],
  ['192.168.0.5', '198.51.100.7', true, false, 'the same'],
  ['100.64.0.5', '198.51.100.7', true, false, "a carrier's (RFC 6598)"],
  ['169.254.0.5', '198.51.100.7', true, false, 'link-local (RFC 3927)'],
  ['fd00::5', '2001:db8::7', true, false, 'unique local (RFC 4193)'],
  ['fe80::5', '2001:db8::7', true, false, 'link-local (RFC 4291)'],
  ['fd00::5', '198.51.100.7', true, false, 'another family'],
  ['10.0.0.5', '127.0.0.2', true, false, 'private, from this machine'],
  ['10.0.0.5', '192.168.1.7', true, false, 'private, from another private network'],
  ['10.0.0.5', '10.0.0.5', false, true, 'where the signalling comes from'],
  ['10.0.0.5', '10.200.0.7', false, true, 'the same private network'],
  ['172.31.0.5', '172.16.0.7', false, true, 'the same private network'],
  ['172.32.0.5', '198.51.100.7', false, true, 'public'],
  ['198.51.100.7', '198.51.100.7', false, true, 'public'],
  ['198.51.100.8', '198.51.100.7', false, true, 'a provider with machines for media'],
  ['198.51.100.8', '10.0.0.7', false, true, 'private signalling, public media'],
  ['2001:db8::7', '2001:db8::7', false, true, 'public'],
  ['127.0.0.1', '198.51.100.7', false, false, 'our loopback'],
  ['127.0.0.9', '198.51.100.7', false, false, 'our loopback'],
  ['::1', '198.51.100.7', false, false, 'our loopback'],
  ['::ffff:127.0.0.1', '198.51.100.7', false, false, 'our loopback, mapped'],
  ['::ffff:10.0.0.5', '198.51.100.7', true, false, 'private, mapped'],
  ['127.0.0.9', '127.0.0.1', false, true, 'both on this machine'],
  ['192.168.1.1', '198.51.100.7', false, false, 'this machine, from elsewhere'],
  ['203.0.113.9', '198.51.100.7', false, false, 'this machine as it is known elsewhere'],
  ['192.168.1.1', '127.0.0.1', false, true, 'both on this machine'],
  ['192.168.1.1', '192.168.1.1', false, true, 'a phone on this machine'],
  ['0.0.0.0', '198.51.100.7', false, false, 'hold (RFC 3264 section 8.4)'],
  ['0.0.0.0', '0.0.0.0', false, false, 'nobody'],
  ['224.0.1.1', '198.51.100.7', false, false, 'multicast'],
  ['ff02::1', '2001:db8::7', false, false, 'multicast'],
  ['255.255.255.255', '198.51.100.7', false, false, 'broadcast'],
  ['phone.example.org', '198.51.100.7', false, false, 'a name'],
  ['', '198.51.100.7', false, false, 'nothing'],
];

for (const [address, signalling, hidden, believed, why] of places) {
  test(`${address || 'none'} of a party at ${signalling}: ${why}`, (t) => {
    t.is(isHidden(address, signalling, OWN), hidden);
    t.is(mayDescribe(address, party(signalling), OWN), believed);
  });
}

const SDP = (address: string, media = 'm=audio 4000 RTP/AVP 0', ...more: readonly string[]) => {
  const lines = ['v=0', 'o=- 1 1 IN IP4 10.9.9.9', 's=-', `c=IN IP4 ${address}`, 't=0 0', media, ...more, ''];
  const sdp = readSdp(Buffer.from(lines.join('\r\n')));
  if (sdp === undefined) throw new Error('bad');
  return sdp;
};

const offer = (rest: Partial<Offer> = {}): Offer => ({
  sdp: SDP('198.51.100.7'),
  from: party('198.51.100.7'),
  to: party('198.51.100.8'),
  fromTold: [],
  toTold: [],
  initial: true,
  ...rest,
});

const ICE = SDP('10.0.0.5', 'm=audio 4000 RTP/AVP 0', 'a=ice-ufrag:x');

const decisions: readonly (readonly [title: string, offer: Offer, nat: boolean, always: boolean])[] = [
  ['both in the open', offer(), false, true],
  ['the description tells of a NAT', offer({ sdp: SDP('10.0.0.5') }), true, true],
  ['Via or Contact of the caller does', offer({ fromTold: ['', '10.0.0.5'] }), true, true],
  ['the Contact of the callee does', offer({ toTold: ['192.168.7.7'] }), true, true],
  [
    'a phone beside the server, called from elsewhere',
    offer({ to: party('192.168.7.7'), toTold: ['192.168.7.7'] }),
    true,
    true,
  ],
  [
    'a phone beside the server, that calls elsewhere',
    offer({ sdp: SDP('192.168.7.7'), from: party('192.168.7.7') }),
    true,
    true,
  ],
  [
    'two phones beside the server',
    offer({
      sdp: SDP('192.168.7.7'),
      from: party('192.168.7.7'),
      fromTold: ['192.168.7.7'],
      to: party('192.168.7.9'),
      toTold: ['192.168.7.9'],
    }),
    false,
    true,
  ],
  [
    'a phone beside the server, and one on the same machine',
    offer({ sdp: SDP('192.168.7.7'), from: party('192.168.7.7'), to: party('127.0.0.1'), toTold: ['127.0.0.1'] }),
    false,
    true,
  ],
  ['ICE (RFC 8839): at first only where all is relayed', offer({ sdp: ICE }), false, true],
  ['ICE later', offer({ sdp: ICE, initial: false }), false, false],
  ['nothing but a refused stream', offer({ sdp: SDP('10.0.0.5', 'm=audio 0 RTP/AVP 0') }), false, false],
  ['nothing but TCP', offer({ sdp: SDP('10.0.0.5', 'm=message 7 TCP/MSRP *') }), false, false],
  ['multicast', offer({ sdp: SDP('224.2.1.1/127') }), false, false],
  [
    'a call that was relayed and has come back',
    offer({ sdp: SDP('203.0.113.9', 'm=audio 30000 RTP/AVP 0') }),
    false,
    false,
  ],
  ['hold', offer({ sdp: SDP('0.0.0.0') }), false, true],
];

for (const [title, given, nat, always] of decisions) {
  test(`relayed, ${title}: nat ${nat}, always ${always}`, (t) => {
    const isRelay = (address: string, port: number): boolean => address === '203.0.113.9' && port === 30_000;
    t.false(isRelayed('never', given, OWN, isRelay));
    t.is(isRelayed('nat', given, OWN, isRelay), nat);
    t.is(isRelayed('always', given, OWN, isRelay), always);
  });
}

test('two hosts: that which asks for more', (t) => {
  t.is(strongest([]), 'never');
  t.is(strongest(['nat', 'never']), 'nat');
  t.is(strongest(['nat', 'always']), 'always');
});

test('what a request tells of its sender, unless it came by a proxy', (t) => {
  const via = (host: string) => `SIP/2.0/UDP ${host}:5060;branch=z9hG4bK1`;
  const of = (vias: readonly string[], contact: string): readonly string[] =>
    toldBySender(
      SipRequest.make('INVITE', 'sip:a@example.org', [
        ...vias.map((host) => ['Via', via(host)] as const),
        ['Contact', contact],
      ]),
    ).filter((address) => address !== '');
  t.deepEqual(of(['10.0.0.5'], '<sip:a@10.0.0.6:5060>'), ['10.0.0.5', '10.0.0.6']);
  t.deepEqual(of(['[fd00::5]'], '<sip:a@[fd00::6]>'), ['fd00::5', 'fd00::6']);
  t.deepEqual(of(['phone.example.org'], '<sip:a@x.invalid;transport=ws>'), []);
  t.deepEqual(of(['203.0.113.1', '10.0.0.5'], '<sip:a@10.0.0.6>'), []);
});

test('what a phone that is called has told', (t) => {
  const destination = { transport: 'udp', address: '198.51.100.7', port: 5060 } as const;
  t.deepEqual(toldByTarget({ uri: 'sip:a@10.0.0.5:5060', destination }), ['10.0.0.5']);
  t.deepEqual(toldByTarget({ uri: 'sip:a@10.0.0.5:5060' }), []);
  t.deepEqual(toldByTarget({ uri: 'sip:a@10.0.0.5:5060', destination, routes: ['<sip:p;lr>'] }), []);
});

test('addresses are compared as sockets write them', (t) => {
  t.is(asSeen('2001:DB8:0:0::7'), '2001:db8::7');
  t.is(asSeen('fe80::7%eth0'), 'fe80::7');
  t.is(asSeen('::ffff:192.0.2.1'), '192.0.2.1');
  t.is(asSeen('192.0.2.1'), '192.0.2.1');
  t.is(asSeen('a:b'), 'a:b');
});
