/** How many calls somebody has at once, and may have. */
import type { ServerTransaction } from '#protocols/sip/transaction/server.ts';

/** Somebody who pays for a call, with one of those that it may have. */
export interface Charge {
  readonly kind: 'account' | 'trunk' | 'source';
  /** An address, the name of a trunk, or an IP address. */
  readonly name: string;
  /** Calls at once; Infinity for no bound. */
  readonly limit: number;
}

const keyOf = ({ kind, name }: Charge): string => `${kind} ${name}`;
const NONE: readonly Charge[] = [];

/** A call counts from the INVITE that is forwarded to its end, however it comes. Holds nobody who has no call. */
export class CallCounts {
  readonly #counts = new Map<string, number>();
  /** What is to be counted when the INVITE is forwarded. */
  readonly #asked = new WeakMap<ServerTransaction, readonly Charge[]>();

  get(charge: Charge): number {
    return this.#counts.get(keyOf(charge)) ?? 0;
  }

  /** The first that may not have a call more; undefined when all may, who are then `chargesOf` the transaction. */
  refused(transaction: ServerTransaction, charges: readonly Charge[]): Charge | undefined {
    const full = charges.find((charge) => this.get(charge) >= charge.limit);
    if (full === undefined && charges.length > 0) this.#asked.set(transaction, charges);
    return full;
  }

  /** Who has the call of an INVITE that was let through, with a bound or without. */
  partiesOf(transaction: ServerTransaction): readonly Charge[] {
    return this.#asked.get(transaction) ?? NONE;
  }

  /** Those of them who have a bound: they alone are counted. */
  chargesOf(transaction: ServerTransaction): readonly Charge[] {
    return this.partiesOf(transaction).filter(({ limit }) => limit !== Infinity);
  }

  add(charges: readonly Charge[]): void {
    for (const charge of charges) this.#counts.set(keyOf(charge), this.get(charge) + 1);
  }

  remove(charges: readonly Charge[]): void {
    for (const charge of charges) {
      const left = this.get(charge) - 1;
      if (left > 0) this.#counts.set(keyOf(charge), left);
      else this.#counts.delete(keyOf(charge));
    }
  }
}
