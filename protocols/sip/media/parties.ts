import { isLoopback, parseIp } from '#src/address/ip.ts';
import type { Destination } from '#protocols/sip/transport/destination.ts';
import type { Flow } from '#protocols/sip/transport/flow.ts';
import type { Transports } from '#protocols/sip/transport/transports.ts';
import { asSeen, type OwnAddresses, type Party } from './party.ts';

/** The sides of calls, by the ways that their signalling takes; and which addresses are this server's. */
export class Parties implements OwnAddresses {
  readonly #transports: Pick<Transports, 'datagramFlow' | 'local'>;
  readonly #external: () => string | undefined;

  /** @param external the IP address that parties elsewhere reach this server at, where it is not one of this machine */
  constructor(transports: Pick<Transports, 'datagramFlow' | 'local'>, external: () => string | undefined) {
    this.#transports = transports;
    this.#external = external;
  }

  /** @returns whether an address is one of this machine, or stands for it */
  has(address: string): boolean {
    return this.#transports.local.has(address) || this.#external() === address;
  }

  of({ localAddress, remoteAddress }: Flow): Party {
    return this.#party(remoteAddress, localAddress);
  }

  at(destination: Destination): Party {
    if ('flow' in destination) return this.of(destination.flow);
    const { address, port, transport } = destination;
    const flow = transport === 'udp' ? this.#transports.datagramFlow(address, port) : undefined;
    return this.#party(address, flow?.localAddress ?? '');
  }

  #party(address: string, bound: string): Party {
    const signalling = asSeen(address);
    const { local } = this.#transports;
    // Behind a load balancer a connection may say that it came to an address that is not here.
    const own = local.has(bound) || isOnLoopback(bound) ? bound : local.towards(signalling, '');
    const external = this.#external();
    const told = external !== undefined && sameFamily(external, own) && !local.isNear(signalling);
    return { signalling, local: own, told: told ? external : own };
  }
}

function isOnLoopback(text: string): boolean {
  const address = parseIp(text);
  return address !== undefined && isLoopback(address);
}

const sameFamily = (one: string, other: string): boolean => one.includes(':') === other.includes(':');
