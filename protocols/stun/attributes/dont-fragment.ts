import { flag } from '../attribute.ts';

/** RFC 8656 section 18.9. */
export const dontFragment = flag(0x001a, 'DONT-FRAGMENT');
