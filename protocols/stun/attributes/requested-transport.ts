import { reserved } from '../attribute.ts';

/** RFC 8656 section 18.8 and RFC 6062 section 4.1: a protocol number of IP, 17 for UDP and 6 for TCP. */
export const requestedTransport = reserved(0x0019, 'REQUESTED-TRANSPORT', 1);
