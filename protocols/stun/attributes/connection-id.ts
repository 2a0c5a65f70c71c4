import { uint32 } from '../attribute.ts';

/** RFC 6062 section 6.2.1. */
export const connectionId = uint32(0x002a, 'CONNECTION-ID');
