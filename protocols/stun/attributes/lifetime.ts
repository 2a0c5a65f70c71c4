import { uint32 } from '../attribute.ts';

/** RFC 8656 section 18.2: seconds. */
export const lifetime = uint32(0x000d, 'LIFETIME');
