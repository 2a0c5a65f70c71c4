import { GenerationCache, ownText } from '#src/address/cache.ts';
import { originOf, parseIp } from '#src/address/ip.ts';
import type { SipRequest } from './message/message.ts';

export interface GuardOptions {
  /** Words in lower case. */
  readonly scanners: readonly string[];
  /** Requests a second of an address that has not proved anything; 0 for no limit. */
  readonly requestRate: number;
  readonly requestBurst: number;
}

interface Bucket {
  credit: number;
  /** Milliseconds. */
  at: number;
}

/** Addresses that are remembered; the one that was silent longest gives way. */
const REMEMBERED = 50_000;
/** Who has proved to be an account's may send so many times as much. */
const TRUSTED = 20;
/** Milliseconds that a proof counts, and after which it is noted again. */
const TRUST = 3_600_000;
const AGAIN = 60_000;
/** Addresses, and texts of User-Agent of so many characters at most, of which it is remembered what they come to. */
const KNOWN = 10_000;
const LONGEST_AGENT = 256;

export type Admission = 'admitted' | 'scanner' | 'flood';

/** What a request must pass before anything is done about it: it gets no answer when it does not. */
export class Guard {
  readonly #options: () => GuardOptions;
  readonly #exempt: (ip: string) => boolean;
  readonly #buckets = new Map<string, Bucket>();
  readonly #proved = new Map<string, number>();
  readonly #origins = new GenerationCache<string>(KNOWN);
  #scanners: readonly string[] = [];
  #agents = new GenerationCache<boolean>(KNOWN);
  /** Plain numbers: read by the metrics. */
  readonly counters = { scanner: 0, flood: 0 };

  /** @param exempt who is never limited */
  constructor(options: () => GuardOptions, exempt: (ip: string) => boolean) {
    this.#options = options;
    this.#exempt = exempt;
  }

  /** @param now milliseconds of any clock that does not go back */
  judge(request: SipRequest, ip: string, now: number): Admission {
    const { requestBurst, requestRate, scanners } = this.#options();
    if (this.#isScanner(request, scanners)) {
      this.counters.scanner += 1;
      return 'scanner';
    }
    if (requestRate === 0 || this.#exempt(ip)) return 'admitted';
    const origin = this.#originOf(ip);
    const trust = (this.#proved.get(origin) ?? -Infinity) + TRUST > now ? TRUSTED : 1;
    if (this.#takes(origin, requestRate * trust, requestBurst * trust, now)) return 'admitted';
    this.counters.flood += 1;
    return 'flood';
  }

  /** Somebody there has proved to be an account's. */
  proved(ip: string, now: number): void {
    const origin = this.#originOf(ip);
    // Not at every request: it holds much longer.
    if ((this.#proved.get(origin) ?? -Infinity) + AGAIN > now) return;
    this.#proved.delete(origin);
    this.#proved.set(origin, now);
    dropOldest(this.#proved);
  }

  #isScanner(request: SipRequest, scanners: readonly string[]): boolean {
    const agent = request.get('User-Agent');
    if (agent === undefined) return false;
    if (this.#scanners !== scanners) {
      this.#scanners = scanners;
      this.#agents = new GenerationCache(KNOWN);
    }
    const known = this.#agents.get(agent);
    if (known !== undefined) return known;
    const found = isOneOf(request, scanners);
    if (agent.length <= LONGEST_AGENT) this.#agents.set(ownText(agent), found);
    return found;
  }

  #originOf(ip: string): string {
    const known = this.#origins.get(ip);
    if (known !== undefined) return known;
    const origin = keyOf(ip);
    this.#origins.set(ip, origin);
    return origin;
  }

  #takes(origin: string, rate: number, burst: number, now: number): boolean {
    const bucket = this.#buckets.get(origin) ?? { credit: burst, at: now };
    bucket.credit = Math.min(burst, bucket.credit + ((now - bucket.at) * rate) / 1000);
    bucket.at = now;
    this.#buckets.delete(origin);
    this.#buckets.set(origin, bucket);
    dropOldest(this.#buckets);
    if (bucket.credit < 1) return false;
    bucket.credit -= 1;
    return true;
  }
}

/** Does its User-Agent contain one of these words, which are in lower case? */
export function isOneOf(request: SipRequest, words: readonly string[]): boolean {
  const agent = request.get('User-Agent')?.toLowerCase();
  return agent !== undefined && words.some((word) => agent.includes(word));
}

function keyOf(ip: string): string {
  const address = parseIp(ip);
  return address === undefined ? ip : originOf(address);
}

function dropOldest(map: Map<string, unknown>): void {
  if (map.size <= REMEMBERED) return;
  for (const oldest of map.keys()) return void map.delete(oldest);
}
