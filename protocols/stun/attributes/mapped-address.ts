import { plainAddress } from '../attribute.ts';

/** RFC 8489 section 14.1. Written for nobody: clients of RFC 3489 are not served. */
export const mappedAddress = plainAddress(0x0001, 'MAPPED-ADDRESS');
