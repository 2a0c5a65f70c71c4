import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { inBlock, type IpBlock, isLoopback, parseIp } from '#src/address/ip.ts';
import { Connection, type Keeper, type ListenerInfo, type Remote } from './connection.ts';
import type { Origin } from './origins.ts';
import { readProxyHeader } from './proxy-protocol.ts';
import { peerFault } from './tls-info.ts';
import type { Alpn, TlsService } from './tls.ts';

/** Takes the connections of one kind of listener. */
export interface Acceptor {
  /** The application protocols of its TLS connections (RFC 7301); a client that names none is taken as well. */
  readonly alpn: Alpn;
  /** Its connections stand outside the limits, and no draining of the others ends them: it does that itself. */
  readonly apart?: true;
  accept(connection: Connection): void;
}

/** What an arrival needs to know of its listener. */
export interface ArrivalListener extends ListenerInfo {
  readonly proxyProtocol: boolean;
  /** Who may send PROXY headers; everybody who reaches the listener when absent. */
  readonly proxies?: readonly IpBlock[] | undefined;
  /** Rule that peers must pass by their address; everybody passes when absent. */
  readonly access?: string | undefined;
}

/** Why a connection was closed before a front end saw it. */
export type Refused = 'refused' | 'denied' | 'overLimit' | 'overRate' | 'proxyErrors' | 'tlsErrors';

/** What the listeners do for an arrival. */
export interface Door {
  readonly tls: TlsService | undefined;
  /** Counts the connection for its origin; or says why it is refused. */
  admit(ip: string, listener: ArrivalListener): Origin | Refused;
  known(origin: Origin): void;
  left(socket: Socket, origin: Origin | undefined, stranger: boolean): void;
  count(reason: Refused): void;
  /** A front end let an exception through. */
  fault(error: unknown, listener: ListenerInfo): void;
}

interface Arrived {
  arrival?: Arrival;
}

/** Milliseconds for the PROXY header, and for a handshake. */
const PROXY_WAIT = 5000;
const HANDSHAKE = 30_000;

/**
 * A socket from accept to close: reads the PROXY header, asks the limits, does the handshake of direct TLS, and hands on. Then it
 * remains as the connection's keeper, that gives back what was counted.
 */
export class Arrival implements Keeper {
  readonly serial: number;
  readonly #door: Door;
  readonly #listener: ArrivalListener;
  readonly #acceptor: Acceptor;
  #origin: Origin | undefined = undefined;
  #stranger = true;
  #wait: NodeJS.Timeout | undefined = undefined;

  constructor(door: Door, serial: number, listener: ArrivalListener, acceptor: Acceptor) {
    this.serial = serial;
    this.#door = door;
    this.#listener = listener;
    this.#acceptor = acceptor;
  }

  get tls(): TlsService | undefined {
    return this.#door.tls;
  }

  /** The socket was accepted. */
  begin(socket: Socket): void {
    (socket as Arrived).arrival = this;
    socket.on('close', onClose);
    if (!this.#listener.proxyProtocol) return this.#admit(socket, remoteOf(socket));
    const { proxies } = this.#listener;
    const from = proxies === undefined ? undefined : parseIp(socket.remoteAddress ?? '');
    if (proxies !== undefined && (from === undefined || !proxies.some((block) => inBlock(from, block)))) {
      return this.refuse(socket, 'proxyErrors');
    }
    this.#readProxyHeader(socket);
  }

  refuse(socket: Socket, reason: Refused): void {
    this.#door.count(reason);
    socket.on('error', ignore);
    socket.destroy();
  }

  #readProxyHeader(socket: Socket): void {
    let seen: Buffer | undefined;
    const read = (chunk: Buffer): void => {
      seen = seen === undefined ? chunk : Buffer.concat([seen, chunk]);
      const header = readProxyHeader(seen);
      if (header.kind === 'more') return;
      clearTimeout(this.#wait);
      socket.off('data', read);
      socket.off('error', ignore);
      if (header.kind === 'invalid') return this.refuse(socket, 'proxyErrors');
      // What follows the header is put back. The socket stays paused until somebody listens: a TLS layer takes it over as it is.
      socket.pause();
      if (seen.length > header.length) socket.unshift(seen.subarray(header.length));
      // Who comes through a balancer is somewhere else, even where the balancer is here.
      if (header.kind === 'proxied')
        this.#admit(socket, { address: header.address.ip, port: header.address.port, loopback: false });
      else if (header.kind === 'unknown') this.#admit(socket, { ...remoteOf(socket), loopback: false });
      else this.#admit(socket, remoteOf(socket));
    };
    this.#wait = setTimeout(late, PROXY_WAIT, this, socket, 'proxyErrors');
    socket.on('error', ignore);
    socket.on('data', read);
  }

  /** The peer's true address is known: the limits and the ban list come before its first byte is looked at. */
  #admit(socket: Socket, remote: Remote): void {
    if (remote.address !== '') {
      const answer = this.#door.admit(remote.address, this.#listener);
      if (typeof answer === 'string') return this.refuse(socket, answer);
      this.#origin = answer;
    }
    if (this.#listener.tls === 'direct') return this.#secure(socket, remote);
    if (this.#listener.proxyProtocol) socket.resume();
    this.#acceptor.accept(new Connection(socket, this.#listener, this, remote));
  }

  /** TLS from the first byte: the front end sees the connection when the handshake is done. */
  #secure(socket: Socket, remote: Remote): void {
    const { tls } = this;
    if (tls?.ready !== true) return this.refuse(socket, 'tlsErrors');
    socket.on('error', ignore);
    const secure = new TLSSocket(socket, { ...tls.options(this.#acceptor.alpn), isServer: true });
    const failed = (): void => {
      this.#door.count('tlsErrors');
      secure.destroy();
    };
    this.#wait = setTimeout(failed, HANDSHAKE);
    secure.on('error', failed);
    secure.once('secure', () => {
      clearTimeout(this.#wait);
      secure.off('error', failed);
      if (tls.requiresPeer && peerFault(secure) !== undefined) return this.refuse(secure, 'tlsErrors');
      this.#acceptor.accept(new Connection(secure, this.#listener, this, remote));
    });
  }

  authenticated(): void {
    if (!this.#stranger) return;
    this.#stranger = false;
    if (this.#origin !== undefined) this.#door.known(this.#origin);
  }

  tlsFailed(): void {
    this.#door.count('tlsErrors');
  }

  failed(error: unknown): void {
    this.#door.fault(error, this.#listener);
  }

  /** @internal */
  closed(socket: Socket): void {
    clearTimeout(this.#wait);
    this.#door.left(socket, this.#origin, this.#stranger);
  }
}

function onClose(this: Socket): void {
  (this as Arrived).arrival?.closed(this);
}

function late(arrival: Arrival, socket: Socket, reason: Refused): void {
  arrival.refuse(socket, reason);
}

function ignore(): void {
  // 'close' follows.
}

function remoteOf(socket: Socket): Remote {
  const { localAddress, remoteAddress, remotePort } = socket;
  // A local socket has no addresses: whoever may open the file is on this machine.
  if (remoteAddress === undefined)
    return { address: '', port: 0, loopback: localAddress === undefined && !socket.destroyed };
  const mapped = remoteAddress.startsWith('::ffff:') ? remoteAddress.slice(7) : remoteAddress;
  return { address: mapped, port: remotePort ?? 0, loopback: isLocal(remoteAddress) && isLocal(localAddress ?? '') };
}

function isLocal(text: string): boolean {
  const address = parseIp(text);
  return address !== undefined && isLoopback(address);
}
