import { Buffer } from 'node:buffer';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { parseMessage } from '#protocols/sip/message/parse.ts';

export const REQUEST: readonly [string, string, string, string, string, string, string] = [
  'MESSAGE sip:bob@example.com SIP/2.0',
  'Via: SIP/2.0/UDP pc33.example.com;branch=z9hG4bK776asdhds',
  'Max-Forwards: 70',
  'To: Bob <sip:bob@example.com>',
  'From: Alice <sip:alice@example.com>;tag=1928301774',
  'Call-ID: a84b4c76e66710@pc33.example.com',
  'CSeq: 314159 MESSAGE',
];

/** Lines with CRLF, the empty one and a body; no Content-Length is added. */
export const bytesOf = (lines: readonly string[], body = ''): Buffer =>
  Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);

/** `REQUEST` with lines replaced by their beginning, or added at the end. */
export function altered(...lines: readonly string[]): readonly string[] {
  const out: string[] = [...REQUEST];
  for (const line of lines) {
    const key = line.slice(0, line.indexOf(':') + 1).toLowerCase();
    const at = out.findIndex((each, index) => index > 0 && each.toLowerCase().startsWith(key));
    if (at < 0) out.push(line);
    else out[at] = line;
  }
  return out;
}

export function requestOf(lines: readonly string[], body?: string): SipRequest {
  const message = parseMessage(bytesOf(lines, body));
  if (message.kind !== 'request') throw new Error(message.kind === 'malformed' ? message.reason : message.kind);
  return message;
}

export function responseOf(lines: readonly string[], body?: string): SipResponse {
  const message = parseMessage(bytesOf(lines, body));
  if (message.kind !== 'response') throw new Error(message.kind === 'malformed' ? message.reason : message.kind);
  return message;
}
