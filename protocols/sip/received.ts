import type { Jid } from '#src/address/jid.ts';
import type { Addressee } from './addresses.ts';
import type { Incoming } from './incoming.ts';
import type { ServerTransaction } from './transaction/server.ts';

/** Who sent a request. */
export type Sender =
  /** An account of this server that has proved itself. `device` is set when the request came by the flow of its registration. */
  | { readonly kind: 'local'; readonly account: Jid; readonly device: Jid | undefined }
  /** Somebody elsewhere whom the rules let in. `jid` is what From says, if it says an address. */
  | { readonly kind: 'foreign'; readonly jid: Jid | undefined }
  /** A provider of numbers. */
  | { readonly kind: 'trunk'; readonly name: string };

/** A request that has passed all checks, with its sender and whom it is for. */
export interface Received extends Incoming {
  readonly transaction: ServerTransaction;
  readonly sender: Sender;
  readonly to: Addressee;
}

/** A part that answers the requests of a method itself: the server is their UAS. */
export interface MethodHandler {
  /** A request inside a dialog of this part: it is not challenged again (the part knows its sender). */
  knows?(request: Incoming['request']): boolean;
  /** A request within such a dialog. */
  handleInDialog?(tx: ServerTransaction): void;
  /** Does it leave a request to the devices of the account? Asked before the sender has to prove anything. */
  leaves?(request: Incoming['request']): boolean;
  /** A request outside of dialogs, for an account that exists or for a host. 'pass' leaves it to the devices of the account. */
  handle(received: Received): 'pass' | void;
  /** The account that a name of a host stands for which is no account's: a list that the account keeps, for example. */
  claims?(name: Jid): Jid | undefined;
  /** Event packages that it brings (Allow-Events). */
  readonly events?: readonly string[];
}
