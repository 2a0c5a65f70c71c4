/**
 * The Hashed Token mechanisms (draft-ietf-kitten-sasl-ht-00, used by XEP-0484): one message each way, an HMAC of the token
 * over the channel binding data.
 */
import { isUtf8 } from 'node:buffer';
import { createHmac, timingSafeEqual } from 'node:crypto';

/** The mechanisms that XEP-0484 names, strongest binding first, with the channel binding type of each. */
export const tokenMechanisms = {
  'HT-SHA-256-EXPR': 'tls-exporter',
  'HT-SHA-256-ENDP': 'tls-server-end-point',
  'HT-SHA-256-NONE': undefined,
} as const;

export type TokenMechanism = keyof typeof tokenMechanisms;

export function isTokenMechanism(name: string): name is TokenMechanism {
  return Object.hasOwn(tokenMechanisms, name);
}

export interface InitiatorMessage {
  readonly authcid: string;
  readonly hash: Buffer;
}

const hashBytes = 32;
/** RFC 7622: a local part has at most 1023 bytes. */
const maxAuthcid = 1023;

/** `initiator-message = authcid NUL initiator-hashed-token`; undefined when malformed. */
export function parseInitiator(data: Buffer): InitiatorMessage | undefined {
  const end = data.indexOf(0);
  if (end < 1 || end > maxAuthcid || data.length !== end + 1 + hashBytes) return undefined;
  const name = data.subarray(0, end);
  return isUtf8(name) ? { authcid: name.toString('utf8'), hash: data.subarray(end + 1) } : undefined;
}

/** `HMAC(token, "Initiator" || cb-data)`: is it the client's? Constant time. */
export function isInitiator(token: string, binding: Buffer, hash: Buffer): boolean {
  return hash.length === hashBytes && timingSafeEqual(hmac(token, 'Initiator', binding), hash);
}

/** `responder-message = HMAC(token, "Responder" || cb-data)`: the server's proof that it knows the token. */
export function responder(token: string, binding: Buffer): Buffer {
  return hmac(token, 'Responder', binding);
}

function hmac(token: string, role: string, binding: Buffer): Buffer {
  return createHmac('sha256', token).update(role).update(binding).digest();
}
