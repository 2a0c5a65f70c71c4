import { parseIp } from '#src/address/ip.ts';
import type { Blocking } from '#src/im/blocking.ts';
import type { Offline } from '#src/im/offline.ts';
import type { Presence } from '#src/im/presence.ts';
import type { Log } from '#src/observe/log.ts';
import type { Runtime } from '#src/plugin/front-end.ts';
import { bansSection } from '#src/settings/schema.ts';
import { Addresses } from './addresses.ts';
import { Aliases } from './aliases.ts';
import { Authenticator } from './authenticate.ts';
import type { Bindings } from './bindings.ts';
import { CallLimits } from './call-limits.ts';
import { SipCore } from './core.ts';
import { Devices } from './devices.ts';
import { Digest } from './digest.ts';
import type { PresenceEdge, StanzaEdge } from './edge.ts';
import { type CallTaker, Forwarder } from './forwarding.ts';
import { accountOf } from './goals.ts';
import { Guard, isOneOf } from './guard.ts';
import type { Locations } from './locations.ts';
import { strongest } from './media/decision.ts';
import { MediaRelay } from './media/relay.ts';
import type { SipRequest } from './message/message.ts';
import { SipUri } from './message/uri.ts';
import { Messages } from './messages.ts';
import { SipNetwork } from './network.ts';
import { plainEdge } from './plain-edge.ts';
import type { Call } from './proxy/call.ts';
import { CallRecords } from './proxy/call-records.ts';
import { Calls } from './proxy/calls.ts';
import { Proxy } from './proxy/proxy.ts';
import { RouteTokens } from './proxy/route-token.ts';
import { validate } from './proxy/validate.ts';
import { Registrar } from './registrar.ts';
import { Senders } from './senders.ts';
import type { SipSessions } from './sessions.ts';
import { type SipHostOptions, SipSettings } from './settings.ts';
import type { ClientHandler } from './transaction/client.ts';
import type { Transactions } from './transaction/transactions.ts';
import type { Flow } from './transport/flow.ts';
import type { Transports } from './transport/transports.ts';
import { AddedTrunks } from './trunks/added.ts';
import { Trunks } from './trunks/trunks.ts';

/** The parts of the core that the front end cannot do without. */
export interface SipIm {
  readonly blocking: Blocking;
  readonly offline: Offline;
  readonly presence: Presence;
}

/** The SIP server: builds its parts and ties them together. One a process, for all hosts. */
export class SipServer {
  readonly addresses: Addresses;
  readonly aliases: Aliases;
  /** The calls that pass through now. */
  readonly activeCalls: Calls;
  readonly authenticator: Authenticator;
  readonly bindings: Bindings;
  readonly core: SipCore;
  readonly devices: Devices;
  readonly digest: Digest;
  readonly forwarder: Forwarder;
  readonly guard: Guard;
  /** How many calls each may have at once. */
  readonly limits: CallLimits;
  readonly locations: Locations;
  /** Relays the media of calls. */
  readonly media: MediaRelay;
  readonly messages: Messages;
  readonly network: SipNetwork;
  readonly proxy: Proxy;
  /** What is kept of calls that are over. */
  readonly records: CallRecords;
  readonly registrar: Registrar;
  readonly senders: Senders;
  readonly sessions: SipSessions;
  readonly transactions: Transactions;
  readonly transports: Transports;
  readonly trunks: Trunks;
  readonly log: Log;
  /** How stanzas look to phones; a bridge brings a better one. */
  edge: StanzaEdge = plainEdge;
  /** How presence looks to phones; undefined while no bridge brings it. */
  presenceEdge: PresenceEdge | undefined = undefined;
  /** Calls for devices of other protocols; undefined while no bridge takes them. */
  calls: CallTaker | undefined = undefined;
  readonly runtime: Runtime;
  readonly im: SipIm;
  readonly #domains: readonly string[];
  readonly settings: SipSettings;

  constructor(runtime: Runtime, im: SipIm) {
    const { access, accounts, bans, hosts, key, settings, store, timers } = runtime;
    this.runtime = runtime;
    this.im = im;
    this.log = runtime.log.scope('sip');
    this.#domains = hosts.map(({ domain }) => domain);
    this.settings = new SipSettings(settings);
    this.guard = new Guard(
      () => this.settings.global,
      (ip) => exempt(runtime, ip),
    );
    this.network = new SipNetwork({
      runtime,
      log: this.log,
      guard: this.guard,
      user: {
        onRequest: (tx) => this.core.onRequest(tx),
        answersAtOnce: (request, flow) => this.core.answersAtOnce(request, flow),
        onAck: (ack) => this.forwarder.acknowledge(ack),
      },
      maxMessageSize: this.settings.global.maxMessageSize,
      externalAddress: () => this.settings.global.externalAddress,
      otherNames: () => this.settings.global.otherNames,
    });
    this.transports = this.network.transports;
    this.transactions = this.network.transactions;
    this.addresses = new Addresses({
      hosts: this.#domains,
      key,
      isOwn: (host, port) => this.transports.isOwn(host, port),
    });
    this.devices = new Devices({ runtime, im, network: this.network, settings: this.settings, edge: () => this.edge });
    ({ bindings: this.bindings, locations: this.locations, sessions: this.sessions } = this.devices);
    this.records = new CallRecords({
      store,
      hostOf: (uri) => this.addresses.domain(uri),
      accountOf: (uri) => accountOf(uri, { accounts, addresses: this.addresses, aliases: this.aliases }),
      limit: (host) => this.options(host).callRecords,
    });
    this.media = this.#makeMedia();
    this.activeCalls = new Calls({ timers, proxy: () => this.proxy, ended: (call) => this.#callEnded(call) });
    this.proxy = this.#makeProxy();
    this.digest = new Digest(accounts, () => this.settings.global.digest);
    this.authenticator = new Authenticator({
      accounts,
      digest: this.digest,
      bans,
      guard: this.guard,
      access,
      md5Only: (request) => isOneOf(request, this.settings.global.md5Only),
      sameResource: (one, other) => this.addresses.sameResource(one, other),
    });
    this.registrar = this.#makeRegistrar();
    this.aliases = new Aliases(store);
    this.trunks = this.#makeTrunks();
    this.limits = new CallLimits({ access, calls: this.activeCalls, trunks: this.trunks });
    const { addresses, aliases, authenticator, bindings, limits, locations, proxy, trunks } = this;
    this.senders = new Senders({
      accounts,
      addresses,
      aliases,
      authenticator,
      trunks,
      access,
      options: (host) => this.options(host),
      device: (account, flow) => this.devices.by(account, flow),
    });
    const calls = (): CallTaker | undefined => this.calls;
    this.forwarder = new Forwarder({ proxy, addresses, bindings, locations, aliases, trunks, limits, calls });
    this.core = this.#makeCore();
    const { registry, router } = runtime;
    this.messages = new Messages({ router, registry, blocking: im.blocking, store, edge: () => this.edge });
    this.core.handle('MESSAGE', this.messages);
  }

  #makeCore(): SipCore {
    const { accounts } = this.runtime;
    const { addresses, aliases, authenticator, forwarder, registrar, senders } = this;
    return new SipCore({
      accounts,
      addresses,
      aliases,
      authenticator,
      blocking: this.im.blocking,
      forwarding: forwarder,
      registrar,
      senders,
      options: (host) => this.options(host),
      answer: (response, flow) => this.transports.answer(response, flow),
      isMerged: (tx) => this.transactions.isMerged(tx),
      unfit: (request) => validate(request, (host, port) => this.transports.isOwn(host, port)),
      accepts: () => this.edge.accepts,
    });
  }

  #makeProxy(): Proxy {
    return new Proxy({
      transactions: this.transactions,
      transports: this.transports,
      timers: this.runtime.timers,
      tokens: new RouteTokens(this.runtime.key),
      locate: (uri) => this.network.locate(uri),
      isOwn: (uri) => this.addresses.domain(uri) !== undefined,
      relocate: (contact, isOwner) => this.locations.relocate(contact, isOwner),
      ownerOf: (flow) => this.locations.ownerOf(flow),
      translate: (uri) => this.forwarder.device(uri),
      watcher: this.activeCalls,
      placesOf: (request, side) => this.activeCalls.placesOf(request, side),
      authorizer: (request, side, hop) => this.trunks.authorizer(this.activeCalls.trunkOf(request, side), hop),
      media: this.media,
    });
  }

  #makeRegistrar(): Registrar {
    const { access, registry, store } = this.runtime;
    const { addresses, bindings, sessions } = this;
    return new Registrar({
      addresses,
      bindings,
      sessions,
      registry,
      store,
      options: (host) => this.options(host),
      sessionLimit: ({ domain, local }) => access(domain).limit('max_sessions', { domain, local }, Infinity),
      ownUri: (flow) => this.#ownUri(flow),
      carried: (account, made, flow) => this.locations.carried(account.bare, made, flow),
    });
  }

  #makeTrunks(): Trunks {
    const { access, key, store, timers } = this.runtime;
    return new Trunks(
      {
        timers,
        send: (request, uri, handler) => this.send(request, uri, handler),
        locate: (uri) => this.network.locate(uri),
        contact: (user, transport) =>
          SipUri.make({ ...this.transports.sentBy(transport), user, params: { transport } }),
        log: (text, fields) => this.log.info(text, fields),
      },
      access,
      (host) => (host === undefined ? this.#domains : [host]).flatMap((domain) => this.options(domain).trunks),
      new AddedTrunks(store, key),
    );
  }

  /** What a host takes from the settings in force. */
  options(host: string): SipHostOptions {
    return this.settings.host(host);
  }

  async restore(): Promise<void> {
    await this.aliases.restore();
    await this.devices.restore();
    await this.trunks.restore((name, problem) => this.log.error('a trunk holds no more', { trunk: name, problem }));
  }

  reload(): void {
    this.settings.reload();
    this.trunks.apply();
  }

  /** Sends a request of our own to where a URI leads (RFC 3263). */
  send(request: SipRequest, uri: SipUri, handler: ClientHandler): void {
    this.network.send(request, uri, handler);
  }

  stop(): void {
    this.sessions.pause();
    this.trunks.stop();
    this.media.close();
    this.network.close();
  }

  #makeMedia(): MediaRelay {
    return new MediaRelay({
      timers: this.runtime.timers,
      transports: this.transports,
      settings: () => this.settings.global.media,
      mode: (request) => strongest(this.#hostsOf(request).map((host) => this.options(host).mediaRelay)),
      silent: ({ callId, callerTag }, tag) => this.activeCalls.silent(callId, callerTag, tag),
    });
  }

  #callEnded(call: Call): void {
    if (call.calleeTag !== undefined) this.media.end(call, call.calleeTag);
    this.records.add(call);
  }

  /** The hosts of ours that a call is of: one, or two. */
  #hostsOf({ from, to }: SipRequest): readonly string[] {
    const uris = [from?.sipUri, to?.sipUri];
    return uris.flatMap((uri) => (uri && this.addresses.domain(uri)) ?? []);
  }

  #ownUri(flow: Flow): SipUri {
    const params = { lr: '', ...(flow.transport === 'udp' ? {} : { transport: flow.transport }) };
    return SipUri.make({ ...this.transports.sentBy(flow), params });
  }
}

/** Those whom nobody bans are not limited either. */
function exempt({ access, hosts, settings }: Runtime, ip: string): boolean {
  const address = parseIp(ip);
  const rule = settings().of(bansSection).exempt;
  return address !== undefined && hosts.some(({ domain }) => access(domain).allows(rule, { address }));
}
