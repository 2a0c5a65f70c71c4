/** What a media relay is shown of a request that is tried at several places. */
import test from 'ava';
import { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { type MediaExchange, through } from '#protocols/sip/proxy/media.ts';
import type { ClientHandler, ClientTransaction } from '#protocols/sip/transaction/client.ts';
import type { Destination } from '#protocols/sip/transport/destination.ts';

const at = (port: number): Destination => ({ transport: 'udp', address: '192.0.2.1', port });

test('attempts that are over mean nothing any more', (t) => {
  const told: string[] = [];
  const exchange: MediaExchange = {
    request(request, destination) {
      told.push(`to ${'port' in destination ? destination.port : ''}`);
      return request.edit().set('X-Relay', told.length).done();
    },
    response(response) {
      told.push(String(response.status));
      return response;
    },
    failed: () => void told.push('failed'),
  };
  const handlers: ClientHandler[] = [];
  const sent: (string | undefined)[] = [];
  const transactions = through(exchange, {
    request(request, _destination, handler) {
      sent.push(request.get('X-Relay'));
      handlers.push(handler);
      // Nobody looks at it here.
      return {} as ClientTransaction;
    },
  });
  const heard: string[] = [];
  const handler: ClientHandler = {
    onResponse: ({ status }) => void heard.push(String(status)),
    onTimeout: () => void heard.push('timeout'),
    onTransportError: () => void heard.push('error'),
    onTerminated: () => void heard.push('over'),
  };
  const request = SipRequest.make('INVITE', 'sip:a@example.org', []);
  const response = (status: number): SipResponse => SipResponse.make(status, []);
  transactions.request(request, at(1), handler);
  handlers[0]?.onTimeout();
  transactions.request(request, at(2), handler);
  handlers[0]?.onTransportError(new Error('late'));
  handlers[0]?.onResponse(response(200));
  handlers[0]?.onTerminated?.();
  handlers[1]?.onResponse(response(180));
  handlers[1]?.onTransportError(new Error('gone'));
  t.deepEqual(sent, ['1', '3']);
  t.deepEqual(told, ['to 1', 'failed', 'to 2', '180', 'failed']);
  t.deepEqual(heard, ['timeout', 'error', '200', 'over', '180', 'error']);
});
