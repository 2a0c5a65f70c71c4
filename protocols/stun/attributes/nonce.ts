import { text } from '../attribute.ts';

/** RFC 8489 section 14.10: fewer than 128 characters, 763 bytes at most. */
export const nonce = text(0x0015, 'NONCE', 763);
