import { text } from '../attribute.ts';

/** RFC 8489 section 14.3: fewer than 509 bytes. */
export const username = text(0x0006, 'USERNAME', 508);
