import type { Access } from '#src/accounts/access.ts';
import type { Accounts } from '#src/accounts/accounts.ts';
import { parseIp } from '#src/address/ip.ts';
import type { Jid } from '#src/address/jid.ts';
import { jidFromSipUri } from '#src/address/uri.ts';
import type { Addressee, Addresses } from './addresses.ts';
import { type Aliases, numberOf } from './aliases.ts';
import type { AsksAs, Authenticator } from './authenticate.ts';
import { isAnonymous } from './identity.ts';
import type { Incoming } from './incoming.ts';
import { parseAuth } from './message/auth.ts';
import { SipResponse, type SipRequest } from './message/message.ts';
import type { SipUri, Uri } from './message/uri.ts';
import type { Sender } from './received.ts';
import type { SipHostOptions } from './settings.ts';
import type { Flow } from './transport/flow.ts';
import type { Trunks } from './trunks/trunks.ts';

export interface SendersParts {
  readonly accounts: Pick<Accounts, 'exists'>;
  readonly addresses: Addresses;
  readonly aliases: Pick<Aliases, 'get'>;
  readonly authenticator: Authenticator;
  readonly trunks: Trunks;
  readonly access: (host: string) => Access;
  options(host: string): SipHostOptions;
  /** The device of an account whose registration came by this flow. */
  device(account: Jid, flow: Flow): Jid | undefined;
}

/** Who sent a request that begins something. Requests of nobody who may send them are answered here, so that nothing is relayed for strangers. */
export class Senders {
  readonly #parts: SendersParts;
  /** Plain numbers: read by the metrics. */
  readonly counters = { foreign: 0, refused: 0 };

  constructor(parts: SendersParts) {
    this.#parts = parts;
  }

  /**
   * @param domain the host that the request is for; undefined when it is for somebody elsewhere
   * @returns undefined when the request has been answered
   */
  identify(tx: Incoming, as: AsksAs, domain: string | undefined): Sender | undefined {
    const { flow, request } = tx;
    const from = request.from?.sipUri;
    const claimed = from === undefined ? undefined : this.#parts.addresses.resolve(from);
    if (this.#isAccount(claimed)) return this.#local(tx, as, claimed.jid.domain, claimed.jid);
    const trunk = this.#parts.trunks.from(flow.remoteAddress);
    if (trunk !== undefined) return { kind: 'trunk', name: trunk.name };
    const owner = this.#ownerOf(request.from?.parsedUri, claimed !== undefined);
    if (owner !== undefined) return this.#local(tx, as, owner.domain, owner);
    if (claimed !== undefined) {
      // Somebody of ours who is not there: challenged like anybody, so that nothing tells one from the other.
      const own = from === undefined ? undefined : this.#parts.addresses.domain(from);
      return own === undefined ? this.#refuse(tx) : this.#local(tx, as, own, undefined);
    }
    const anonymous = isAnonymous(request);
    if (anonymous && this.#realmOf(request) !== undefined) return this.#anonymous(tx, as, domain);
    if (domain !== undefined && this.#mayCome(domain, from, flow)) {
      this.counters.foreign += 1;
      return { kind: 'foreign', jid: from === undefined ? undefined : jidFromSipUri(from.toString()) };
    }
    return anonymous ? this.#anonymous(tx, as, domain) : this.#refuse(tx);
  }

  /** An account may call without telling who it is. What tells its sender by itself, such as a message, is not sent so (RFC 5079). */
  #anonymous(tx: Incoming, as: AsksAs, domain: string | undefined): Sender | undefined {
    if (as === 'server') return this.#refuse(tx, 433);
    const { addresses } = this.#parts;
    return this.#local(tx, as, this.#realmOf(tx.request) ?? domain ?? addresses.first, 'anonymous');
  }

  /** The account whose telephone number somebody says to be. @param own whether the address is of this server */
  #ownerOf(from: Uri | undefined, own: boolean): Jid | undefined {
    const number = from !== undefined && (own || from.kind === 'tel') ? numberOf(from) : undefined;
    return number === undefined ? undefined : this.#parts.aliases.get(number);
  }

  #local(tx: Incoming, as: AsksAs, domain: string, claimed: Jid | 'anonymous' | undefined): Sender | undefined {
    const account = this.#parts.authenticator.authenticate(tx, domain, as);
    if (account === undefined) return undefined;
    // What From says has to be who proved to be there (RFC 3261 section 26.3.2.1 leaves identity to the domain).
    if (claimed !== 'anonymous' && claimed?.bare !== account.bare) return this.#refuse(tx);
    return { kind: 'local', account, device: this.#parts.device(account, tx.flow) };
  }

  #refuse(tx: Incoming, status = 403): undefined {
    this.counters.refused += 1;
    tx.respond(SipResponse.to(tx.request, status));
    return undefined;
  }

  #isAccount(claimed: Addressee | 'malformed' | undefined): claimed is Addressee & { readonly jid: Jid } {
    if (claimed === undefined || claimed === 'malformed' || claimed.kind === 'host') return false;
    return this.#parts.accounts.exists(claimed.jid.domain, claimed.jid.local);
  }

  /** A host of ours that the credentials of a request are for. */
  #realmOf(request: SipRequest): string | undefined {
    for (const value of [...request.all('Proxy-Authorization'), ...request.all('Authorization')]) {
      const realm = parseAuth(value)?.params.get('realm');
      if (realm !== undefined && this.#parts.addresses.serves(realm)) return realm;
    }
    return undefined;
  }

  #mayCome(domain: string, from: SipUri | undefined, flow: Flow): boolean {
    const rule = this.#parts.options(domain).foreignCallers;
    if (rule === undefined || from === undefined) return false;
    const address = parseIp(flow.remoteAddress);
    const subject = { domain: from.host, local: from.user, protocol: 'sip', listener: flow.listener };
    return this.#parts.access(domain).allows(rule, address === undefined ? subject : { ...subject, address });
  }
}
