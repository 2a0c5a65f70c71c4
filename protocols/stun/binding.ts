import type { Buffer } from 'node:buffer';
import { transportAddress } from './address.ts';
import { errorCode } from './attributes/error-code.ts';
import { knownAttributes } from './attributes/index.ts';
import { unknownAttributes } from './attributes/unknown-attributes.ts';
import { xorMappedAddress } from './attributes/xor-mapped-address.ts';
import { type ErrorCode, errorCodes, reasonPhrases } from './error-codes.ts';
import { checkFingerprint } from './integrity.ts';
import { Message } from './message.ts';
import { classes, methods } from './methods.ts';
import { Writer } from './writer.ts';

/**
 * The answer to a Binding request (RFC 8489 section 6.3.1), for any transport that shares its port with STUN, such as the keep-alive
 * of RFC 5626.
 * @param bytes one datagram, or one message of a stream
 * @param address where it came from, and the port
 * @returns undefined when it is no such request: indications, responses, other methods, other protocols
 */
export function answer(bytes: Buffer, address: string, port: number): Buffer | undefined {
  const message = Message.decode(bytes);
  return message === undefined ? undefined : answerBinding(message, address, port);
}

/** The same for a message that has been decoded. */
export function answerBinding(message: Message, address: string, port: number): Buffer | undefined {
  if (message.method !== methods.binding || message.class !== classes.request) return undefined;
  const print = checkFingerprint(message);
  if (print === 'wrong') return undefined;
  const writer = respond(message, transportAddress(address, port));
  return (print === 'right' ? writer.fingerprint() : writer).bytes;
}

function respond(message: Message, from: ReturnType<typeof transportAddress>): Writer {
  if (message.malformed) return refuse(message, errorCodes.badRequest);
  const unknown = message.unknown(knownAttributes);
  if (unknown.length > 0) return refuse(message, errorCodes.unknownAttribute).add(unknownAttributes, unknown);
  if (from === undefined) return refuse(message, errorCodes.serverError);
  return new Writer(methods.binding, classes.success, message.transactionId).add(xorMappedAddress, from);
}

/** An error response to a request; what the error needs is added by the caller. */
export function refuse(message: Message, code: ErrorCode): Writer {
  const writer = new Writer(message.method, classes.error, message.transactionId);
  return writer.add(errorCode, { code, phrase: reasonPhrases[code] });
}
