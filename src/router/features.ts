import type { IqScope } from './iq.ts';

/** Who or what an entity is: category, type and name of XEP-0030 section 3.1. */
export interface Identity {
  readonly category: string;
  readonly type: string;
  readonly name?: string;
  /** Of the name: `xml:lang`. */
  readonly lang?: string;
}

/** What a host and its accounts can do, as modules announce it. A feature that several modules announce stays until the last leaves. */
export class Features {
  readonly #counts = { host: new Map<string, number>(), account: new Map<string, number>() };
  /** Grows with every change: who caches the list compares it. */
  version = 0;

  add(scope: IqScope, feature: string): Disposable {
    const counts = this.#counts[scope];
    counts.set(feature, (counts.get(feature) ?? 0) + 1);
    this.version += 1;
    return { [Symbol.dispose]: () => this.#drop(scope, feature) };
  }

  /** Sorted, as entity capabilities (XEP-0115 section 5.1) want them. */
  list(scope: IqScope): readonly string[] {
    return [...this.#counts[scope].keys()].toSorted();
  }

  has(scope: IqScope, feature: string): boolean {
    return this.#counts[scope].has(feature);
  }

  #drop(scope: IqScope, feature: string): void {
    const counts = this.#counts[scope];
    const left = (counts.get(feature) ?? 0) - 1;
    if (left > 0) counts.set(feature, left);
    else counts.delete(feature);
    this.version += 1;
  }
}
