import type { Binding } from './binding.ts';
import { SipUri } from './message/uri.ts';
import { NameAddr } from './message/name-addr.ts';
import type { Destination } from './transport/destination.ts';
import type { Flow } from './transport/flow.ts';

/** Where a request to a binding goes first. */
export type Way =
  /** A flow, or an address that needs no look-up. */
  | { readonly kind: 'direct'; readonly destination: Destination }
  /** A URI to be located by RFC 3263: the first of its Path, or the contact itself. */
  | { readonly kind: 'located'; readonly uri: SipUri };

/** What was registered over one connection. */
interface Carried {
  readonly accounts: Set<string>;
  readonly contacts: Set<string>;
}

/** The ways to the contacts of bindings: over the flows that registered them while they stand, or by address. */
export class Locations {
  readonly #flows = new WeakMap<Binding, Flow>();
  readonly #watched = new Map<Flow, Carried>();
  /** By the contacts that were registered over connections, the latest last: a call finds a phone that came back by another one. */
  readonly #contacts = new Map<string, readonly Flow[]>();
  readonly #failed = new WeakSet<Binding>();
  readonly #closed: (bare: string) => void;

  /** @param closed told of accounts of which a flow has gone */
  constructor(closed: (bare: string) => void) {
    this.#closed = closed;
  }

  /** Bindings of an account were made over a flow. */
  carried(bare: string, bindings: readonly Binding[], flow: Flow): void {
    for (const binding of bindings) this.#flows.set(binding, flow);
    // The "flow" of a datagram is its address, which does not close.
    if (!flow.reliable) return;
    const carried = this.#watched.get(flow) ?? { accounts: new Set(), contacts: new Set() };
    carried.accounts.add(bare);
    for (const { contact } of bindings) {
      carried.contacts.add(contact);
      this.#keep(contact, flow);
    }
    if (this.#watched.has(flow)) return;
    this.#watched.set(flow, carried);
    flow.watch(() => this.#flowClosed(flow));
  }

  /** The flow that a binding was made over, while it is open. */
  flow(binding: Binding): Flow | undefined {
    const flow = this.#flows.get(binding);
    return flow?.open === true ? flow : undefined;
  }

  #keep(contact: string, flow: Flow): void {
    const known = this.#contacts.get(contact);
    if (known === undefined) this.#contacts.set(contact, [flow]);
    else if (known.at(-1) !== flow) this.#contacts.set(contact, [...known.filter((other) => other !== flow), flow]);
  }

  /**
   * An edge proxy has told that the flow of a binding is gone. "The proxy MUST invalidate all the bindings in the target set that use that flow"
   * (RFC 5626 section 7): there is no way to it until the device registers it again.
   */
  fail(bare: string, binding: Binding): void {
    this.#failed.add(binding);
    this.#closed(bare);
  }

  /** Did the client of this flow make the binding? */
  isFrom(binding: Binding, flow: Flow): boolean {
    if (flow.reliable) return this.#flows.get(binding) === flow;
    const { address, port, transport } = binding.flow ?? {};
    return transport === 'udp' && address === flow.remoteAddress && port === flow.remotePort;
  }

  /** The account that registered by this connection, the first of several. */
  ownerOf(flow: Flow): string | undefined {
    return this.#watched.get(flow)?.accounts.values().next().value;
  }

  /** Where the device with this contact is connected now. @param isOwner whether it is of this account: anybody may register any contact */
  relocate(contact: string, isOwner: (bare: string) => boolean): Destination | undefined {
    const flow = this.#contacts
      .get(contact)
      ?.findLast((one) => one.open && this.#watched.get(one)?.accounts.values().some(isOwner));
    return flow === undefined ? undefined : { flow };
  }

  /** Undefined when the device cannot be reached now: its flow has gone, and it is not where it could be called back. */
  way(binding: Binding): Way | undefined {
    if (this.#failed.has(binding)) return undefined;
    const [path] = binding.path;
    if (path !== undefined) return located(NameAddr.parse(path)?.sipUri);
    const flow = this.flow(binding);
    if (flow !== undefined) return { kind: 'direct', destination: { flow } };
    const { address, port, transport } = binding.flow ?? {};
    // Symmetric signalling: what its NAT let out comes back in by the same way.
    if (transport === 'udp' && address !== undefined && port !== undefined) {
      return { kind: 'direct', destination: { transport, address, port } };
    }
    const contact = SipUri.parse(binding.contact);
    return contact !== undefined && dialable(binding, contact) ? located(contact) : undefined;
  }

  /** Whether requests to a binding go by UDP, as far as is known before a name is looked up. */
  byDatagram(binding: Binding): boolean {
    const way = this.way(binding);
    if (way === undefined) return false;
    if (way.kind === 'located') return !way.uri.secure && (way.uri.transport ?? 'udp') === 'udp';
    const { destination } = way;
    return ('flow' in destination ? destination.flow.transport : destination.transport) === 'udp';
  }

  #flowClosed(flow: Flow): void {
    const carried = this.#watched.get(flow);
    this.#watched.delete(flow);
    for (const contact of carried?.contacts ?? []) {
      const others = this.#contacts.get(contact)?.filter((other) => other !== flow) ?? [];
      if (others.length === 0) this.#contacts.delete(contact);
      else this.#contacts.set(contact, others);
    }
    for (const bare of carried?.accounts ?? []) this.#closed(bare);
  }
}

function located(uri: SipUri | undefined): Way | undefined {
  return uri === undefined ? undefined : { kind: 'located', uri };
}

/** RFC 5626 section 7: what was registered over a flow is reached by that flow alone; a browser never listens (RFC 7118 section 7). */
function dialable({ flow, regId }: Binding, contact: SipUri): boolean {
  if (regId !== undefined || contact.param('ob') !== undefined || contact.host.endsWith('.invalid')) return false;
  const { transport } = contact;
  return flow?.transport !== 'ws' && flow?.transport !== 'wss' && transport !== 'ws' && transport !== 'wss';
}
