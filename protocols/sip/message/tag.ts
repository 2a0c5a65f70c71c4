/** RFC 3261 section 19.3: tags of responses that no dialog begins with. */
import { randomBytes } from 'node:crypto';
import type { SipRequest } from '#protocols/sip/message/message.ts';

const seed = randomBytes(8);
const SEEDS = [seed.readInt32LE(0), seed.readInt32LE(4)] as const;

/** 32 bits that each character of `text` has a part in: murmur's mixing step, with a seed that nobody else knows. */
function mixed(text: string, start: number, factor: number): number {
  let sum = start;
  for (let at = 0; at < text.length; at++) {
    sum = Math.imul(sum ^ text.charCodeAt(at), factor);
    sum ^= sum >>> 15;
  }
  return sum >>> 0;
}

/**
 * 64 bits that are the same for each copy of a request as long as this process lives: "To header tags MUST be generated for responses in a
 * stateless manner - in a manner that will generate the same tag for the same request consistently" (section 8.2.7).
 */
export function statelessTag({ callId = '', cseq, from, via }: SipRequest): string {
  const text = `${via?.branch ?? ''} ${via?.host ?? ''} ${via?.port ?? ''} ${callId} ${from?.tag ?? ''} ${cseq?.number ?? ''}`;
  const words = [mixed(text, SEEDS[0], 0x5bd1_e995), mixed(text, SEEDS[1], 0x1b87_3593)];
  return words.map((word) => word.toString(16).padStart(8, '0')).join('');
}
