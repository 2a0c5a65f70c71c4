import test from 'ava';
import { noteSource, responsePlace } from '#protocols/sip/transport/via-routing.ts';
import { REQUEST, requestOf } from '#test/unit/sip/message/fixture.ts';

/** Where the response to a request from 192.0.2.4:4444 with this Via goes. */
function place(via: string): string {
  const request = noteSource(requestOf(REQUEST.with(1, `Via: ${via}`)), '192.0.2.4', 4444);
  const found = request.via && responsePlace(request.via);
  return found === undefined ? '' : `${found.address}:${found.port}`;
}

const CASES: readonly (readonly [about: string, via: string, expected: string])[] = [
  ['a name', 'SIP/2.0/UDP a.example:5070;branch=z9hG4bK1', '192.0.2.4:5070'],
  ['a name without port', 'SIP/2.0/UDP a.example;branch=z9hG4bK1', '192.0.2.4:5060'],
  ['another address', 'SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1', '192.0.2.4:5070'],
  ['its own address', 'SIP/2.0/UDP 192.0.2.4:5070;branch=z9hG4bK1', '192.0.2.4:5070'],
  ['rport', 'SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bK1;rport', '192.0.2.4:4444'],
  ['received by the client', 'SIP/2.0/UDP 192.0.2.4:5070;branch=z9hG4bK1;received=203.0.113.9', '192.0.2.4:5070'],
  [
    'the same, with another sent-by',
    'SIP/2.0/UDP a.example:5070;branch=z9hG4bK1;received=203.0.113.9',
    '192.0.2.4:5070',
  ],
  ['maddr', 'SIP/2.0/UDP 192.0.2.4:5070;branch=z9hG4bK1;maddr=203.0.113.9', '192.0.2.4:5070'],
];

for (const [about, via, expected] of CASES) {
  test(`a response goes to where the request came from: ${about}`, (t) => t.is(place(via), expected));
}
