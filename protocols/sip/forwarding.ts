import type { Jid } from '#src/address/jid.ts';
import type { Addressee, Addresses } from './addresses.ts';
import type { Aliases } from './aliases.ts';
import type { Binding } from './binding.ts';
import type { Bindings } from './bindings.ts';
import type { CallLimits } from './call-limits.ts';
import type { Forwarding } from './core.ts';
import { FLOW_FAILED } from './flow-attempt.ts';
import { isAnonymous, withoutCredentials, withoutIdentity } from './identity.ts';
import type { Locations } from './locations.ts';
import { parseAuth } from './message/auth.ts';
import { SipResponse, type SipRequest } from './message/message.ts';
import type { SipUri } from './message/uri.ts';
import type { Preprocessed } from './proxy/preprocess.ts';
import type { Proxy } from './proxy/proxy.ts';
import type { ForwardTarget } from './proxy/target.ts';
import type { Received } from './received.ts';
import type { ServerTransaction } from './transaction/server.ts';
import type { Trunk } from './trunks/trunk.ts';
import type { Trunks } from './trunks/trunks.ts';

/** A bridge that makes calls reach devices of other protocols. */
export interface CallTaker {
  /** Takes a call for an account, with the phones that would ring. False leaves it to the proxy. */
  take(received: Received, request: SipRequest, to: Jid, phones: readonly ForwardTarget[]): boolean;
}

export interface ForwarderParts {
  readonly proxy: Proxy;
  readonly addresses: Addresses;
  readonly bindings: Bindings;
  readonly locations: Locations;
  readonly aliases: Aliases;
  readonly trunks: Trunks;
  readonly limits: Pick<CallLimits, 'refuse'>;
  calls(): CallTaker | undefined;
}

/** Which bindings a request is for. */
interface Meant {
  /** Of an account, or of one device. */
  readonly jid: Jid;
  /** The URI is a SIPS one. */
  readonly secure: boolean;
}

/** RFC 3261 section 16.5: the targets of requests that the server passes on. */
export class Forwarder implements Forwarding {
  readonly #parts: ForwarderParts;

  constructor(parts: ForwarderParts) {
    this.#parts = parts;
  }

  preprocess(request: SipRequest): Preprocessed {
    return this.#parts.proxy.preprocess(request);
  }

  inDialog(tx: ServerTransaction, pre: Preprocessed): void {
    const trunk = this.#parts.trunks.from(tx.flow.remoteAddress);
    this.#parts.proxy.inDialog(tx, { ...pre, request: this.#plain(pre.request, trunk) });
  }

  /** Section 22.1: an ACK has "the same credentials as the INVITE". */
  acknowledge(ack: SipRequest): void {
    this.#parts.proxy.forwardAck(withoutIdentity(withoutCredentials(ack, this.#isOurs), false));
  }

  toAccount(
    { sender, transaction, ...rest }: Received,
    request: SipRequest,
    to: Addressee & { readonly jid: Jid },
  ): void {
    const uri = request.requestUri;
    const targets = this.targets(to, uri?.kind === 'sip' && uri.secure);
    const plain = this.#plain(request, sender.kind === 'trunk' ? this.#parts.trunks.get(sender.name) : undefined);
    if (targets === 'gone') return transaction.respond(SipResponse.to(transaction.request, 404));
    if (this.#parts.limits.refuse(transaction, sender, to.jid.domain)) return;
    if (this.#parts.calls()?.take({ sender, transaction, ...rest }, plain, to.jid, targets) === true) return;
    this.#pass(transaction, plain, sender.kind === 'foreign' ? targets.map(fixed) : targets);
  }

  toNumber({ sender, transaction }: Received, request: SipRequest, number: string): boolean {
    const trunk = sender.kind === 'local' ? this.#parts.trunks.for(number, sender.account) : undefined;
    if (trunk === undefined || sender.kind !== 'local') return false;
    if (this.#parts.limits.refuse(transaction, sender, trunk)) return true;
    trunk.counters.calls += 1;
    const caller = this.#parts.aliases.of(sender.account);
    const edit = this.#plain(request).edit();
    if (caller !== undefined && trunk.asserts) {
      edit.set('P-Asserted-Identity', `<sip:${caller}@${trunk.domain}>`);
      // What From does not tell is not for the callee (RFC 3325 section 9.3).
      if (isAnonymous(request) && !request.headers.has('Privacy')) edit.set('Privacy', 'id');
    }
    this.#pass(transaction, edit.done(), [trunk.target(number, isAnonymous(request) ? undefined : (caller ?? ''))]);
    return true;
  }

  elsewhere({ sender, transaction }: Received, request: SipRequest): void {
    if (this.#parts.limits.refuse(transaction, sender)) return;
    this.#pass(transaction, this.#plain(request), [{ uri: request.uri, elsewhere: true }]);
  }

  #pass(transaction: ServerTransaction, request: SipRequest, targets: readonly ForwardTarget[]): void {
    this.#parts.proxy.forward(transaction, request, targets);
  }

  /**
   * The devices that an address means now; 'gone' for a temporary GRUU that does not hold any more ("requests addressed to those GRUUs will be
   * rejected by the domain with a 404", RFC 5627 section 5.1).
   */
  targets(to: Addressee & { readonly jid: Jid }, secure = false): readonly ForwardTarget[] | 'gone' {
    const meant: Meant = { jid: to.jid, secure };
    if (to.kind === 'temporary' && !this.#devices(to.jid).some(({ gruu }) => gruu === to.word)) return 'gone';
    const fit = this.#fit(meant);
    if (fit.length < 2) return this.#instance(meant, fit);
    // RFC 5626 section 7: "MUST NOT populate the target set with more than one contact with the same AOR and instance-id at a time".
    const instances = Map.groupBy(fit, ({ contact, instance }) => instance ?? `\0${contact}`);
    return [...instances.values()].flatMap((flows) => this.#instance(meant, flows));
  }

  #devices(jid: Jid): readonly Binding[] {
    const all = this.#parts.bindings.of(jid.bare);
    return jid.isBare ? all : all.filter(({ resource }) => resource === jid.resource);
  }

  /** RFC 3261 section 26.2.2: a SIPS URI is reached by TLS all the way, or not at all. */
  #fit({ jid, secure }: Meant): readonly Binding[] {
    return secure ? this.#devices(jid).filter(isSecure) : this.#devices(jid);
  }

  /** Where a GRUU of ours leads now; 'gone' when its device is not there, undefined for a URI that is none. */
  device(uri: SipUri): ForwardTarget | 'gone' | undefined {
    const found = uri.param('gr') === undefined ? undefined : this.#parts.addresses.resolve(uri);
    if (found === undefined || found === 'malformed' || found.kind === 'host') return undefined;
    const targets = this.targets(found);
    return targets === 'gone' ? 'gone' : (targets[0] ?? 'gone');
  }

  /** The most recent of the bindings of one instance that can be reached. @param tried the reg-ids of others, which failed */
  #instance(meant: Meant, bindings: readonly Binding[], tried: readonly number[] = []): readonly ForwardTarget[] {
    for (const binding of bindings.toReversed()) {
      const way = this.#parts.locations.way(binding);
      if (way === undefined) continue;
      const { path, q, regId } = binding;
      return [
        {
          uri: binding.contact,
          q,
          routes: path,
          ...(way.kind === 'direct' ? { destination: way.destination } : {}),
          ...(regId === undefined
            ? {}
            : { instead: (status: number) => this.#instead(meant, binding, [...tried, regId], status) }),
        },
      ];
    }
    return [];
  }

  /** RFC 5626 section 7: a target "with the same AOR and instance-id, but a different reg-id", of those that stand by now. */
  #instead(meant: Meant, failed: Binding, tried: readonly number[], status: number): ForwardTarget | undefined {
    // An edge proxy knows of its flows; of one of ours its connection tells.
    if (status === FLOW_FAILED && failed.path.length > 0) this.#parts.locations.fail(meant.jid.bare, failed);
    const others = this.#fit(meant).filter(
      ({ instance, regId }) => instance === failed.instance && regId !== undefined && !tried.includes(regId),
    );
    return this.#instance(meant, others, tried)[0];
  }

  /** Without credentials for this server, and without what users assert of themselves (RFC 3325 section 5). */
  #plain(request: SipRequest, from?: Trunk): SipRequest {
    return withoutIdentity(withoutCredentials(request, this.#isOurs), from?.asserts === true);
  }

  readonly #isOurs = (credentials: string): boolean =>
    this.#parts.addresses.serves(parseAuth(credentials)?.params.get('realm') ?? '');
}

/** Somebody from elsewhere is let in to a device, not through it. */
function fixed(target: ForwardTarget): ForwardTarget {
  const { instead } = target;
  if (instead === undefined) return { ...target, fixed: true };
  const other = (status: number): ForwardTarget | undefined => {
    const next = instead(status);
    return next && fixed(next);
  };
  return { ...target, fixed: true, instead: other };
}

function isSecure({ contact, flow }: Binding): boolean {
  return flow?.transport === 'tls' || flow?.transport === 'wss' || contact.toLowerCase().startsWith('sips:');
}
