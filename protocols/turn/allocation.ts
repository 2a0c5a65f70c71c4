import type { Buffer } from 'node:buffer';
import type { Timed } from '#src/net/timers.ts';
import type { Family, TransportAddress } from '#protocols/stun/address.ts';
import { addressBytes, channelData, dataIndication, MOST_INDICATED } from './channel-data.ts';
import type { Link } from './links/link.ts';
import type { Meter } from './meter.ts';
import type { Relay } from './relay.ts';
import type { TcpRelay } from './tcp-relay.ts';
import type { TurnServer } from './server.ts';

/** RFC 8656 sections 3.2, 9 and 12: milliseconds. */
const PERMISSION_LIFETIME = 300_000;
const CHANNEL_LIFETIME = 600_000;

/** Leave to exchange data with one IP address (RFC 8656 section 9). */
export interface Permission {
  readonly family: Family;
  readonly address: string;
  readonly bytes: Buffer;
  /** One of our own addresses: only relays may be reached there. */
  readonly own: boolean;
  /** Milliseconds since 1970. */
  expires: number;
  /** By port of the peer. */
  readonly channels: Map<number, Channel>;
}

/** A number that stands for a peer (section 12). */
export interface Channel {
  readonly number: number;
  readonly port: number;
  readonly permission: Permission;
  readonly relay: Relay;
  readonly expires: number;
}

/** Whom the client proved to be. */
export interface Owner {
  /** A bare JID, or the user of credentials that another program has made. */
  readonly user: string;
  /** As the client gave it: all requests name the same one (section 5). */
  readonly username: string;
}

/** What it did, in plain numbers. */
export interface Traffic {
  /** From the client to peers. */
  sentPackets: number;
  sentBytes: number;
  /** From peers to the client. */
  receivedPackets: number;
  receivedBytes: number;
}

export interface Allocated {
  /** One of each family at most. */
  readonly relays: readonly Relay[];
  /** In place of them for an allocation of RFC 6062. */
  readonly tcp: TcpRelay | undefined;
  readonly meters: readonly Meter[];
  /** Of the Allocate request. */
  readonly transactionId: Buffer;
  readonly reservation: Buffer | undefined;
  readonly failed: Family | undefined;
}

/** RFC 8656 section 6: relayed transport addresses that a client has for a while, and with whom it exchanges data by them. */
export class Allocation implements Timed {
  readonly link: Link;
  readonly owner: Owner;
  readonly relays: readonly Relay[];
  readonly tcp: TcpRelay | undefined;
  readonly transactionId: Buffer;
  readonly reservation: Buffer | undefined;
  /** The family that could not be had of two that were asked for. */
  readonly failed: Family | undefined;
  readonly created: number;
  /** Milliseconds since 1970. */
  expires = 0;
  readonly traffic: Traffic = { sentPackets: 0, sentBytes: 0, receivedPackets: 0, receivedBytes: 0 };
  readonly permissions = new Map<string, Permission>();
  readonly channels = new Map<number, Channel>();
  readonly #server: TurnServer;
  readonly #meters: readonly Meter[];
  #ended = false;

  constructor(server: TurnServer, link: Link, owner: Owner, allocated: Allocated) {
    this.#server = server;
    this.link = link;
    this.owner = owner;
    this.relays = allocated.relays;
    this.tcp = allocated.tcp;
    this.#meters = allocated.meters;
    this.transactionId = allocated.transactionId;
    this.reservation = allocated.reservation;
    this.failed = allocated.failed;
    this.created = server.timers.now;
    for (const relay of allocated.relays) relay.taker = this;
  }

  get ended(): boolean {
    return this.#ended;
  }

  has(family: Family): boolean {
    return this.tcp === undefined ? this.relays.some((relay) => relay.family === family) : this.tcp.family === family;
  }

  relayOf(family: Family): Relay | undefined {
    for (const relay of this.relays) if (relay.family === family) return relay;
    return undefined;
  }

  /** @param seconds until it ends */
  refresh(seconds: number): void {
    this.expires = this.#server.timers.now + seconds * 1000;
    this.#server.timers.add(this, seconds * 1000);
    this.#sweep();
  }

  onTimeout(): void {
    this.#server.end(this, 'expired');
  }

  /** @internal By the server, which forgets it. */
  close(): void {
    this.#ended = true;
    this.#server.timers.remove(this);
    for (const relay of this.relays) relay.close();
    this.tcp?.close();
    this.permissions.clear();
    this.channels.clear();
  }

  /** Installs or refreshes one (section 9). Undefined when there are too many. */
  permit({ address, family }: Omit<TransportAddress, 'port'>): Permission | undefined {
    const expires = this.#server.timers.now + PERMISSION_LIFETIME;
    const known = this.permissions.get(address);
    if (known !== undefined) {
      known.expires = expires;
      return known;
    }
    const most = this.#server.options.maxPermissions;
    if (this.permissions.size >= most) this.#sweep();
    if (this.permissions.size >= most) return undefined;
    const own = this.#server.onlyRelays(address);
    const bytes = addressBytes({ address, family });
    const permission = { family, address, bytes, own, expires, channels: new Map<number, Channel>() };
    this.permissions.set(address, permission);
    return permission;
  }

  /** Binds a channel, or refreshes it, and the permission with it (section 12.2). Undefined when there are too many. */
  bind(number: number, peer: TransportAddress, relay: Relay): Channel | undefined {
    const { options, timers } = this.#server;
    const old = this.channels.get(number);
    if (old === undefined && this.channels.size >= options.maxPermissions) this.#sweep();
    if (old === undefined && this.channels.size >= options.maxPermissions) return undefined;
    const permission = this.permit(peer);
    if (permission === undefined) return undefined;
    // An expired one may have been another peer's.
    if (old !== undefined && old.permission.channels.get(old.port) === old) old.permission.channels.delete(old.port);
    const channel: Channel = { number, port: peer.port, permission, relay, expires: timers.now + CHANNEL_LIFETIME };
    this.channels.set(number, channel);
    permission.channels.set(peer.port, channel);
    return channel;
  }

  /** The permission for an address that has not expired. */
  permission(address: string): Permission | undefined {
    const permission = this.permissions.get(address);
    return permission !== undefined && permission.expires > this.#server.timers.now ? permission : undefined;
  }

  channel(number: number): Channel | undefined {
    const channel = this.channels.get(number);
    return channel !== undefined && channel.expires > this.#server.timers.now ? channel : undefined;
  }

  /** Data of the client for a peer by a channel (section 12.6). Neither the binding nor the permission is refreshed by it. */
  fromChannel(number: number, bytes: Buffer): void {
    const channel = this.channel(number);
    if (channel === undefined || channel.permission.expires <= this.#server.timers.now) this.#server.drop('permission');
    else this.#toPeer(channel.relay, channel.permission, channel.port, bytes);
  }

  /** Data of the client for a peer by a Send indication (section 11.2). */
  fromIndication({ address, family, port }: TransportAddress, bytes: Buffer): void {
    const permission = this.permission(address);
    const relay = this.relayOf(family);
    if (permission === undefined || relay === undefined || port === 0) this.#server.drop('permission');
    else this.#toPeer(relay, permission, port, bytes);
  }

  #toPeer(relay: Relay, permission: Permission, port: number, bytes: Buffer): void {
    const { counters } = this.#server;
    if (permission.own && !this.#server.ports.has(permission.family, port)) return this.#server.drop('forbidden');
    if (!this.#within(bytes.length)) return this.#server.drop('bandwidth');
    if (!relay.send(bytes, port, permission.address)) return this.#server.drop('socket');
    this.traffic.sentPackets += 1;
    this.traffic.sentBytes += bytes.length;
    counters.sentPackets += 1;
    counters.sentBytes += bytes.length;
  }

  /** A datagram of a peer (section 11.3): by its channel if it has one, else as a Data indication. */
  fromPeer(bytes: Buffer, address: string, port: number): void {
    const { counters, timers } = this.#server;
    const permission = this.permissions.get(address);
    if (permission === undefined || permission.expires <= timers.now) return this.#server.drop('permission');
    if (!this.#within(bytes.length)) return this.#server.drop('bandwidth');
    const channel = permission.channels.get(port);
    const bound = channel !== undefined && channel.expires > timers.now;
    const { link } = this;
    if (!bound && bytes.length > MOST_INDICATED) return this.#server.drop('client');
    const message = bound
      ? channelData(channel.number, bytes, link.padded)
      : dataIndication(permission.bytes, port, bytes);
    if (!link.relay(message)) return this.#server.drop('client');
    this.traffic.receivedPackets += 1;
    this.traffic.receivedBytes += bytes.length;
    counters.receivedPackets += 1;
    counters.receivedBytes += bytes.length;
  }

  #within(bytes: number): boolean {
    const { now } = this.#server.timers;
    for (const meter of this.#meters) if (!meter.take(bytes, now)) return false;
    return true;
  }

  /** Deletes what has expired. */
  #sweep(): void {
    const { now } = this.#server.timers;
    for (const [number, { expires, permission, port }] of this.channels) {
      if (expires > now) continue;
      this.channels.delete(number);
      if (permission.channels.get(port)?.number === number) permission.channels.delete(port);
    }
    for (const [address, { channels, expires }] of this.permissions) {
      if (expires <= now && channels.size === 0) this.permissions.delete(address);
    }
  }
}
