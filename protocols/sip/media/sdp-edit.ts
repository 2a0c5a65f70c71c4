/** A session description with other places for its media. All that names no place stays as it is, `o=` too: it names who made it (RFC 8866 section 5.2). */
import { Buffer } from 'node:buffer';
import { connectionOf, isUnspecified, type Sdp, type SdpMedia, type Span } from './sdp.ts';

/** The ports of a relay for one stream. */
export interface Place {
  readonly port: number;
  readonly rtcpPort: number;
}

interface Splice extends Span {
  readonly text: string;
}

const connectionText = (address: string): string => `IN IP${address.includes(':') ? 6 : 4} ${address}`;

/**
 * @param address that of the relay
 * @param places by media description; one without is left as it is, as is one that is on hold by its address (RFC 3264 section 8.4): who reads it is
 * to see that
 */
export function replacePlaces(sdp: Sdp, address: string, places: readonly (Place | undefined)[]): Buffer {
  const splices: Splice[] = [];
  const placed = sdp.media.map((media, at) => (isOnHold(sdp, media) ? undefined : places[at]));
  const session = sdp.connection;
  const isShared = ({ connections }: SdpMedia): boolean => connections.length === 0;
  const moves = session !== undefined && sdp.media.some((media, at) => placed[at] !== undefined && isShared(media));
  if (moves) splices.push({ ...session, text: connectionText(address) });
  for (const [at, media] of sdp.media.entries()) {
    const place = placed[at];
    if (place !== undefined) splices.push(...placeSplices(media, address, place));
    else if (moves && media.port !== 0 && isShared(media)) {
      // It stays where it is, so it needs now what the session said.
      const { from, to } = session;
      splices.push({ from: media.connectionAt, to: media.connectionAt, text: ownConnection(sdp, media, from, to) });
    }
  }
  return Buffer.from(spliced(sdp.text, splices), 'latin1');
}

function isOnHold(sdp: Sdp, media: SdpMedia): boolean {
  return isUnspecified(connectionOf(sdp, media)?.address ?? '');
}

function ownConnection({ eol, text }: Sdp, { connectionAt }: SdpMedia, from: number, to: number): string {
  const line = `c=${text.slice(from, to)}`;
  return text[connectionAt - 1] === '\n' ? `${line}${eol}` : `${eol}${line}`;
}

function placeSplices(media: SdpMedia, address: string, { port, rtcpPort }: Place): readonly Splice[] {
  const { connections, portSpan, rtcp } = media;
  const splices: Splice[] = [{ ...portSpan, text: String(port) }];
  for (const { from, to } of connections) splices.push({ from, to, text: connectionText(address) });
  if (rtcp !== undefined) {
    // RFC 5761 section 5.1.1: RTCP at the port of RTP.
    const text = String(rtcp.port === media.port ? port : rtcpPort);
    splices.push({ ...rtcp, text: rtcp.address === undefined ? text : `${text} ${connectionText(address)}` });
  }
  return splices;
}

function spliced(text: string, splices: readonly Splice[]): string {
  let result = '';
  let at = 0;
  for (const { from, text: instead, to } of splices.toSorted((a, b) => a.from - b.from)) {
    result += text.slice(at, from) + instead;
    at = to;
  }
  return result + text.slice(at);
}
