import { inBlock, type IpAddress, type IpBlock, parseBlock, parseIp } from '#src/address/ip.ts';

/**
 * Where nobody is relayed to unless the operator says so: what only this machine or its network can reach, and what no host on the
 * Internet has (RFC 6890 and its registries). An IPv4-mapped address is judged as the IPv4 address that it is.
 */
export const RESERVED: readonly (readonly [block: string, what: string])[] = [
  ['0.0.0.0/8', 'this network (RFC 791), on many systems this host'],
  ['10.0.0.0/8', 'private (RFC 1918)'],
  ['100.64.0.0/10', 'shared address space of carriers (RFC 6598)'],
  ['127.0.0.0/8', 'loopback (RFC 1122)'],
  ['169.254.0.0/16', 'link-local (RFC 3927), where clouds answer with metadata'],
  ['172.16.0.0/12', 'private (RFC 1918)'],
  ['192.0.0.0/24', 'IETF protocol assignments (RFC 6890)'],
  ['192.0.2.0/24', 'documentation (RFC 5737)'],
  ['192.88.99.0/24', '6to4 relay anycast (RFC 7526)'],
  ['192.168.0.0/16', 'private (RFC 1918)'],
  ['198.18.0.0/15', 'benchmarking (RFC 2544)'],
  ['198.51.100.0/24', 'documentation (RFC 5737)'],
  ['203.0.113.0/24', 'documentation (RFC 5737)'],
  ['224.0.0.0/4', 'multicast (RFC 5771)'],
  ['240.0.0.0/4', 'reserved (RFC 1112), and limited broadcast'],
  ['::/96', 'unspecified, loopback and IPv4-compatible (RFC 4291)'],
  ['64:ff9b::/96', 'translation to IPv4 (RFC 6052)'],
  ['64:ff9b:1::/48', 'translation to IPv4, local use (RFC 8215)'],
  ['100::/64', 'discard-only (RFC 6666)'],
  ['2001::/23', 'IETF protocol assignments (RFC 2928), Teredo among them (RFC 4380)'],
  ['2001:db8::/32', 'documentation (RFC 3849)'],
  ['2002::/16', '6to4 (RFC 3056)'],
  ['3fff::/20', 'documentation (RFC 9637)'],
  ['fc00::/7', 'unique local (RFC 4193), where clouds answer with metadata'],
  ['fe80::/10', 'link-local (RFC 4291)'],
  ['fec0::/10', 'site-local (RFC 3879)'],
  ['ff00::/8', 'multicast (RFC 4291)'],
];

const blocks: readonly IpBlock[] = RESERVED.map(([text]) => {
  const block = parseBlock(text);
  if (block === undefined) throw new Error(`${text} is no block`);
  return block;
});

export interface PeerRules {
  readonly allowPeers: readonly IpBlock[];
  readonly denyPeers: readonly IpBlock[];
}

const within = (address: IpAddress, list: readonly IpBlock[]): boolean => list.some((block) => inBlock(address, block));

/** Has the operator said that it may be relayed to? */
export function isAllowed(text: string, { allowPeers }: PeerRules): boolean {
  const address = parseIp(text);
  return address !== undefined && within(address, allowPeers);
}

export function isDenied(text: string, { denyPeers }: PeerRules): boolean {
  const address = parseIp(text);
  return address === undefined || within(address, denyPeers);
}

/** May a peer at this address be relayed to and from? What the operator denies comes first, then what is allowed, then the table. */
export function mayReach(text: string, { allowPeers, denyPeers }: PeerRules): boolean {
  const address = parseIp(text);
  // A relay with an IPv6 address sends no IPv4.
  if (address === undefined || (address.family === 4 && text.includes(':'))) return false;
  if (within(address, denyPeers)) return false;
  return within(address, allowPeers) || !within(address, blocks);
}
