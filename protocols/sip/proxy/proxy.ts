/**
 * RFC 3261 section 16: the stateful, forking proxy. Whoever uses it decides who may be forwarded, and where to:
 *
 *   validate   (16.3)  -> validate.ts      a refusal, or nothing
 *   preprocess (16.4)  -> preprocess.ts    the request without our Routes, and whether it is inside a dialog of ours
 *   targets    (16.5)  -> the caller of `forward`; inside a dialog this file, by the route token (sides.ts)
 *   forward    (16.6)  -> context.ts, and for each target forward.ts and branch.ts
 *   responses  (16.7)  -> branch.ts, context.ts, best-response.ts
 */
import type { Timers } from '#src/net/timers.ts';
import { type SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import type { NameAddr } from '#protocols/sip/message/name-addr.ts';
import type { SipUri } from '#protocols/sip/message/uri.ts';
import type { ClientHandler } from '#protocols/sip/transaction/client.ts';
import type { ServerTransaction } from '#protocols/sip/transaction/server.ts';
import type { Transactions } from '#protocols/sip/transaction/transactions.ts';
import type { Destination } from '#protocols/sip/transport/destination.ts';
import type { Transports } from '#protocols/sip/transport/transports.ts';
import { forwardAck } from './ack.ts';
import type { BranchParts } from './branch.ts';
import { incomingBreadth } from './breadth.ts';
import { type ProxyWatcher, ResponseContext } from './context.ts';
import {
  fixStrictRoute,
  insertRecordRoutes,
  isSips,
  isStrict,
  nextHop,
  pushRoutes,
  setFrom,
  setMaxBreadth,
  setMaxForwards,
  setRequestUri,
} from './forward.ts';
import { loopBranch, loopHash } from './loop.ts';
import { type MediaHook, through } from './media.ts';
import { type OwnUri, type Preprocessed, preprocess } from './preprocess.ts';
import { createsDialog, recordRoutes, type RoutePlace } from './record-route.ts';
import type { RouteTokens, TokenMatch } from './route-token.ts';
import { calleeSide, callerSide, isFixed, type OwnerOf, type Relocate, wayTo } from './sides.ts';
import type { ForwardTarget } from './target.ts';
import { type ProxyRefusal, validate } from './validate.ts';

export interface ProxyOptions {
  readonly transactions: Transactions;
  readonly transports: Transports;
  /** A wheel; coarse ticks do. */
  readonly timers: Timers;
  readonly tokens: RouteTokens;
  /** RFC 3263: the places to try, in order. Rejects when there are none. */
  readonly locate: (uri: SipUri) => Promise<readonly Destination[]>;
  /** A listener of ours, or a host that is served: URIs in Route, and Request-URIs of strict routers. */
  readonly isOwn: OwnUri;
  /** Where a device is now that was called by this Contact and has lost its connection. */
  readonly relocate?: Relocate;
  readonly ownerOf?: OwnerOf;
  /**
   * RFC 5627 section 6.1: where a Request-URI that is a GRUU of ours leads now; 'gone' when its device is not there. Undefined for other URIs.
   */
  readonly translate?: (uri: SipUri) => ForwardTarget | 'gone' | undefined;
  /** Where a side of a request's dialog is, as it was told last. */
  readonly placesOf?: (request: SipRequest, side: 'caller' | 'callee') => readonly string[];
  /** Answers challenges to a request of a dialog that goes to a side at this URI, where this server has an account there. */
  readonly authorizer?: (request: SipRequest, side: 'caller' | 'callee', hop: string) => ForwardTarget['authorize'];
  readonly watcher?: ProxyWatcher;
  readonly media?: MediaHook;
  /** Milliseconds: "MUST be larger than 3 minutes" (section 16.6 step 11). */
  readonly timerC?: number;
}

const TIMER_C = 185_000;

export class Proxy {
  readonly #options: ProxyOptions;

  constructor(options: ProxyOptions) {
    this.#options = options;
  }

  /** Section 16.4. */
  preprocess(request: SipRequest): Preprocessed {
    return preprocess(request, this.#options.tokens, this.#options.isOwn);
  }

  /** Whether a request belongs to a dialog that began through this server, and says so by a Route of ours: it needs no credentials. */
  isInDialog(request: SipRequest): boolean {
    return this.preprocess(request).dialog !== undefined;
  }

  isOwnRoute({ sipUri }: NameAddr): boolean {
    return sipUri !== undefined && this.#options.isOwn(sipUri);
  }

  /**
   * Forwards a request to `targets` and answers it by what they answer; an empty set is answered 480. What does not pass section 16.3 is refused.
   * @param request the transaction's, as section 16.4 left it and with whatever else was changed
   */
  forward(
    transaction: ServerTransaction,
    request: SipRequest,
    targets: readonly ForwardTarget[],
    dialog?: TokenMatch,
  ): ResponseContext | undefined {
    const refusal = this.#validate(transaction.request);
    if (refusal !== undefined) {
      transaction.respond(SipResponse.to(transaction.request, refusal.status, refusal));
      return undefined;
    }
    const hash = loopHash(transaction.request);
    const context = new ResponseContext({
      transaction,
      request,
      dialog,
      breadth: incomingBreadth(request),
      watcher: this.#options.watcher ?? {},
      branch: (target, share) => this.#branch(transaction, request, target, share, hash, dialog),
    });
    context.start(targets);
    return context;
  }

  /** Forwards a request inside a dialog, where its route token says. Not to be called without one. */
  inDialog(transaction: ServerTransaction, preprocessed: Preprocessed): ResponseContext | undefined {
    const { dialog, request } = preprocessed;
    const target = this.#dialogTarget(preprocessed);
    if (typeof target === 'object') return this.forward(transaction, request, [target], dialog);
    // RFC 5626 section 5.3: "a 430 (Flow Failed)" when the flow of a token has failed.
    transaction.respond(SipResponse.to(transaction.request, target === 'elsewhere' ? 403 : 430));
    return undefined;
  }

  /** An ACK for a 2xx: a transaction of its own, which is forwarded without state (section 16.11). @returns false when it is of no dialog of ours */
  forwardAck(ack: SipRequest): boolean {
    const preprocessed = this.preprocess(ack);
    if (preprocessed.dialog === undefined || this.#validate(ack) !== undefined) return false;
    const target = this.#dialogTarget(preprocessed);
    if (typeof target !== 'object') return false;
    const { locate, media, transactions, transports } = this.#options;
    const request = media?.ack(preprocessed.request, preprocessed.dialog) ?? preprocessed.request;
    forwardAck(prepare(request, target, undefined), ack, target.destination, {
      locate,
      transports,
      withVia: (prepared, destination, branch) => transactions.withVia(prepared, destination, branch),
    });
    return true;
  }

  /**
   * Sends a request of this server's own inside a dialog that it forwards, as if it came from one of the sides.
   * @param request with the Route that the side would give it, ours on top
   * @returns false when it cannot be sent: the other side is gone
   */
  originate(request: SipRequest, handler: ClientHandler): boolean {
    const { locate, transactions } = this.#options;
    const preprocessed = this.preprocess(request);
    const target = this.#dialogTarget(preprocessed);
    if (typeof target !== 'object') return false;
    const prepared = prepare(preprocessed.request, target, undefined);
    if (target.destination !== undefined) {
      transactions.request(prepared.request, target.destination, handler);
      return true;
    }
    if (prepared.hop === undefined) return false;
    const sent = locate(prepared.hop).then(([first]) => {
      if (first === undefined) throw new Error('no address');
      return transactions.request(prepared.request, first, handler);
    });
    sent.catch((error: unknown) => handler.onTransportError(error));
    return true;
  }

  /** Section 16.3, steps 1 to 5. */
  #validate(request: SipRequest): ProxyRefusal | undefined {
    const { transports } = this.#options;
    return validate(request, (host, port) => transports.isOwn(host, port));
  }

  #dialogTarget({ dialog, request }: Preprocessed): ForwardTarget | 'gone' | 'elsewhere' {
    const { authorizer, placesOf, relocate, translate, transports } = this.#options;
    if (dialog === undefined) return 'gone';
    const { requestUri } = request;
    const device = requestUri?.kind === 'sip' && !request.headers.has('Route') ? translate?.(requestUri) : undefined;
    if (device !== undefined) return device;
    const hop = request.routes?.[0]?.uri ?? request.uri;
    const way = wayTo(dialog.side, request.uri, hop, {
      flow: (id) => transports.flow(id),
      places: () => placesOf?.(request, dialog.toward) ?? [],
      ...(relocate === undefined ? {} : { relocate }),
    });
    if (way === 'gone' || way === 'elsewhere') return way;
    if (way !== 'located') return { uri: request.uri, destination: way };
    const authorize = authorizer?.(request, dialog.toward, hop);
    return authorize === undefined ? { uri: request.uri } : { uri: request.uri, authorize };
  }

  #branch(
    transaction: ServerTransaction,
    request: SipRequest,
    target: ForwardTarget,
    breadth: number,
    hash: string,
    dialog: TokenMatch | undefined,
  ): BranchParts {
    const { locate, media, timerC = TIMER_C, timers, transactions } = this.#options;
    const exchange = media?.begin(transaction, target, dialog);
    return {
      ...prepare(request, target, breadth),
      target,
      breadth,
      transactions: exchange === undefined ? transactions : through(exchange, transactions),
      timers,
      timerC,
      locate,
      recordRoute: (prepared, destination) => this.#recordRoute(transaction, target, prepared, destination, dialog),
      newBranch: () => loopBranch(transactions.newBranch(), hash),
    };
  }

  /** Section 16.6 step 4. */
  #recordRoute(
    { flow, request }: ServerTransaction,
    target: ForwardTarget,
    prepared: SipRequest,
    destination: Destination,
    dialog: TokenMatch | undefined,
  ): SipRequest {
    if (!createsDialog(request)) return prepared;
    const { ownerOf = () => undefined } = this.#options;
    const sides = {
      caller: callerSide(request, flow, ownerOf, target.elsewhere === true || isFixed(dialog?.from)),
      callee: dialog !== undefined && isFixed(dialog.side) ? dialog.side : calleeSide(target, destination, ownerOf),
    };
    const token = this.#options.tokens.make(request, sides);
    const edit = prepared.edit();
    insertRecordRoutes(edit, recordRoutes(token, this.#place({ flow }), this.#place(destination), isSips(prepared)));
    return edit.done();
  }

  #place(destination: Destination): RoutePlace {
    const { transports } = this.#options;
    const ours = 'flow' in destination ? destination.flow : destination.transport;
    return { transport: typeof ours === 'string' ? ours : ours.transport, ...transports.sentBy(ours) };
  }
}

/** Steps 1 to 3 and 6 of section 16.6, and what step 7 looks at. */
function prepare(
  received: SipRequest,
  { from, routes = [], uri }: ForwardTarget,
  breadth: number | undefined,
): Pick<BranchParts, 'request' | 'hop' | 'caller'> {
  const edit = received.edit();
  setRequestUri(edit, uri);
  const caller = from === undefined ? undefined : setFrom(edit, received, from);
  setMaxForwards(edit, received);
  if (breadth !== undefined) setMaxBreadth(edit, breadth);
  pushRoutes(edit, routes);
  const routed = edit.done();
  const strict = isStrict(routed);
  const request = strict ? fixStrictRoute(routed) : routed;
  return { request, hop: nextHop(request, strict), caller };
}
