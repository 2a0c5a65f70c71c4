import { text } from '../attribute.ts';

/** RFC 8489 section 14.14: fewer than 128 characters, 763 bytes at most. */
export const software = text(0x8022, 'SOFTWARE', 763);
