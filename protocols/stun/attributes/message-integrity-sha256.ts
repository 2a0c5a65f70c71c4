import { opaque } from '../attribute.ts';

/** RFC 8489 section 14.6: HMAC-SHA256 over what stands before it; 16 bytes at least, a multiple of 4. */
export const messageIntegritySha256 = opaque(0x001c, 'MESSAGE-INTEGRITY-SHA256', 16, 32);
