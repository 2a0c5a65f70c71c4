/**
 * RFC 8866: as much of a session description as a media relay reads: where media goes to, and where in the text that is written. Nothing else is
 * looked at, and what is changed is spliced into the text (sdp-edit.ts), so that all other bytes stay what they are.
 */
import type { Buffer } from 'node:buffer';
import { parseIp } from '#src/address/ip.ts';
import { decimal } from '#protocols/sip/message/grammar.ts';

/** A piece of the text, by offsets. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** A line `c=` (section 5.7); its span is that of the value. */
export interface Connection extends Span {
  /** An IP address, or a name; with a slash behind it for multicast. */
  readonly address: string;
}

/** A line `a=rtcp` (RFC 3605); its span is that of what follows the colon. */
export interface RtcpAttribute extends Span {
  readonly port: number;
  /** Undefined: that of the media. */
  readonly address: string | undefined;
}

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

/** One media description (section 5.14). */
export interface SdpMedia {
  /** 0 for a stream that is refused or not used (RFC 3264 section 6). */
  readonly port: number;
  /** Of the port, without a count of ports. */
  readonly portSpan: Span;
  /** `/2`: several ports in a row. */
  readonly counted: boolean;
  /** `RTP/AVP`, `UDP/TLS/RTP/SAVPF`, `udptl`, `TCP/MSRP`, … as it is written. */
  readonly protocol: string;
  /** Its own `c=`; more than one is for layers of multicast. */
  readonly connections: readonly Connection[];
  readonly rtcp: RtcpAttribute | undefined;
  readonly direction: Direction | undefined;
  /** Where a `c=` of its own would begin. */
  readonly connectionAt: number;
}

export interface Sdp {
  /** One character a byte. */
  readonly text: string;
  readonly eol: '\r\n' | '\n';
  /** `c=` of the session. */
  readonly connection: Connection | undefined;
  readonly direction: Direction | undefined;
  /** RFC 8839: the sender does ICE. */
  readonly ice: boolean;
  readonly media: readonly SdpMedia[];
}

const MOST_BYTES = 65_536;
const MOST_LINES = 2000;
const MOST_MEDIA = 16;
const DIRECTIONS: readonly string[] = ['sendrecv', 'sendonly', 'recvonly', 'inactive'] satisfies readonly Direction[];

type Draft<T> = { -readonly [Key in keyof T]: T[Key] };
interface MediaDraft extends Omit<Draft<SdpMedia>, 'connections'> {
  readonly connections: Connection[];
}

class Reader {
  readonly text: string;
  readonly media: MediaDraft[] = [];
  connection: Connection | undefined;
  direction: Direction | undefined;
  ice = false;

  constructor(text: string) {
    this.text = text;
  }

  /** @returns false when the description is none */
  line(type: string, from: number, to: number): boolean {
    switch (type) {
      case 'm':
        return this.#mediaLine(from, to);
      case 'c':
        return this.#connectionLine(from, to);
      case 'a':
        return this.#attribute(from, to);
      default:
        return true;
    }
  }

  get last(): MediaDraft | undefined {
    return this.media.at(-1);
  }

  /** `m=<media> <port>[/<number of ports>] <proto> <fmt> …` */
  #mediaLine(from: number, to: number): boolean {
    const [media = '', place = '', protocol = '', format = ''] = this.text.slice(from, to).split(' ', 4);
    const slash = place.indexOf('/');
    const port = decimal(slash < 0 ? place : place.slice(0, slash), 65_535);
    if (
      media === '' ||
      place === '' ||
      port === undefined ||
      protocol === '' ||
      format === '' ||
      this.media.length >= MOST_MEDIA
    )
      return false;
    const start = from + media.length + 1;
    this.media.push({
      port,
      portSpan: { from: start, to: start + (slash < 0 ? place.length : slash) },
      counted: slash >= 0 && place.slice(slash) !== '/1',
      protocol,
      connections: [],
      rtcp: undefined,
      direction: undefined,
      connectionAt: 0,
    });
    return true;
  }

  /** `c=<nettype> <addrtype> <connection-address>` */
  #connectionLine(from: number, to: number): boolean {
    const address = connectionAddress(this.text.slice(from, to).split(' '));
    if (address === undefined) return false;
    const connection = { address, from, to };
    if (this.last !== undefined) this.last.connections.push(connection);
    else if (this.connection === undefined) this.connection = connection;
    else return false;
    return true;
  }

  #attribute(from: number, to: number): boolean {
    const colon = this.text.indexOf(':', from);
    const name = this.text.slice(from, colon < 0 || colon > to ? to : colon);
    if (name === 'ice-ufrag' || name === 'candidate') this.ice = true;
    else if (name === 'rtcp') return this.#rtcp(colon + 1, to);
    else if (DIRECTIONS.includes(name)) (this.last ?? this).direction = name as Direction;
    return true;
  }

  /** `a=rtcp:<port> [<nettype> <addrtype> <connection-address>]`; only media has it. */
  #rtcp(from: number, to: number): boolean {
    const [text = '', ...place] = this.text.slice(from, to).split(' ');
    const port = decimal(text, 65_535);
    const address = place.length === 0 ? undefined : connectionAddress(place);
    if (port === undefined || (place.length > 0 && address === undefined)) return false;
    if (this.last !== undefined) this.last.rtcp = { port, address, from, to };
    return true;
  }
}

/** Undefined for a network other than the Internet. */
function connectionAddress([network, type, address = '', ...rest]: readonly string[]): string | undefined {
  if (network !== 'IN' || (type !== 'IP4' && type !== 'IP6') || address === '' || rest.length > 0) return undefined;
  return address;
}

/**
 * Reads one. Undefined for what is none, or too much of one: lines that are not `<type>=<value>`, other than IP networks, media without a port or an
 * address, more than 64 KiB, 2,000 lines or 16 media descriptions.
 */
export function readSdp(bytes: Buffer): Sdp | undefined {
  if (bytes.length > MOST_BYTES) return undefined;
  const text = bytes.toString('latin1');
  if (!text.startsWith('v=0')) return undefined;
  const reader = new Reader(text);
  let lines = 0;
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\n', at);
    const next = end < 0 ? text.length : end + 1;
    let to = end < 0 ? text.length : end;
    if (to > at && text.charCodeAt(to - 1) === 0x0d) to -= 1;
    if ((lines += 1) > MOST_LINES) return undefined;
    if (to > at) {
      const type = text[at] ?? '';
      if (text[at + 1] !== '=' || !reader.line(type, at + 2, to)) return undefined;
      // Section 9: `m=`, `i=`, `c=`, in this order.
      if (reader.last !== undefined && (type === 'm' || type === 'i')) reader.last.connectionAt = next;
    }
    at = next;
  }
  const { connection, direction, ice, media } = reader;
  if (connection === undefined && media.some(({ connections, port }) => port !== 0 && connections.length === 0))
    return undefined;
  const eol = text[text.indexOf('\n') - 1] === '\r' ? '\r\n' : '\n';
  return { text, eol, connection, direction, ice, media };
}

/** Where the media goes: its own `c=`, else that of the session. */
export function connectionOf(sdp: Sdp, media: SdpMedia): Connection | undefined {
  return media.connections[0] ?? sdp.connection;
}

/** RFC 3264 section 8.4: "c=IN IP4 0.0.0.0" is how the hold of RFC 2543 looks. */
export function isUnspecified(address: string): boolean {
  return parseIp(address)?.words.every((word) => word === 0) === true;
}

/**
 * Can it be relayed: datagrams to one place? Not what goes over TCP (MSRP), to several ports or by multicast, nor what is not used. A stream on hold
 * can: its place is told again when it is resumed.
 */
export function isRelayable(sdp: Sdp, media: SdpMedia): boolean {
  const protocol = media.protocol.toUpperCase();
  if (media.port === 0 || media.counted || media.connections.length > 1) return false;
  if (!protocol.startsWith('RTP/') && !protocol.startsWith('UDP')) return false;
  return connectionOf(sdp, media)?.address.includes('/') === false;
}

/** Is nothing sent in either direction, or in one only? Then silence means nothing. */
export function isHeld(sdp: Sdp): boolean {
  return sdp.media.every((media) => {
    const direction = media.direction ?? sdp.direction ?? 'sendrecv';
    return direction !== 'sendrecv' || media.port === 0 || isUnspecified(connectionOf(sdp, media)?.address ?? '');
  });
}
