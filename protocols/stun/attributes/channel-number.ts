import { reserved } from '../attribute.ts';

/** RFC 8656 section 18.1. */
export const channelNumber = reserved(0x000c, 'CHANNEL-NUMBER', 2);
