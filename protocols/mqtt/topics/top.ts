/** Topics that are counted at once. */
const COUNTED = 1000;

/**
 * Which topics are published to most, from samples and in bounded memory: a new topic takes the place of the rarest and inherits its
 * count (Metwally et al., "space saving"), so that a frequent one is never missed.
 */
export class TopTopics {
  readonly #counts = new Map<string, number>();

  note(topic: string): void {
    const count = this.#counts.get(topic);
    if (count !== undefined || this.#counts.size < COUNTED) return void this.#counts.set(topic, (count ?? 0) + 1);
    let rarest = '';
    let least = Number.POSITIVE_INFINITY;
    for (const [other, seen] of this.#counts) {
      if (seen >= least) continue;
      rarest = other;
      least = seen;
      if (seen === 1) break;
    }
    this.#counts.delete(rarest);
    this.#counts.set(topic, least + 1);
  }

  /** The first `limit`, with how many samples were of them. */
  list(limit: number): readonly (readonly [topic: string, samples: number])[] {
    return [...this.#counts].toSorted(([, a], [, b]) => b - a).slice(0, limit);
  }
}
