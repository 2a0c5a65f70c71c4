import type { Access } from '#src/accounts/access.ts';
import { originOf, parseIp } from '#src/address/ip.ts';
import { SipResponse } from './message/message.ts';
import type { Charge } from './proxy/call-counts.ts';
import type { Calls } from './proxy/calls.ts';
import type { Sender } from './received.ts';
import type { ServerTransaction } from './transaction/server.ts';
import type { Trunk } from './trunks/trunk.ts';
import type { Trunks } from './trunks/trunks.ts';

export interface CallLimitsParts {
  readonly access: (host: string) => Access;
  readonly calls: Pick<Calls, 'refused'>;
  readonly trunks: Pick<Trunks, 'get'>;
}

/** Seconds after which a caller may try again (RFC 3261 section 21.5.4). */
const RETRY_AFTER = 10;

/** How many calls each caller may have at once: the rule `max_calls` for accounts and for places elsewhere, the setting of a trunk for that. */
export class CallLimits {
  readonly #parts: CallLimitsParts;
  /** Calls that were refused, by whose bound it was. Plain numbers: read by the metrics. */
  readonly counters = { account: 0, trunk: 0, source: 0, table: 0 };

  constructor(parts: CallLimitsParts) {
    this.#parts = parts;
  }

  /**
   * Answers an INVITE that begins a call too many. To be asked in the turn in which it is forwarded.
   *
   * The answer is 486: "the callee is currently not willing or able to take additional calls" (RFC 3261 section 21.4.21) is what the person is to
   * hear, a busy tone. After a 503 the phone would send nothing to this server for a while ("SHOULD NOT forward any other requests to that server",
   * section 21.5.4), its registration and the BYE that makes room included; a 403 says never again.
   * @param to the host that is called, or the trunk through which the call would go
   * @returns whether it did
   */
  refuse(transaction: ServerTransaction, sender: Sender, to?: string | Trunk): boolean {
    const { request } = transaction;
    if (request.method !== 'INVITE') return false;
    const host = typeof to === 'string' ? to : undefined;
    const through = typeof to === 'object' ? trunkCharge(to) : undefined;
    const charges = [this.#chargeOf(transaction, sender, host), through].flatMap((charge) => charge ?? []);
    const refused = this.#parts.calls.refused(transaction, charges);
    if (refused === undefined) return false;
    if (refused === 'table') {
      this.counters.table += 1;
      transaction.respond(SipResponse.to(request, 503, { fields: [['Retry-After', RETRY_AFTER]] }));
    } else {
      this.counters[refused.kind] += 1;
      transaction.respond(SipResponse.to(request, 486, { reason: 'Too Many Calls' }));
    }
    return true;
  }

  #chargeOf({ flow, request }: ServerTransaction, sender: Sender, host: string | undefined): Charge | undefined {
    if (sender.kind === 'trunk') {
      const trunk = this.#parts.trunks.get(sender.name);
      return trunk && trunkCharge(trunk);
    }
    if (sender.kind === 'local') {
      const { bare, domain, local } = sender.account;
      const limit = this.#parts.access(domain).limit('max_calls', { domain, local, protocol: 'sip' }, Infinity);
      return { kind: 'account', name: bare, limit };
    }
    if (host === undefined) return undefined;
    // What its From says is a claim; where it comes from is a fact.
    const from = request.from?.sipUri;
    const claimed = from === undefined ? {} : { domain: from.host, local: from.user };
    const address = parseIp(flow.remoteAddress);
    const subject = { ...claimed, protocol: 'sip', listener: flow.listener, ...(address && { address }) };
    const name = address === undefined ? flow.remoteAddress : originOf(address);
    return { kind: 'source', name, limit: this.#parts.access(host).limit('max_calls', subject, Infinity) };
  }
}

function trunkCharge({ name, settings }: Trunk): Charge {
  return { kind: 'trunk', name, limit: settings.max_calls ?? Infinity };
}
