import { text } from '../attribute.ts';

/** RFC 8489 section 14.9: fewer than 128 characters, 763 bytes at most. */
export const realm = text(0x0014, 'REALM', 763);
