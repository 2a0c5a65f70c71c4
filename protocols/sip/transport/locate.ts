/** RFC 3263: where a SIP URI leads. NAPTR, SRV and addresses, in the order to try them. */
import { randomInt } from 'node:crypto';
import { parseIp } from '#src/address/ip.ts';
import { addressOfHost } from '#protocols/sip/message/host.ts';
import type { SipUri } from '#protocols/sip/message/uri.ts';
import { type AddressDestination, defaultPort } from './destination.ts';
import type { TransportName } from './flow.ts';

export interface NaptrRecord {
  readonly order: number;
  readonly preference: number;
  readonly flags: string;
  readonly service: string;
  readonly replacement: string;
}

export interface SrvRecord {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
}

/** As much of `node:dns/promises` as is used. What does not exist is rejected with the code ENOTFOUND or ENODATA. */
export interface SipResolver {
  resolveNaptr(name: string): Promise<readonly NaptrRecord[]>;
  resolveSrv(name: string): Promise<readonly SrvRecord[]>;
  /** Addresses of both families. */
  lookup(name: string): Promise<readonly string[]>;
}

export interface LocatorOptions {
  readonly resolver: SipResolver;
  /** Has this machine a way to such an address? What it has none to is left out. */
  readonly reaches?: (address: string) => boolean;
  /** Milliseconds since any moment. */
  readonly now?: () => number;
  /** Less than this of its argument, at random: for the weights of SRV. */
  readonly random?: (below: number) => number;
}

/** Milliseconds an answer is kept, and one that there is nothing. */
const KEPT = 60_000;
const KEPT_NOTHING = 10_000;
const CACHE = 10_000;
/** Destinations of one URI, at most. */
const MAX = 16;

/** What is found by name. */
type Dialled = 'udp' | 'tcp' | 'tls';

/** Section 4.1, table of NAPTR services. WebSocket servers have none (RFC 7118 section 4.1 leaves it open). */
const SERVICES: ReadonlyMap<string, Dialled> = new Map([
  ['SIPS+D2T', 'tls'],
  ['SIP+D2T', 'tcp'],
  ['SIP+D2U', 'udp'],
]);
const SRV_PREFIX: Readonly<Record<Dialled, string>> = {
  udp: '_sip._udp.',
  tcp: '_sip._tcp.',
  tls: '_sips._tcp.',
};

interface Kept {
  readonly until: number;
  readonly answer: Promise<readonly AddressDestination[]>;
}

/** Finds servers, and remembers what it found for a while. */
export class Locator {
  readonly #resolver: SipResolver;
  readonly #reaches: (address: string) => boolean;
  readonly #now: () => number;
  readonly #random: (below: number) => number;
  readonly #cache = new Map<string, Kept>();

  constructor({ now, random, reaches, resolver }: LocatorOptions) {
    this.#resolver = resolver;
    this.#reaches = reaches ?? (() => true);
    this.#now = now ?? (() => performance.now());
    this.#random = random ?? ((below) => randomInt(below));
  }

  /** Where to send a request to this URI, the best first; none when nothing is found. Never rejects. */
  async locate(uri: SipUri): Promise<readonly AddressDestination[]> {
    const target = targetOf(uri);
    const { host, port, secure, transport } = target;
    if (transport === 'ws' || transport === 'wss') return [];
    const key = JSON.stringify([host, port, secure, transport]);
    const now = this.#now();
    const kept = this.#cache.get(key);
    if (kept !== undefined && kept.until > now) return await kept.answer;
    const answer = this.#find({ ...target, transport }).then((found) => found.slice(0, MAX));
    if (this.#cache.size >= CACHE) this.#cache.clear();
    this.#cache.set(key, { until: now + KEPT, answer });
    const found = await answer;
    if (found.length === 0) this.#cache.set(key, { until: now + KEPT_NOTHING, answer });
    return found;
  }

  async #find(target: Target & { readonly transport: Dialled | undefined }): Promise<readonly AddressDestination[]> {
    const { host, port, secure, transport } = target;
    const address = addressOfHost(host);
    // Section 4.1: "if the TARGET is a numeric IP address, the client SHOULD use UDP for a SIP URI, and TCP for a SIPS URI", here TLS over it.
    const preset = transport ?? (secure ? 'tls' : 'udp');
    if (address !== undefined) return [{ transport: preset, address, port: port ?? defaultPort(preset) }];
    // "Similarly, if no transport protocol is specified, and the TARGET is not numeric, but an explicit port is provided".
    if (port !== undefined) return await this.#addresses(preset, host, port, host);
    const named = transport === undefined ? await this.#byNaptr(host, secure) : [];
    if (named.length > 0) return named;
    const transports: readonly Dialled[] =
      transport !== undefined ? [transport] : secure ? ['tls'] : ['udp', 'tcp', 'tls'];
    const found: AddressDestination[] = [];
    for (const each of transports) found.push(...(await this.#bySrv(each, SRV_PREFIX[each] + host, host)));
    // Section 4.2: "if no SRV records were found, the client performs an A or AAAA record lookup of the domain name".
    return found.length > 0 ? found : await this.#addresses(preset, host, defaultPort(preset), host);
  }

  /** Section 4.1: "the client SHOULD perform a NAPTR query for the domain in the URI". */
  async #byNaptr(host: string, secure: boolean): Promise<readonly AddressDestination[]> {
    const records = await orNone(this.#resolver.resolveNaptr(host));
    const usable = records
      .map(({ flags, order, preference, replacement, service }) => {
        return { flags, order, preference, replacement, transport: SERVICES.get(service.toUpperCase()) };
      })
      // "a SIPS URI … any services that do not contain SIPS in the protocol field MUST be discarded".
      .filter(({ flags, transport }) => flags.toLowerCase() === 's' && transport && (!secure || transport === 'tls'))
      .toSorted((a, b) => a.order - b.order || a.preference - b.preference);
    const found: AddressDestination[] = [];
    for (const { replacement, transport } of usable.slice(0, MAX)) {
      if (transport !== undefined) found.push(...(await this.#bySrv(transport, replacement, host)));
    }
    return found;
  }

  /** @param name the certificate's: "the domain name in the URI", not what DNS made of it (RFC 5922 section 4) */
  async #bySrv(transport: Dialled, query: string, name: string): Promise<readonly AddressDestination[]> {
    const records = inOrder(await orNone(this.#resolver.resolveSrv(query)), this.#random);
    const found: AddressDestination[] = [];
    // RFC 2782: "A Target of '.' means that the service is decidedly not available".
    for (const record of records.slice(0, MAX)) {
      if (record.name !== '' && record.name !== '.')
        found.push(...(await this.#addresses(transport, record.name, record.port, name)));
    }
    return found;
  }

  async #addresses(
    transport: Dialled,
    host: string,
    port: number,
    serverName: string,
  ): Promise<readonly AddressDestination[]> {
    const addresses = await orNone(this.#resolver.lookup(host));
    return addresses
      .filter((address) => parseIp(address) !== undefined && this.#reaches(address))
      .map((address) => ({ transport, address, port, serverName }));
  }
}

interface Target {
  readonly host: string;
  readonly port: number | undefined;
  readonly secure: boolean;
  readonly transport: TransportName | undefined;
}

/** Section 4: TARGET is "the value of the maddr parameter, if present, otherwise the host". */
function targetOf(uri: SipUri): Target {
  const secure = uri.scheme === 'sips';
  const asked = uri.transport?.toLowerCase();
  // "sips:…;transport=tcp" is TLS over TCP (RFC 3261 section 26.2.2); "transport=tls" is deprecated and widely used.
  const transport =
    asked === 'tcp' && secure ? 'tls' : asked === 'udp' || asked === 'tcp' || asked === 'tls' ? asked : undefined;
  const host = (uri.param('maddr') || uri.host).toLowerCase();
  if (asked === 'ws' || asked === 'wss') return { host, port: uri.port, secure, transport: secure ? 'wss' : 'ws' };
  return { host, port: uri.port, secure, transport };
}

/** RFC 2782: by priority, and by weight at random among equals. */
function inOrder(records: readonly SrvRecord[], random: (below: number) => number): readonly SrvRecord[] {
  const ordered: SrvRecord[] = [];
  const groups = [...Map.groupBy(records, ({ priority }) => priority)].toSorted(([a], [b]) => a - b);
  for (const [, group] of groups) {
    // "arrange all SRV RRs … in any order, except that all those with weight 0 are placed at the beginning of the list".
    const rest = group.toSorted((a, b) => a.weight - b.weight);
    while (rest.length > 0) {
      const total = rest.reduce((sum, { weight }) => sum + weight, 0);
      let drawn = random(total + 1);
      const at = rest.findIndex(({ weight }) => (drawn -= weight) <= 0);
      ordered.push(...rest.splice(Math.max(at, 0), 1));
    }
  }
  return ordered;
}

/** A name without such records, and a resolver that does not answer, give none. */
async function orNone<T>(answer: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await answer;
  } catch {
    return [];
  }
}
