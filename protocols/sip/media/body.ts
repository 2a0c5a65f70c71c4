/** Where the session description is in a message: its body, or one part of it (RFC 5621 section 3.1). */
import { Buffer } from 'node:buffer';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';

const SDP = 'application/sdp';
const HEADERS_END = '\r\n\r\n';
/** Parts that are looked at, and bytes of the header of one. */
const MOST_PARTS = 16;
const MOST_HEADER = 4096;

/** A body with a session description in it. */
export interface SdpBody {
  readonly sdp: Buffer;
  /** The whole body with another description in its place. */
  readonly with: (sdp: Buffer) => Buffer;
}

/** Undefined when there is none, or none that is plain: a body that is encoded or encrypted is not looked into. */
export function sdpBody(message: SipRequest | SipResponse): SdpBody | undefined {
  const { body } = message;
  if (body.length === 0) return undefined;
  const media = message.contentType;
  if (media === undefined || (message.get('Content-Encoding') ?? 'identity').toLowerCase() !== 'identity')
    return undefined;
  if (media.type === SDP) return { sdp: body, with: (sdp) => sdp };
  const boundary = media.type.startsWith('multipart/') ? media.params.get('boundary') : undefined;
  return boundary === undefined ? undefined : partOf(body, boundary);
}

/** RFC 2046 section 5.1.1: the first part that is a session description. Parts of parts are not looked into. */
function partOf(body: Buffer, boundary: string): SdpBody | undefined {
  const delimiter = `\r\n--${boundary}`;
  let at = body.indexOf(delimiter.slice(2), 0, 'latin1') === 0 ? -2 : body.indexOf(delimiter, 0, 'latin1');
  for (let parts = 0; at !== -1 && parts < MOST_PARTS; parts++) {
    const head = body.indexOf('\r\n', at + delimiter.length, 'latin1');
    const end = body.indexOf(delimiter, at + delimiter.length, 'latin1');
    if (head < 0 || end < 0) return undefined;
    // A part without header fields begins with the empty line itself.
    const blank = body.indexOf(HEADERS_END, head, 'latin1');
    if (blank >= 0 && blank < end && blank - head <= MOST_HEADER && isSdp(body.toString('latin1', head, blank))) {
      const start = blank + HEADERS_END.length;
      return {
        sdp: body.subarray(start, end),
        with: (sdp) => Buffer.concat([body.subarray(0, start), sdp, body.subarray(end)]),
      };
    }
    at = end;
  }
  return undefined;
}

function isSdp(header: string): boolean {
  let found = false;
  for (const line of header.split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(colon, 0)).trim().toLowerCase();
    const value = line
      .slice(colon + 1)
      .trim()
      .toLowerCase();
    if (name === 'content-type') found = value.split(';', 1)[0]?.trim() === SDP;
    if (name === 'content-transfer-encoding' && !['7bit', '8bit', 'binary'].includes(value)) return false;
    // It would tell of another length than that of what is put in its place.
    if (name === 'content-length') return false;
  }
  return found;
}
