/**
 * A bounded memo: at most `capacity` entries in two generations. A hit in the younger costs one Map.get; when it is full the
 * older is dropped, so what is in use survives and nothing is tracked per access.
 */
export class GenerationCache<Value> {
  readonly #half: number;
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  constructor(capacity: number) {
    this.#half = Math.max(1, capacity >> 1);
  }

  get(key: string): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) this.set(key, old);
    return old;
  }

  set(key: string, value: Value): void {
    if (this.#young.size >= this.#half) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: string): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }
}

/** `text` in memory of its own: a slice would keep all that it was cut from alive as long as it is kept. */
export function ownText(text: string): string {
  const bytes = Buffer.from(text, 'latin1');
  const narrow = bytes.toString('latin1');
  return narrow === text ? narrow : Buffer.from(text, 'utf16le').toString('utf16le');
}
