import { family } from '../attribute.ts';

/** RFC 8656 section 18.6. */
export const requestedAddressFamily = family(0x0017, 'REQUESTED-ADDRESS-FAMILY');
