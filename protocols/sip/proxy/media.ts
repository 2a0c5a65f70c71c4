/** Where a media relay takes part in what is forwarded: it gives other session descriptions to both sides. The proxy itself reads none. */
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import type { ClientHandler } from '#protocols/sip/transaction/client.ts';
import type { ServerTransaction } from '#protocols/sip/transaction/server.ts';
import type { Transactions } from '#protocols/sip/transaction/transactions.ts';
import type { Destination } from '#protocols/sip/transport/destination.ts';
import type { TokenMatch } from './route-token.ts';
import type { ForwardTarget } from './target.ts';

/** One request on its way to one target, and what is answered to it. */
export interface MediaExchange {
  /** The request as it is sent there; asked again when it is sent to a further place. */
  request(request: SipRequest, destination: Destination): SipRequest;
  /** A response as it is passed on. */
  response(response: SipResponse): SipResponse;
  /** No response came. */
  failed(): void;
}

export interface MediaHook {
  /** Undefined when it has no part in the request. @param dialog absent for a request that begins one */
  begin(tx: ServerTransaction, target: ForwardTarget, dialog: TokenMatch | undefined): MediaExchange | undefined;
  /** An ACK for a 2xx. */
  ack(ack: SipRequest, dialog: TokenMatch): SipRequest;
}

/** Transactions whose requests and responses pass through an exchange. */
export function through(
  exchange: MediaExchange,
  transactions: Pick<Transactions, 'request'>,
): Pick<Transactions, 'request'> {
  // What becomes of an attempt means nothing to the relay once there is another.
  let latest = 0;
  const hearing = (handler: ClientHandler, attempt: number): ClientHandler => ({
    onResponse: (response) => handler.onResponse(attempt === latest ? exchange.response(response) : response),
    onTimeout: () => {
      if (attempt === latest) exchange.failed();
      handler.onTimeout();
    },
    onTransportError: (error) => {
      if (attempt === latest) exchange.failed();
      handler.onTransportError(error);
    },
    onTerminated: () => handler.onTerminated?.(),
  });
  return {
    request(request, destination, handler, options) {
      latest += 1;
      const edited = exchange.request(request, destination);
      return transactions.request(edited, destination, hearing(handler, latest), options);
    },
  };
}
