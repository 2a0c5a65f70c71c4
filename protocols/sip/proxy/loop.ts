/** RFC 5393 section 4.2: branches in two parts, of which the second tells loops from spirals. */
import { crc32 } from 'node:zlib';
import type { SipRequest } from '#protocols/sip/message/message.ts';

/** Whether a listener of this server stands at that place; `port` is undefined where a Via names none. */
export type OwnPlace = (host: string, port: number | undefined) => boolean;

const SEPARATOR = '.';

/**
 * "The second part MUST depend at least on the received Request-URI and any Route header field values used when processing the received
 * request" and "MUST NOT vary with the request method"; Call-ID, CSeq and tags are in it so that a collision of hashes does not last.
 */
export function loopHash(request: SipRequest): string {
  const { callId, cseq, from, to, uri } = request;
  const route = request.all('Route').join();
  const credentials = request.all('Proxy-Authorization').join() + request.all('Proxy-Require').join();
  const text = [uri, route, credentials, callId, cseq?.number, from?.tag, to?.tag].join('\n');
  return crc32(text).toString(36);
}

/** A branch with its second part: `unique` must be unique by itself. */
export const loopBranch = (unique: string, hash: string): string => `${unique}${SEPARATOR}${hash}`;

/** "Each Via header field value in the request whose sent-by value matches a value placed into previous requests by this proxy MUST be inspected." */
export function hasLooped(request: SipRequest, isOwn: OwnPlace): boolean {
  const vias = request.vias ?? [];
  let hash: string | undefined;
  return vias.some(({ branch = '', hasCookie, host, port }) => {
    const at = branch.lastIndexOf(SEPARATOR);
    if (!hasCookie || at < 0 || !isOwn(host, port)) return false;
    hash ??= loopHash(request);
    return branch.slice(at + 1) === hash;
  });
}
