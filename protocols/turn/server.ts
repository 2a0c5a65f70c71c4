import { randomBytes } from 'node:crypto';
import type { Buffer } from 'node:buffer';
import type { Access } from '#src/accounts/access.ts';
import type { Accounts } from '#src/accounts/accounts.ts';
import type { Bans } from '#src/accounts/bans.ts';
import { Jid } from '#src/address/jid.ts';
import type { Flusher } from '#src/net/flusher.ts';
import type { Timers } from '#src/net/timers.ts';
import type { Log } from '#src/observe/log.ts';
import type { Runtime } from '#src/plugin/front-end.ts';
import type { Settings } from '#src/settings/settings.ts';
import type { TransportAddress } from '#protocols/stun/address.ts';
import { connectionId } from '#protocols/stun/attributes/connection-id.ts';
import { realm } from '#protocols/stun/attributes/realm.ts';
import { xorPeerAddress } from '#protocols/stun/attributes/xor-peer-address.ts';
import type { Message } from '#protocols/stun/message.ts';
import { classes, methods } from '#protocols/stun/methods.ts';
import { Writer } from '#protocols/stun/writer.ts';
import { RelayAddresses } from './addresses.ts';
import { type Allocated, Allocation, type Owner } from './allocation.ts';
import { counters, type DropReason, type EndReason } from './counters.ts';
import { TurnCredentials } from './credentials.ts';
import { FloodLimit } from './flood.ts';
import type { Link } from './links/link.ts';
import { Nonces } from './nonce.ts';
import { isAllowed, isDenied, mayReach } from './peers.ts';
import { RelayPorts } from './ports.ts';
import { optionsOf, type TurnOptions } from './settings.ts';
import { Shares } from './shares.ts';
import { randomConnectionId, type TcpRelay } from './tcp-relay.ts';
import { UserHashes } from './user-hashes.ts';

/** What the links of the relay share: one a server, for all its hosts. */
export class TurnServer {
  /** Replaced by a reload. */
  options: TurnOptions;
  /** Set by an operator until the next start, on top of the setting. */
  draining: readonly TransportAddress[] | undefined = undefined;
  readonly hosts: ReadonlySet<string>;
  readonly accounts: Accounts;
  readonly access: (host: string) => Access;
  readonly bans: Bans;
  readonly timers: Timers;
  readonly flusher: Flusher;
  readonly log: Log;
  readonly addresses: RelayAddresses;
  readonly ports: RelayPorts;
  readonly shares: Shares;
  readonly credentials: TurnCredentials;
  readonly flood: FloodLimit;
  readonly userHashes: UserHashes;
  readonly allocations = new Set<Allocation>();
  readonly counters = counters();
  /** Told the seconds that an allocation has lasted. */
  onEnd: (seconds: number) => void = () => undefined;
  nonces: Nonces;
  readonly #nonceKey: Buffer;
  readonly #settings: () => Settings;
  /** By identifier: who holds the peer data connections that wait to be bound (RFC 6062). */
  readonly connections = new Map<number, TcpRelay>();

  constructor({ access, accounts, bans, flusher, hosts, key, log, settings, timers }: Runtime) {
    this.options = optionsOf(settings());
    this.#settings = settings;
    this.hosts = new Set(hosts.map(({ domain }) => domain));
    this.accounts = accounts;
    this.access = access;
    this.bans = bans;
    this.timers = timers;
    this.flusher = flusher;
    this.log = log.scope('turn');
    const secret = key.derive('turn-credentials').toString('base64url');
    this.credentials = new TurnCredentials(() => this.options.secret ?? secret);
    this.#nonceKey = key.derive('turn-nonces');
    this.nonces = new Nonces(this.#nonceKey, this.options.userHash);
    this.addresses = new RelayAddresses(timers, this.log, () => this.options);
    this.ports = new RelayPorts(timers, () => this.options);
    this.shares = new Shares(() => this.options);
    this.flood = new FloodLimit(timers);
    this.userHashes = new UserHashes(accounts, this.hosts);
  }

  async open(): Promise<void> {
    await this.addresses.refresh();
    if (this.options.userHash) await this.userHashes.build();
    for (const problem of this.addresses.problems()) this.log.info(problem);
  }

  reload(): void {
    this.options = optionsOf(this.#settings());
    this.nonces = new Nonces(this.#nonceKey, this.options.userHash);
    void this.addresses.refresh();
    if (this.options.userHash) void this.userHashes.build();
  }

  stop(): void {
    for (const allocation of [...this.allocations]) this.end(allocation, 'stopped');
    this.ports.stop();
    this.addresses.stop();
  }

  /** Where clients are sent instead; undefined while new allocations are taken. */
  get alternates(): readonly TransportAddress[] | undefined {
    return this.draining ?? (this.options.drain ? this.options.alternateServers : undefined);
  }

  /** The realm that a client is asked for: the one it names if it is ours, that of its TLS, or that of the settings. */
  realmFor({ serverName }: Link, request: Message): string {
    const named = request.get(realm);
    if (named !== undefined && this.hostOf(named) !== undefined) return named;
    const asked = serverName === undefined ? undefined : this.hostOf(serverName);
    return asked ?? this.options.realm;
  }

  /** The host that a realm is about, in whatever spelling. */
  hostOf(name: string): string | undefined {
    if (this.hosts.has(name)) return name;
    const jid = Jid.parse(name);
    return jid !== undefined && jid.full === jid.domain && this.hosts.has(jid.domain) ? jid.domain : undefined;
  }

  /** May peers at this address be relayed to? Relays meet one another at our own addresses; what else listens there is nobody's business. */
  mayReach(address: string): boolean {
    const { addresses, options } = this;
    if (addresses.isOwn(address) && !isAllowed(address, options))
      return addresses.isRelay(address) && !isDenied(address, options);
    return mayReach(address, options);
  }

  /** Only the relays there are reached, not the services of this machine. */
  onlyRelays(address: string): boolean {
    return this.addresses.isOwn(address) && !isAllowed(address, this.options);
  }

  begin(link: Link, owner: Owner, allocated: Allocated, seconds: number): Allocation {
    const allocation = new Allocation(this, link, owner, allocated);
    if (allocated.tcp !== undefined) allocated.tcp.allocation = allocation;
    this.allocations.add(allocation);
    this.counters.allocations += 1;
    link.allocation = allocation;
    allocation.refresh(seconds);
    return allocation;
  }

  /** Ends an allocation. Its client is not told: there is no message for it. */
  end(allocation: Allocation, reason: EndReason): void {
    if (!this.allocations.delete(allocation)) return;
    const { link, owner } = allocation;
    allocation.close();
    link.allocation = undefined;
    this.shares.leave(owner.user, link.address);
    this.counters.ended[reason] += 1;
    this.onEnd((this.timers.now - allocation.created) / 1000);
    link.released();
  }

  /** Ends all allocations of a user. @returns how many */
  endUser(user: string, reason: EndReason): number {
    const own = [...this.allocations].filter(({ owner }) => owner.user === user);
    for (const allocation of own) this.end(allocation, reason);
    return own.length;
  }

  /** Data that is not relayed, without a word (RFC 8656 sections 9, 11 and 12). */
  drop(reason: DropReason): void {
    this.counters.dropped[reason] += 1;
  }

  newConnectionId(relay: TcpRelay): number {
    let id = randomConnectionId();
    while (this.connections.has(id)) id = randomConnectionId();
    this.connections.set(id, relay);
    return id;
  }

  /** RFC 6062 section 5.3: tells the client that a peer has connected. */
  connectionAttempt({ link }: Allocation, peer: TransportAddress, id: number): void {
    const writer = new Writer(methods.connectionAttempt, classes.indication, randomBytes(12));
    link.send(writer.add(xorPeerAddress, peer).add(connectionId, id).bytes);
  }
}
