import { xorAddress } from '../attribute.ts';

/** RFC 8489 section 14.2: where the request came from. */
export const xorMappedAddress = xorAddress(0x0020, 'XOR-MAPPED-ADDRESS');
