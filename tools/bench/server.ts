import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Certificate, type Peer, type Place, makePlace, stop } from '#tools/bench/peers/peer.ts';
import type { Endpoint, Transport } from '#tools/bench/result.ts';

/** A server under measurement. */
export interface Server {
  readonly name: string;
  /** How many of the bench's accounts it has, as far as is known. */
  accounts: number;
  endpoint(transport: Transport): Endpoint | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A server that the bench runs itself, as a child process with its own data. */
export class ManagedServer implements Server {
  readonly name: string;
  readonly #peer: Peer;
  readonly #place: Place;
  readonly #accountsFile: string;
  #child: ChildProcess | undefined;

  private constructor(peer: Peer, place: Place) {
    this.name = peer.name;
    this.#peer = peer;
    this.#place = place;
    this.#accountsFile = join(place.directory, 'accounts');
  }

  static async make(peer: Peer, work: string, domain: string, certificate: Certificate): Promise<ManagedServer> {
    const place = await makePlace(join(work, peer.name), domain, certificate);
    peer.configure(place);
    return new ManagedServer(peer, place);
  }

  get accounts(): number {
    return existsSync(this.#accountsFile) ? Number(readFileSync(this.#accountsFile, 'latin1')) : 0;
  }

  set accounts(count: number) {
    writeFileSync(this.#accountsFile, String(count));
  }

  endpoint(transport: Transport): Endpoint {
    const { port, tlsPort, domain } = this.#place;
    const pid = this.#child?.pid;
    const tls = transport === 'tls';
    const named = this.#peer.named && { named: this.#peer.named };
    return { host: '127.0.0.1', port: tls ? tlsPort : port, tls, domain, ...named, ...(pid !== undefined && { pid }) };
  }

  async start(): Promise<void> {
    this.#child ??= await this.#peer.start(this.#place);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child !== undefined) await stop(child);
  }
}

export interface ExternalAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number | undefined;
  readonly tlsPort: number | undefined;
  readonly domain: string;
  readonly pid: number | undefined;
}

/** A server that runs already, known by host and port; it is neither started nor stopped. */
export class ExternalServer implements Server {
  readonly name: string;
  readonly #address: ExternalAddress;
  accounts = 0;

  constructor(address: ExternalAddress) {
    this.name = address.name;
    this.#address = address;
  }

  endpoint(transport: Transport): Endpoint | undefined {
    const { host, domain, pid } = this.#address;
    const tls = transport === 'tls';
    const port = tls ? this.#address.tlsPort : this.#address.port;
    return port === undefined ? undefined : { host, port, tls, domain, ...(pid !== undefined && { pid }) };
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {}
}
