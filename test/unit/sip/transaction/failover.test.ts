/** RFC 3263 section 4.3: which events lead to the next place. */
import test from 'ava';
import { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import type { ClientHandler } from '#protocols/sip/transaction/client.ts';
import { tryEach } from '#protocols/sip/transaction/failover.ts';
import type { AddressDestination } from '#protocols/sip/transport/destination.ts';

const request = SipRequest.make('OPTIONS', 'sip:example.org', [
  ['Via', 'SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa'],
  ['From', '<sip:a@example.net>;tag=1'],
  ['To', '<sip:example.org>'],
  ['Call-ID', 'c1'],
  ['CSeq', '1 OPTIONS'],
]);
const place = (host: number): AddressDestination => ({ transport: 'udp', address: `192.0.2.${host}`, port: 5060 });

/** What happens at each place, and what the user hears in the end. */
const rows: readonly (readonly [title: string, events: readonly string[], heard: readonly string[]])[] = [
  ['the first answers', ['200'], ['200']],
  ['a refusal is an answer', ['404'], ['404']],
  ['the first cannot be reached', ['error', '200'], ['200']],
  ['the first does not answer', ['timeout', '200'], ['200']],
  ['the first is overloaded', ['503', '200'], ['200']],
  ['provisional responses are passed on', ['100 200'], ['100', '200']],
  ['none can be reached', ['error', 'error', 'error'], ['error']],
  ['none answers', ['timeout', 'timeout', 'timeout'], ['timeout']],
  ['all are overloaded', ['503', '503', '503'], ['503']],
];
for (const [title, events, heard] of rows) {
  test(title, (t) => {
    const said: string[] = [];
    const user: ClientHandler = {
      onResponse: ({ status }) => void said.push(String(status)),
      onTimeout: () => void said.push('timeout'),
      onTransportError: () => void said.push('error'),
      onTerminated: () => void said.push('over'),
    };
    const asked: string[] = [];
    const begin = (destination: AddressDestination, handler: ClientHandler): void => {
      asked.push(destination.address);
      for (const event of events[asked.length - 1]?.split(' ') ?? []) {
        if (event === 'error') handler.onTransportError(new Error('gone'));
        else if (event === 'timeout') handler.onTimeout();
        else handler.onResponse(SipResponse.to(request, Number(event)));
      }
      handler.onTerminated?.();
    };
    tryEach(begin, [place(1), place(2), place(3)], user);
    t.deepEqual(said, [...heard, 'over']);
    t.is(asked.length, events.length);
  });
}

test('no place at all is a transport error', (t) => {
  const said: string[] = [];
  tryEach(() => t.fail(), [], {
    onResponse: () => t.fail(),
    onTimeout: () => t.fail(),
    onTransportError: (error) => said.push(String(error)),
  });
  t.deepEqual(said, ['Error: there is no place to send it to']);
});
