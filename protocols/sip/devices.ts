import { createSecretKey } from 'node:crypto';
import type { Jid } from '#src/address/jid.ts';
import type { Offline } from '#src/im/offline.ts';
import type { Presence } from '#src/im/presence.ts';
import type { Timed } from '#src/net/timers.ts';
import type { Runtime } from '#src/plugin/front-end.ts';
import { type Binding, requestUriOf } from './binding.ts';
import { Bindings } from './bindings.ts';
import type { StanzaEdge } from './edge.ts';
import { FLOW_FAILED, FlowAttempt } from './flow-attempt.ts';
import { Locations, type Way } from './locations.ts';
import type { SipRequest } from './message/message.ts';
import { MessageSender } from './message-sender.ts';
import { NatPings } from './nat-pings.ts';
import type { SipNetwork } from './network.ts';
import { Outboxes } from './outbox.ts';
import type { SipSession } from './session.ts';
import { SipSessions } from './sessions.ts';
import type { SipSettings } from './settings.ts';
import type { ClientHandler } from './transaction/client.ts';
import type { Flow } from './transport/flow.ts';

export interface DevicesParts {
  readonly runtime: Runtime;
  readonly im: { readonly offline: Offline; readonly presence: Presence };
  readonly network: SipNetwork;
  readonly settings: SipSettings;
  readonly edge: () => StanzaEdge;
}

/** Milliseconds. */
const SOON = 250;

/** The registered phones: their bindings, the ways to them, and the sessions that they are. */
export class Devices implements Timed {
  readonly bindings: Bindings;
  readonly locations: Locations;
  readonly natPings: NatPings;
  readonly sender: MessageSender;
  readonly sessions: SipSessions;
  readonly #network: SipNetwork;
  readonly #runtime: Runtime;

  constructor(parts: DevicesParts) {
    const { network, runtime, settings } = parts;
    const { key, store, timers } = runtime;
    this.#network = network;
    this.#runtime = runtime;
    this.locations = new Locations((bare) => this.#flowGone(bare));
    this.bindings = new Bindings(store, timers, (account, before, after) =>
      this.sessions.changed(account, before, after),
    );
    this.sender = new MessageSender({
      secret: createSecretKey(key.derive('sip-message-id')),
      edge: () => parts.edge(),
      reach: (session, request, handler, branch) => this.reach(session, request, handler, branch),
      datagrams: ({ binding }) => this.locations.byDatagram(binding),
    });
    this.sessions = this.#makeSessions(parts);
    this.natPings = new NatPings({
      bindings: this.bindings,
      timers,
      transports: network.transports,
      interval: () => settings.global.natPing,
    });
  }

  #makeSessions({ edge, im: { offline, presence }, runtime, settings }: DevicesParts): SipSessions {
    const { registry, router, store } = runtime;
    return new SipSessions({
      registry,
      router,
      presence,
      offline,
      outboxes: new Outboxes(store),
      edge,
      queue: (host) => settings.host(host).messageQueue,
      copies: (host) => settings.host(host).copies,
      send: (session, stanza, seq, told) => this.sender.send(session, stanza, seq, told),
      reachable: (binding) => this.locations.way(binding) !== undefined,
      unregister: (session) => this.unregister(session),
    });
  }

  /** The registrations of the last process. */
  async restore(): Promise<void> {
    await this.sessions.restore(() => this.bindings.restore());
    this.#runtime.timers.add(this, SOON);
  }

  /** The listeners open behind the last front end: nothing can be sent before. */
  onTimeout(): void {
    if (this.#runtime.listeners.bound.length === 0) return this.#runtime.timers.add(this, SOON);
    this.sessions.awaken();
    this.natPings.start();
  }

  /** The device of an account whose registration came by this flow. */
  by(account: Jid, flow: Flow): Jid | undefined {
    const binding = this.bindings.of(account.bare).find((one) => this.locations.isFrom(one, flow));
    return binding === undefined ? undefined : account.withResource(binding.resource);
  }

  /** Sends a request of our own to a device. False when there is no way to it now. */
  reach(session: SipSession, request: SipRequest, handler: ClientHandler, branch?: string): boolean {
    if (session.bindings.length > 1) return this.#byFlows(session, request, handler, []);
    const { binding } = session;
    const way = this.locations.way(binding);
    return way !== undefined && this.#send(request, binding, way, handler, branch);
  }

  /** RFC 5626 section 7: by the most recent flow that stands, and by the next one when that fails. */
  #byFlows(session: SipSession, request: SipRequest, handler: ClientHandler, tried: readonly Binding[]): boolean {
    for (const binding of session.bindings.toReversed()) {
      const way = tried.includes(binding) ? undefined : this.locations.way(binding);
      if (way === undefined) continue;
      const next = (status: number): boolean => {
        if (status === FLOW_FAILED && binding.path.length > 0) this.locations.fail(session.jid.bare, binding);
        return this.#byFlows(session, request, handler, [...tried, binding]);
      };
      const toFlow = request.edit().uri(requestUriOf(binding)).done();
      return this.#send(toFlow, binding, way, new FlowAttempt(handler, next));
    }
    return false;
  }

  #send(request: SipRequest, { path }: Binding, way: Way, handler: ClientHandler, branch?: string): true {
    const edit = request.edit();
    for (const route of path) edit.append('Route', route);
    const routed = edit.done();
    if (way.kind === 'located') this.#network.send(routed, way.uri, handler);
    else this.#network.transactions.request(routed, way.destination, handler, branch === undefined ? {} : { branch });
    return true;
  }

  /** Takes the bindings of a device away. */
  unregister({ jid }: SipSession): void {
    const bindings = this.bindings.of(jid.bare);
    this.bindings.put(
      jid.asBare(),
      bindings.filter(({ resource }) => resource !== jid.resource),
    );
  }

  /** An account is gone, or may not come any more. */
  drop(account: Jid): void {
    if (this.bindings.of(account.bare).length > 0) this.bindings.put(account, []);
  }

  /** Its phones that cannot be called back are unavailable until they return. */
  #flowGone(bare: string): void {
    for (const { jid } of this.#runtime.registry.of(bare)) {
      const session = this.sessions.get(jid);
      const lost = session?.bindings.every((binding) => this.locations.way(binding) === undefined);
      if (session !== undefined && lost === true) this.sessions.lost(session);
    }
  }
}
