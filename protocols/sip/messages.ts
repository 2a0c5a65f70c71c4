import type { Jid } from '#src/address/jid.ts';
import type { Blocking } from '#src/im/blocking.ts';
import type { Outcome } from '#src/router/outcome.ts';
import type { Router } from '#src/router/router.ts';
import type { Registry } from '#src/session/registry.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import type { Store } from '#src/store/store.ts';
import { type StanzaEdge, statusOf, type StatusRefusal } from './edge.ts';
import type { Incoming } from './incoming.ts';
import { SipResponse } from './message/message.ts';
import type { MethodHandler, Received, Sender } from './received.ts';

export interface MessagesParts {
  readonly router: Router;
  readonly registry: Registry;
  readonly blocking: Blocking;
  readonly store: Store;
  edge(): StanzaEdge;
}

/** MESSAGE to accounts of this server (RFC 3428): a stanza on its way through the core, which blocks, stores and copies it like any other. */
export class Messages implements MethodHandler {
  readonly #parts: MessagesParts;
  /** Plain numbers by status: read by the metrics. */
  readonly counters = { delivered: 0, stored: 0, refused: 0 };

  constructor(parts: MessagesParts) {
    this.#parts = parts;
  }

  handle(received: Received): void {
    const { request, sender, to } = received;
    const from = senderOf(sender);
    if (to.kind === 'host' || from === undefined)
      return this.#refuse(received, { status: to.kind === 'host' ? 404 : 403 });
    // The disk is behind, and nothing is accepted that cannot be kept.
    if (this.#parts.store.pressure) return this.#refuse(received, { status: 503, fields: [['Retry-After', '5']] });
    const stanza = this.#parts.edge().toStanza(request, from, to.jid);
    if ('status' in stanza) return this.#refuse(received, stanza);
    const outcome = this.#submit(stanza, from, to.jid);
    if (typeof outcome === 'number') return this.#refuse(received, { status: outcome });
    this.#whenDurable(received, outcome);
  }

  /** What became of it, or a status where that says more. */
  #submit(stanza: Stanza, from: Jid, to: Jid): Outcome | number {
    const { blocking, router } = this.#parts;
    // RFC 7247 section 7.1 note 5: what XMPP hides as service-unavailable is 403 here.
    if (from.bare !== to.bare && (blocking.blocks(to, from) || blocking.blocks(from.asBare(), to))) return 403;
    const host = router.host(from.domain);
    const session = this.#parts.registry.find(from);
    const outbound = host?.hooks.decision('stanza/outbound');
    const judged = session === undefined ? undefined : outbound?.ask({ session, stanza });
    const outcome = judged ?? router.route(stanza);
    if (outcome.kind !== 'refused' && session !== undefined)
      host?.hooks.notice('message/sent').tell({ session, stanza });
    // Nobody is there, and nothing is kept for them.
    if (outcome.kind === 'refused' && outcome.refusal.condition === 'service-unavailable') return 480;
    return outcome;
  }

  /** 200 or 202 says that the message will not be lost: it is on the disk before. */
  #whenDurable(tx: Incoming, outcome: Outcome): void {
    if (outcome.kind === 'refused') {
      const { text } = outcome.refusal;
      return this.#refuse(tx, { status: statusOf(outcome.refusal), ...(text === undefined ? {} : { reason: text }) });
    }
    const accept = (): void => {
      const stored = outcome.kind === 'stored';
      this.counters[stored ? 'stored' : 'delivered'] += 1;
      tx.respond(SipResponse.to(tx.request, stored ? 202 : 200));
    };
    const durable = this.#parts.store.barrier();
    if (durable === undefined) accept();
    else durable.then(accept, () => this.#refuse(tx, { status: 500, reason: 'Not Stored' }));
  }

  #refuse(tx: Incoming, { fields, reason, status }: StatusRefusal): void {
    this.counters.refused += 1;
    const phrase = reason === undefined ? {} : { reason };
    tx.respond(SipResponse.to(tx.request, status, { ...phrase, ...(fields === undefined ? {} : { fields }) }));
  }
}

/** The address that a message is from; undefined for somebody who has none. */
function senderOf(sender: Sender): Jid | undefined {
  if (sender.kind === 'local') return sender.device ?? sender.account;
  return sender.kind === 'foreign' ? sender.jid : undefined;
}
