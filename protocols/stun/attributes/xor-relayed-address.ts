import { xorAddress } from '../attribute.ts';

/** RFC 8656 section 18.5: what was allocated. */
export const xorRelayedAddress = xorAddress(0x0016, 'XOR-RELAYED-ADDRESS');
