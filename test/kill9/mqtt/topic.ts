import type { Stream } from '../ledger.ts';

/** What a publication says: its topic and number, so that nothing can be taken for something else. */
export const payloadOf = (topic: string, n: number): string => `${topic}#${n}${'.'.repeat((n * 7) % 90)}`;

/** The number in a payload; undefined when it is not the one that was sent. */
export function numberIn(topic: string, payload: string): number | undefined {
  const n = Number(/#(\d{1,9})/.exec(payload)?.[1]);
  return payload === payloadOf(topic, n) ? n : undefined;
}

/** A topic that one client publishes to, numbered from 1, with what every subscriber got of it. */
export class Topic {
  readonly name: string;
  readonly qos: 1 | 2;
  readonly retain: boolean;
  readonly streams: Stream[] = [];
  sent = 0;
  /** Highest number that the server has acknowledged. */
  acknowledged = 0;

  constructor(name: string, qos: 1 | 2, retain: boolean) {
    this.name = name;
    this.qos = qos;
    this.retain = retain;
  }

  /** @returns the number of the next publication */
  next(): number {
    this.sent += 1;
    for (const stream of this.streams) stream.sent = this.sent;
    return this.sent;
  }
}

/** A retained topic: every seventh publication is empty and takes the message away (MQTT 5 section 3.3.1.3). */
export class RetainedTopic extends Topic {
  payload(n: number): string {
    return n % 7 === 0 ? '' : payloadOf(this.name, n);
  }

  /** What may stand there: what was acknowledged last, or anything that was sent later. */
  allows(found: string): boolean {
    if (this.acknowledged === 0 && found === '') return true;
    for (let n = Math.max(1, this.acknowledged); n <= this.sent; n++) if (this.payload(n) === found) return true;
    return false;
  }
}

/** What arrived of a topic at a share group, over all its members (section 4.8.2). */
export class SharedTopic extends Topic {
  readonly #arrived = new Set<number>();
  /** By member, the highest number. */
  readonly #last = new Map<string, number>();
  duplicates = 0;

  get outstanding(): number {
    return this.sent - this.#arrived.size;
  }

  get received(): number {
    return this.#arrived.size;
  }

  missing(limit: number): readonly number[] {
    const missing: number[] = [];
    for (let n = 1; n <= this.sent && missing.length < limit; n++) if (!this.#arrived.has(n)) missing.push(n);
    return missing;
  }

  /** @returns what is wrong with it, if anything */
  take(member: string, n: number): 'duplicate' | 'out of order' | 'never sent' | undefined {
    if (n < 1 || n > this.sent) return 'never sent';
    const last = this.#last.get(member) ?? 0;
    this.#last.set(member, Math.max(last, n));
    const again = this.#arrived.has(n);
    this.#arrived.add(n);
    if (again) this.duplicates += 1;
    // At QoS 1 what is sent again may go to the other member, and what went there before may come here now.
    if (this.qos === 1) return undefined;
    if (again) return 'duplicate';
    return n < last ? 'out of order' : undefined;
  }
}
