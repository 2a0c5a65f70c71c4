import { uint32 } from '../attribute.ts';

/** RFC 8489 section 14.7: CRC-32 over what stands before it, XORed with 0x5354554e; the last attribute. */
export const fingerprint = uint32(0x8028, 'FINGERPRINT');
