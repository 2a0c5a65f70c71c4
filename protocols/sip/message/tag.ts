/** RFC 3261 section 19.3: tags of responses that no dialog begins with. */
import { randomBytes } from 'node:crypto';
import type { SipRequest } from '#protocols/sip/message/message.ts';

const seed = randomBytes(8);
const SEEDS = [seed.readInt32LE(0), seed.readInt32LE(4)] as const;

/**
 * 64 bits that are the same for each copy of a request as long as this process lives: "To header tags MUST be generated for responses in a
 * stateless manner - in a manner that will generate the same tag for the same request consistently" (section 8.2.7). Murmur's mixing step, twice,
 * from a seed that nobody else knows.
 */
export function statelessTag({ callId = '', cseq, from, via }: SipRequest): string {
  // A client of RFC 2543 has no branch of its own for each request.
  const text = via?.hasCookie === true ? `${via.branch} ${callId}` : `${callId} ${from?.tag} ${cseq?.number}`;
  let [first, second]: readonly [number, number] = SEEDS;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    first = Math.imul(first ^ code, 0x5bd1_e995);
    first ^= first >>> 15;
    second = Math.imul(second ^ code, 0x1b87_3593);
    second ^= second >>> 13;
  }
  return `${(first >>> 0).toString(16).padStart(8, '0')}${(second >>> 0).toString(16).padStart(8, '0')}`;
}
