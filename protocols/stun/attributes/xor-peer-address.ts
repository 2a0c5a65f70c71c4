import { xorAddress } from '../attribute.ts';

/** RFC 8656 section 18.3: the peer as the server sees it. */
export const xorPeerAddress = xorAddress(0x0012, 'XOR-PEER-ADDRESS');
