import type { Transcript } from './transcript.ts';
export const openssl: Transcript = { name: 'openssl', missing: () => 'being written', play: async () => undefined };
