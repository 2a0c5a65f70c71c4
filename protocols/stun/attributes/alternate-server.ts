import { plainAddress } from '../attribute.ts';

/** RFC 8489 section 14.15: the server to try instead. */
export const alternateServer = plainAddress(0x8023, 'ALTERNATE-SERVER');
