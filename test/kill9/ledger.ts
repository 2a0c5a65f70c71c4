/**
 * What one sender sent to one account, numbered from 1, and what arrived of it.
 * `at-least-once`: what came before may come again (MQTT's QoS 1). `best-effort`: nobody promised anything (a client without stream
 * management), so that only bad content counts.
 */
export class Stream {
  readonly id: string;
  /** Full JID of the sender. */
  readonly from: string;
  /** Address that the messages go to. */
  readonly to: string;
  /** Localpart of the account that receives. */
  readonly receiver: string;
  readonly promise: 'exactly-once' | 'at-least-once' | 'best-effort';
  sent = 0;
  received = 0;
  duplicates = 0;
  disordered = 0;
  /** Highest number that arrived. */
  #last = 0;
  /** Numbers below the highest that did not arrive, so far. */
  readonly #missing = new Set<number>();

  constructor(id: string, from: string, to: string, receiver: string, promise: Stream['promise']) {
    this.id = id;
    this.from = from;
    this.to = to;
    this.receiver = receiver;
    this.promise = promise;
  }

  /** Numbers that are jumped over: lost, unless they arrive late. */
  get gaps(): number {
    return this.#missing.size;
  }

  /** How many of those sent did not arrive. */
  get outstanding(): number {
    return this.#missing.size + this.sent - this.#last;
  }

  /** A message arrived. @returns what is wrong with it, if anything */
  take(n: number): 'duplicate' | 'out of order' | 'gap' | 'never sent' | undefined {
    if (!Number.isInteger(n) || n < 1 || n > this.sent) return 'never sent';
    if (n > this.#last) {
      const skipped = n - this.#last - 1;
      for (let number = this.#last + 1; number < n; number++) this.#missing.add(number);
      this.#last = n;
      this.received += 1;
      return skipped > 0 ? 'gap' : undefined;
    }
    if (this.#missing.delete(n)) {
      this.received += 1;
      this.disordered += 1;
      return 'out of order';
    }
    this.duplicates += 1;
    return 'duplicate';
  }

  /** Numbers of the messages that did not arrive, at most `limit`. */
  missing(limit: number): readonly number[] {
    const missing = [...this.#missing];
    for (let n = this.#last + 1; n <= this.sent && missing.length < limit; n++) missing.push(n);
    return missing.slice(0, limit);
  }
}

const FILLERS = [
  '',
  ' &lt;b&gt; &amp; so on',
  ' Κρήτη',
  ' 🛶',
  ' ordinary words, as people write them to each other all day long',
];
const MEANT = ['', ' <b> & so on', ' Κρήτη', ' 🛶', ' ordinary words, as people write them to each other all day long'];

/** The text of a message, escaped for XML, and as it has to arrive. */
export function bodyOf(id: string, n: number): { readonly escaped: string; readonly text: string } {
  const at = n % FILLERS.length;
  return { escaped: `${id}-${n}${FILLERS[at]}`, text: `${id}-${n}${MEANT[at]}` };
}

/** All that went wrong, in words; each kind is counted, the first of each round are told in full. */
export class Findings {
  readonly all: string[] = [];
  readonly #log: (line: string) => void;

  constructor(log: (line: string) => void) {
    this.#log = log;
  }

  get count(): number {
    return this.all.length;
  }

  add(text: string): void {
    this.all.push(text);
    this.#log(`VIOLATION ${text}`);
  }
}
