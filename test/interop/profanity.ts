import type { Transcript } from './transcript.ts';
export const profanity: Transcript = { name: 'profanity', missing: () => 'being written', play: async () => undefined };
