/**
 * One request that may carry an offer or an answer, with its responses (RFC 3264, RFC 6337 section 2): INVITE, PRACK and UPDATE. A request without
 * an offer may be answered by one, which the ACK or PRACK answers.
 */
import type { Buffer } from 'node:buffer';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import type { MediaExchange } from '#protocols/sip/proxy/media.ts';
import type { Destination } from '#protocols/sip/transport/destination.ts';
import { type SdpBody, sdpBody } from './body.ts';
import type { RelayedDialog } from './dialog.ts';
import type { Fork } from './fork.ts';
import type { Party } from './party.ts';
import { otherSide, type Side } from './parts.ts';
import { readSdp, type Sdp } from './sdp.ts';

/** A session description that was read. */
export interface Read {
  readonly body: SdpBody;
  readonly sdp: Sdp;
}

export interface ExchangeParts {
  /** Who sends the request. */
  readonly by: Side;
  /** That side, and the other one. */
  readonly sender: Party;
  readonly partyAt: (destination: Destination) => Party;
  /** The dialog of the request, if that is relayed. */
  readonly dialog: RelayedDialog | undefined;
  /** Tag of the callee, for requests inside a dialog. */
  readonly tag: string | undefined;
  /** Begins to relay what an offer asks for; undefined when it is not to be. */
  readonly begin: (sdp: Sdp, offerer: Side, parties: Readonly<Record<Side, Party>>) => Fork | undefined;
  /** Does it name a port of this relay? */
  readonly circles: (sdp: Sdp) => boolean;
  /** Tells of a body that says it is a session description and is none. */
  readonly bad: () => void;
}

/** Undefined without a session description; 'bad' for a body that says it is one and is none. */
export function readBody(message: SipRequest | SipResponse): Read | 'bad' | undefined {
  const body = sdpBody(message);
  if (body === undefined) return undefined;
  const sdp = readSdp(body.sdp);
  return sdp === undefined ? 'bad' : { body, sdp };
}

export function withSdp<M extends SipRequest | SipResponse>(message: M, body: SdpBody, sdp: Buffer): M {
  // An edit of a request makes a request, one of a response a response.
  return message.edit().body(message.get('Content-Type'), body.with(sdp)).done() as M;
}

export class Exchange implements MediaExchange {
  readonly #parts: ExchangeParts;
  #fork: Fork | undefined;
  #dialog: RelayedDialog | undefined;
  #target: Party | undefined;
  /** Both sides do ICE, or there is nothing to relay: nothing is touched any more. */
  #aside = false;
  /** The request had an offer. */
  #offered: Sdp | undefined;
  #id = '';
  #undo: (() => void) | undefined;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    this.#dialog = parts.dialog;
  }

  request(request: SipRequest, destination: Destination): SipRequest {
    const { by, dialog, sender } = this.#parts;
    this.#target = this.#parts.partyAt(destination);
    this.#id = exchangeId(by, request);
    // A further place: what was opened for the one before is over.
    if (dialog === undefined) this.#fork?.end();
    this.#fork = undefined;
    this.#offered = undefined;
    const read = this.#read(request);
    this.#aside = read === 'bad';
    if (read === undefined || read === 'bad') return request;
    this.#offered = read.sdp;
    if (dialog !== undefined) {
      this.#aside = this.#parts.circles(read.sdp);
      if (this.#aside) return request;
      dialog.moved(by, sender);
      this.#undo = dialog.save();
    }
    const sdp = dialog?.open === true ? dialog.read(by, read.sdp, this.#id, true) : this.#begin(read.sdp, by);
    if (sdp === undefined) this.#aside = dialog === undefined;
    return sdp === undefined ? request : withSdp(request, read.body, sdp);
  }

  response(response: SipResponse): SipResponse {
    const { status } = response;
    if (status >= 300) this.failed();
    if (status === 100 || status >= 300 || this.#aside) return response;
    const answered = this.#answer(response);
    if (status >= 200) this.#settle(response.cseq?.method);
    return answered;
  }

  failed(): void {
    this.#undo?.();
    this.#undo = undefined;
    if (this.#parts.dialog === undefined) this.#fork?.end();
  }

  #read(message: SipRequest | SipResponse): Read | 'bad' | undefined {
    const read = readBody(message);
    if (read === 'bad') this.#parts.bad();
    return read;
  }

  #settle(method: string | undefined): void {
    this.#undo = undefined;
    this.#fork?.settle();
    // While it rings there may be silence.
    if (method === 'INVITE') this.#dialog?.watch();
  }

  #answer(response: SipResponse): SipResponse {
    const { by, tag = response.to?.tag } = this.#parts;
    const read = this.#read(response);
    if (read === undefined || read === 'bad') return response;
    const { body, sdp } = read;
    const side = otherSide(by);
    if (this.#parts.circles(sdp)) return response;
    if (this.#offered?.ice === true && sdp.ice && this.#parts.dialog === undefined) {
      this.#aside = true;
      this.#fork?.end();
      return response;
    }
    const dialog = this.#parts.dialog ?? this.#dialogOf(sdp, side, tag);
    const edited = dialog?.open === true ? dialog.read(side, sdp, this.#id, this.#offered === undefined) : undefined;
    return edited === undefined ? response : withSdp(response, body, edited);
  }

  /** The dialog that a response belongs to; its offer may be the first that is made. */
  #dialogOf(sdp: Sdp, side: Side, tag: string | undefined): RelayedDialog | undefined {
    if (tag === undefined) return undefined;
    if (this.#fork === undefined && this.#offered === undefined) this.#open(sdp, side);
    this.#dialog = this.#fork?.dialog(tag);
    return this.#dialog;
  }

  #open(sdp: Sdp, offerer: Side): void {
    const { begin, by, sender } = this.#parts;
    const target = this.#target ?? sender;
    const parties = by === 'caller' ? { caller: sender, callee: target } : { caller: target, callee: sender };
    this.#fork = begin(sdp, offerer, parties);
  }

  /** The first offer that may be relayed. */
  #begin(sdp: Sdp, by: Side): Buffer | undefined {
    const { tag } = this.#parts;
    this.#open(sdp, by);
    // Before the callee has answered there is no dialog to read it for.
    if (tag === undefined) return this.#fork?.offer(sdp);
    this.#dialog = this.#fork?.dialog(tag);
    return this.#dialog?.read(by, sdp, this.#id, true);
  }
}

/** RFC 3261 section 15.1.1: a BYE ends the dialog when it is accepted, answered 481 or 408, or not at all. */
export function ending(dialog: RelayedDialog): MediaExchange {
  return {
    request: (request) => request,
    response(response) {
      const { status } = response;
      if ((status >= 200 && status < 300) || status === 481 || status === 408) dialog.end();
      return response;
    },
    failed: () => dialog.end(),
  };
}

/** The INVITE and its ACK are one. */
export const exchangeId = (by: Side, { cseq }: SipRequest): string => `${by} ${cseq?.number ?? ''}`;
