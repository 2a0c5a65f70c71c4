import { text } from '../attribute.ts';

/** RFC 8489 section 14.16: the name in the certificate of the server to try instead. */
export const alternateDomain = text(0x8003, 'ALTERNATE-DOMAIN', 255);
