import { opaque } from '../attribute.ts';

/** RFC 8656 section 18.4: what a datagram carries; zero bytes are allowed. */
export const data = opaque(0x0013, 'DATA', 0, 65535);
