import { opaque } from '../attribute.ts';

/** RFC 8489 section 14.5: HMAC-SHA1 over what stands before it. */
export const messageIntegrity = opaque(0x0008, 'MESSAGE-INTEGRITY', 20, 20);
