import type { Refusal } from '#src/stanza/conditions.ts';

/**
 * What became of a routed stanza. `stored` means that it is in the open write group: whoever acknowledges it to a peer waits for
 * the store's barrier first. `dropped` is the silence that a standard asks for.
 */
export type Outcome =
  | { readonly kind: 'delivered'; readonly copies: number }
  | { readonly kind: 'stored' }
  | { readonly kind: 'dropped' }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

const delivered: readonly Outcome[] = [1, 2, 3, 4].map((copies) => Object.freeze({ kind: 'delivered', copies }));

export const STORED: Outcome = Object.freeze({ kind: 'stored' });
export const DROPPED: Outcome = Object.freeze({ kind: 'dropped' });
export const DELIVERED: Outcome = Object.freeze({ kind: 'delivered', copies: 1 });

export function deliveredTo(copies: number): Outcome {
  return delivered[copies - 1] ?? { kind: 'delivered', copies };
}

export function refused(refusal: Refusal): Outcome {
  return { kind: 'refused', refusal };
}
