import { inBlock, type IpAddress, type IpBlock, parseBlock } from '#src/address/ip.ts';

/** Networks whose addresses mean something inside of them only: RFC 1918, RFC 3927 and RFC 4291 (link-local), RFC 4193, RFC 6598. */
const INNER: readonly IpBlock[] = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '169.254.0.0/16',
  'fc00::/7',
  'fe80::/10',
].flatMap((block) => parseBlock(block) ?? []);

/** The one that an address is in; undefined for one that means the same everywhere. */
export function innerNetwork(address: IpAddress): IpBlock | undefined {
  return INNER.find((block) => inBlock(address, block));
}
