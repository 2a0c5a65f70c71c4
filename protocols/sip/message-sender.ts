import { createHmac, type KeyObject } from 'node:crypto';
import type { Jid } from '#src/address/jid.ts';
import { sipUriFromJid } from '#src/address/uri.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { requestUriOf } from './binding.ts';
import type { MessageParts, StanzaEdge } from './edge.ts';
import { SipRequest, type SipResponse } from './message/message.ts';
import type { Sent } from './outbox.ts';
import type { SipSession } from './session.ts';
import type { ClientHandler } from './transaction/client.ts';

export interface SenderParts {
  /** Keeps identifiers from being guessed. */
  readonly secret: KeyObject;
  edge(): StanzaEdge;
  /** Sends a request to a device, its Path included; false when there is no way to it. */
  reach(session: SipSession, request: SipRequest, handler: ClientHandler, branch: string): boolean;
  /** Does what is sent to a device go by UDP? */
  datagrams(session: SipSession): boolean;
}

/**
 * RFC 3428 section 8: "the size of MESSAGE requests outside of a media session MUST NOT exceed 1300 bytes, unless the UAC has positive knowledge that
 * the message will not traverse a congestion-unsafe link". Longer texts are several messages; what cannot be parted is refused.
 */
const LARGEST = 1300;
/** Bytes of a Via at most, with the start line and the empty line; and of a body that is worth a message. */
const VIA = 190;
const SMALLEST = 100;

/** Answers that say that the device is not there, rather than that it does not want the message. */
const ABSENT: ReadonlySet<number> = new Set([408, 430, 480, 503, 504]);

/** Brings message stanzas to phones: RFC 3428 as a client. */
export class MessageSender {
  readonly #parts: SenderParts;
  /** Plain numbers: read by the metrics. */
  readonly counters = { sent: 0, taken: 0, rejected: 0, unreachable: 0 };

  constructor(parts: SenderParts) {
    this.#parts = parts;
  }

  /**
   * @param seq the same number for the same message: after a crash it is sent again under the same Call-ID and branch, so that a phone that has
   * it knows the request for a copy
   */
  send(session: SipSession, stanza: Stanza, seq: number, told: (sent: Sent) => void): void {
    const parts = this.#parts.edge().toRequest(stanza);
    if (parts === undefined) return told({ kind: 'taken' });
    const whole = this.#request(session, stanza, parts, this.#id(session, `${seq}`));
    const room = LARGEST - sizeOf(whole.request, session) + parts.body.length;
    if (parts.body.length <= room || !this.#parts.datagrams(session)) return this.#send(session, whole, told);
    if (!parts.contentType.startsWith('text/plain') || room < SMALLEST) return told({ kind: 'rejected', status: 513 });
    const pieces = cut(parts.body, room).map((body, at) =>
      this.#request(session, stanza, { ...parts, body }, this.#id(session, at === 0 ? `${seq}` : `${seq}\0${at}`)),
    );
    this.#sendEach(session, pieces, told);
  }

  #id({ jid }: SipSession, message: string): string {
    return createHmac('sha256', this.#parts.secret).update(`${jid.full}\0${message}`).digest('hex');
  }

  #request({ binding, jid }: SipSession, stanza: Stanza, parts: MessageParts, id: string): Made {
    const request = SipRequest.make(
      'MESSAGE',
      requestUriOf(binding),
      [
        ['Max-Forwards', '70'],
        ['From', `<${fromUri(stanza.from, jid)}>;tag=${id.slice(0, 16)}`],
        ['To', `<${sipUriFromJid(jid.asBare())}>`],
        ['Call-ID', parts.callId ?? id.slice(16, 48)],
        ['CSeq', '1 MESSAGE'],
        ...parts.fields,
      ],
      { type: parts.contentType, bytes: parts.body },
    );
    return { request, branch: `z9hG4bK${id.slice(32, 56)}` };
  }

  /** One after the other, as long as they are taken. */
  #sendEach(session: SipSession, [first, ...rest]: readonly Made[], told: (sent: Sent) => void): void {
    if (first === undefined) return told({ kind: 'taken' });
    this.#send(session, first, (sent) => (sent.kind === 'taken' ? this.#sendEach(session, rest, told) : told(sent)));
  }

  #send(session: SipSession, { branch, request }: Made, told: (sent: Sent) => void): void {
    this.counters.sent += 1;
    const listener = new Answered((sent) => {
      this.counters[sent.kind] += 1;
      told(sent);
    });
    if (!this.#parts.reach(session, request, listener, branch)) listener.onTimeout();
  }
}

interface Made {
  readonly request: SipRequest;
  readonly branch: string;
}

/** Bytes of a request with the Via and the routes that are still to come. */
function sizeOf({ body, headers, uri }: SipRequest, { binding }: SipSession): number {
  let size = VIA + uri.length + body.length;
  for (const { text } of headers.fields) size += Buffer.byteLength(text) + 2;
  for (const route of binding.path) size += route.length + 9;
  return size;
}

/** A text in pieces of at most so many bytes, between words where there are any. */
function cut(text: Buffer, most: number): readonly Buffer[] {
  const pieces: Buffer[] = [];
  let rest = text;
  while (rest.length > most) {
    const space = Math.max(rest.lastIndexOf(0x20, most - 1), rest.lastIndexOf(0x0a, most - 1)) + 1;
    let end = space > most / 2 ? space : most;
    // Not inside of a character.
    while (((rest[end] ?? 0) & 0xc0) === 0x80) end -= 1;
    pieces.push(rest.subarray(0, end));
    rest = rest.subarray(end);
  }
  return [...pieces, rest];
}

/** RFC 7572 section 4, table 1, note 1: with the device as GRUU. A message without sender is the server's. */
function fromUri(from: Jid | undefined, to: Jid): string {
  return from === undefined ? `sip:${to.domain}` : sipUriFromJid(from);
}

/** Tells once what became of a request. */
class Answered implements ClientHandler {
  #told: ((sent: Sent) => void) | undefined;

  constructor(told: (sent: Sent) => void) {
    this.#told = told;
  }

  onResponse({ status }: SipResponse): void {
    if (status < 200) return;
    // RFC 3261 section 8.2.2.2: 482 says that this very request came before.
    if (status < 300 || status === 482) this.#tell({ kind: 'taken' });
    else this.#tell(ABSENT.has(status) ? { kind: 'unreachable' } : { kind: 'rejected', status });
  }

  onTimeout(): void {
    this.#tell({ kind: 'unreachable' });
  }

  onTransportError(): void {
    this.#tell({ kind: 'unreachable' });
  }

  #tell(sent: Sent): void {
    const told = this.#told;
    this.#told = undefined;
    told?.(sent);
  }
}
