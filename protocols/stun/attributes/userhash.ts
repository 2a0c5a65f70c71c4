import { opaque } from '../attribute.ts';

/** RFC 8489 section 14.4: SHA-256 of user name, colon and realm, in place of USERNAME. */
export const userhash = opaque(0x001e, 'USERHASH', 32, 32);
