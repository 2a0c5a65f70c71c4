import { networkInterfaces } from 'node:os';
import { inBlock, type IpAddress, isLoopback, parseBlock, parseIp } from '#src/address/ip.ts';

/** The addresses of the machine are read anew after so many milliseconds. */
const FRESH = 10_000;
const WILDCARDS: ReadonlySet<string> = new Set(['::', '0.0.0.0', '']);

interface Interface {
  readonly address: string;
  readonly cidr: string | null;
  readonly internal: boolean;
  readonly family: string;
}

/** Which of the machine's addresses a peer would see: what to write into Via and Record-Route when a socket listens on all of them. */
export class LocalAddresses {
  readonly #read: () => readonly Interface[];
  #known: readonly Interface[] = [];
  #at = Number.NEGATIVE_INFINITY;

  constructor(read: () => readonly Interface[] = () => Object.values(networkInterfaces()).flatMap((all) => all ?? [])) {
    this.#read = read;
  }

  /** @param bound the address a socket is bound to; one that is no wildcard stands for itself */
  towards(remote: string, bound: string): string {
    if (!WILDCARDS.has(bound)) return bound;
    const ip = parseIp(remote);
    const family = remote.includes(':') ? 'IPv6' : 'IPv4';
    if (ip !== undefined && isLoopback(ip)) return family === 'IPv6' ? '::1' : '127.0.0.1';
    const all = this.#interfaces().filter((one) => one.family === family);
    const near = ip && all.find((one) => holds(one, ip));
    const found = near ?? all.find(({ address, internal }) => !internal && !address.startsWith('fe80')) ?? all[0];
    return found?.address ?? (family === 'IPv6' ? '::1' : '127.0.0.1');
  }

  /** Is the peer on this machine, or in a network that this machine is in? Then no NAT is in between. */
  isNear(remote: string): boolean {
    const ip = parseIp(remote);
    return ip !== undefined && (isLoopback(ip) || this.#interfaces().some((one) => holds(one, ip)));
  }

  /** Has this machine an address of the same family, that is more than a link's? Without one nothing gets there. */
  reaches(remote: string): boolean {
    const ip = parseIp(remote);
    if (ip === undefined || isLoopback(ip)) return ip !== undefined;
    const family = remote.includes(':') ? 'IPv6' : 'IPv4';
    return this.#interfaces().some((one) => one.family === family && !one.internal && !one.address.startsWith('fe80'));
  }

  has(address: string): boolean {
    return this.#interfaces().some((one) => one.address === address);
  }

  #interfaces(): readonly Interface[] {
    const now = performance.now();
    if (now - this.#at > FRESH) {
      this.#known = this.#read();
      this.#at = now;
    }
    return this.#known;
  }
}

function holds({ cidr }: Interface, ip: IpAddress): boolean {
  const block = cidr === null ? undefined : parseBlock(cidr);
  return block !== undefined && inBlock(ip, block);
}
