import { createHmac, type KeyObject } from 'node:crypto';
import type { Jid } from '#src/address/jid.ts';
import { sipUriFromJid } from '#src/address/uri.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { requestUriOf } from './binding.ts';
import type { StanzaEdge } from './edge.ts';
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
}

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
    const { jid } = session;
    const id = createHmac('sha256', this.#parts.secret).update(`${jid.full}\0${seq}`).digest('hex');
    const to = sipUriFromJid(jid.asBare());
    const request = SipRequest.make(
      'MESSAGE',
      requestUriOf(session.binding),
      [
        ['Max-Forwards', '70'],
        ['From', `<${fromUri(stanza.from, jid)}>;tag=${id.slice(0, 16)}`],
        ['To', `<${to}>`],
        ['Call-ID', parts.callId ?? id.slice(16, 48)],
        ['CSeq', '1 MESSAGE'],
        ...parts.fields,
      ],
      { type: parts.contentType, bytes: parts.body },
    );
    this.counters.sent += 1;
    const listener = new Answered((sent) => {
      this.counters[sent.kind] += 1;
      told(sent);
    });
    if (!this.#parts.reach(session, request, listener, `z9hG4bK${id.slice(32, 56)}`)) listener.onTimeout();
  }
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
