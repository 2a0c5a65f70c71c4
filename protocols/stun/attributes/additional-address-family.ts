import { family } from '../attribute.ts';

/** RFC 8656 section 18.11: IPv6 is the only value in a request. */
export const additionalAddressFamily = family(0x8000, 'ADDITIONAL-ADDRESS-FAMILY');
