import { Buffer } from 'node:buffer';
import { FAMILY_V4, FAMILY_V6, type Family } from '../address.ts';
import type { Attribute } from '../attribute.ts';
import { errorCode, type ErrorReason } from './error-code.ts';

export interface AddressError extends ErrorReason {
  readonly family: Family;
}

/** RFC 8656 section 18.12: why an address of this family was not allocated; 440 or 508. */
export const addressErrorCode: Attribute<AddressError> = {
  type: 0x8001,
  name: 'ADDRESS-ERROR-CODE',
  size: ({ phrase }) => 4 + Buffer.byteLength(phrase),
  write(bytes, at, value) {
    errorCode.write(bytes, at, value);
    bytes.writeUInt8(value.family === 4 ? FAMILY_V4 : FAMILY_V6, at);
  },
  read(bytes, start, end) {
    const reason = errorCode.read(bytes, start, end);
    if (reason === undefined) return undefined;
    const family = bytes.readUInt8(start);
    if (family !== FAMILY_V4 && family !== FAMILY_V6) return undefined;
    return { ...reason, family: family === FAMILY_V4 ? 4 : 6 };
  },
};
