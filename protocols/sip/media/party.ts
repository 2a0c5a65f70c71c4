/** RFC 7362: one side of a call as the relay knows it before any media comes, and what of its session description is believed. */
import { inBlock, type IpAddress, type IpBlock, isLoopback, parseBlock, parseIp } from '#src/address/ip.ts';
import { innerNetwork } from '#protocols/sip/inner-networks.ts';

export interface Party {
  /** Where its signalling comes from, or goes to. */
  readonly signalling: string;
  /** The address of this machine that its relay ports are opened on. */
  readonly local: string;
  /** What is written for that into the session descriptions that it gets. */
  readonly told: string;
}

/** Who tells the addresses of this machine. */
export interface OwnAddresses {
  has(address: string): boolean;
}

/** Where nothing is sent to by UDP, whoever asks for it: this network, multicast, what is reserved and broadcast (RFC 6890). */
const NEVER: readonly IpBlock[] = ['0.0.0.0/8', '224.0.0.0/4', '240.0.0.0/4', '::/128', 'ff00::/8'].flatMap(
  (block) => parseBlock(block) ?? [],
);

/** An IP address as sockets write it (RFC 5952), so that it can be compared with where a datagram came from. Other text stays. */
export function asSeen(text: string): string {
  const ip = text.includes(':') ? parseIp(text) : undefined;
  if (ip === undefined) return text;
  if (ip.family === 6) return new URL(`http://[${text.split('%', 1)[0]}]`).hostname.slice(1, -1);
  const [word = 0] = ip.words;
  return [24, 16, 8, 0].map((shift) => (word >>> shift) & 255).join('.');
}

const isNear = (one: IpAddress, other: IpAddress): boolean => {
  const network = innerNetwork(one);
  return network !== undefined && inBlock(other, network);
};

/**
 * Is this address, which a party wrote down itself, hidden behind a NAT? It is when it means something in a private network only (RFC 1918, RFC 4193,
 * RFC 6598, link-local), and the party's signalling comes from somewhere else: neither from the same address nor from an address of the same private
 * network (`10.1.0.5` and `10.2.0.7` are in one, `10.1.0.5` and `192.168.0.7` are not). An address of this machine is not.
 */
export function isHidden(text: string, signalling: string, own: OwnAddresses): boolean {
  const address = parseIp(text);
  const source = parseIp(signalling);
  if (address === undefined || source === undefined || innerNetwork(address) === undefined) return false;
  return text !== signalling && !isNear(address, source) && !own.has(text);
}

/**
 * Is an address that one party wrote down out of the other's reach, because it is of a private network that the other one does not signal from? This
 * is how a phone beside this server looks to a provider of numbers, where the NAT is between the server and the provider.
 */
export function isOutOfReach(text: string, otherSignalling: string, own: OwnAddresses): boolean {
  const address = parseIp(text);
  const other = parseIp(otherSignalling);
  if (address === undefined || other === undefined || innerNetwork(address) === undefined) return false;
  return !isNear(address, other) && !isLoopback(other) && !own.has(otherSignalling);
}

/**
 * May media be sent to an address because a session description names it? To the signalling address always. Else not to this machine, nor to its
 * loopback, unless the party is on it too; not into a private network unless the party signals from the same; never by multicast or broadcast. So
 * nobody outside reaches by the relay what they could not reach without (RFC 7362 section 5). A party behind a NAT is sent nothing until it sends.
 */
export function mayDescribe(text: string, { signalling }: Party, own: OwnAddresses): boolean {
  const address = parseIp(text);
  const source = parseIp(signalling);
  if (address === undefined || source === undefined || NEVER.some((block) => inBlock(address, block))) return false;
  if (text === signalling) return true;
  if (isLoopback(address) || own.has(text)) return isLoopback(source) || own.has(signalling);
  return innerNetwork(address) === undefined || isNear(address, source);
}
