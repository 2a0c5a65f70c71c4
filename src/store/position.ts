/** Where a journal stands for one key: an immutable value, and its record on the disk. */

/** Numbers taken in advance when a queue runs empty, so that a queue that fills and empties within a group writes nothing. */
export const RESERVE = 64;

export interface Position {
  /** Number of the oldest living entry; `next` when there is none. */
  readonly first: number;
  /** Number of the next entry. */
  readonly next: number;
  /** Living entries. */
  readonly live: number;
  /** Removed ranges between living entries, ascending: start, end (exclusive), start, end … At most one more range than living entries. */
  readonly holes: readonly number[];
  /** The record stored says "empty, next is this"; 0 when it says something else, or nothing is stored. */
  readonly reserved: number;
}

const NO_HOLES: readonly number[] = [];

export const START: Position = { first: 1, next: 1, live: 0, holes: NO_HOLES, reserved: 0 };

const emptyAt = (next: number, reserved: number): Position => ({
  first: next,
  next,
  live: 0,
  holes: NO_HOLES,
  reserved,
});

/** Index in `holes` of the first range that ends after `seq`. */
const rangeAfter = (holes: readonly number[], seq: number): number => {
  let low = 0;
  let high = holes.length >> 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((holes[2 * middle + 1] ?? 0) > seq) high = middle;
    else low = middle + 1;
  }
  return 2 * low;
};

/** The lowest living number of at least `seq`; `next` when there is none. */
export const livingFrom = (position: Position, seq: number): number => {
  if (seq <= position.first) return position.first;
  if (position.holes.length === 0) return Math.min(seq, position.next);
  const at = rangeAfter(position.holes, seq);
  const start = position.holes[at];
  if (start !== undefined && start <= seq) return position.holes[at + 1] ?? position.next;
  return Math.min(seq, position.next);
};

export const isLiving = (position: Position, seq: number): boolean =>
  seq < position.next && livingFrom(position, seq) === seq;

/** The highest living number; undefined when there is none. */
export const lastLiving = (position: Position): number | undefined => {
  if (position.live === 0) return undefined;
  const { holes, next } = position;
  return holes.at(-1) === next ? (holes.at(-2) ?? next) - 1 : next - 1;
};

export const afterAppend = (position: Position): Position => ({
  first: position.first,
  next: position.next + 1,
  live: position.live + 1,
  holes: position.holes,
  reserved: position.reserved,
});

/** After the removal of `removed` living entries, among them all of at most `through`. */
export const afterTrim = (position: Position, through: number, removed: number): Position => {
  const { next, reserved } = position;
  const live = position.live - removed;
  if (live === 0) return emptyAt(next, reserved);
  const first = livingFrom(position, through + 1);
  const { holes } = position;
  const kept = holes.length === 0 ? holes : holes.slice(rangeAfter(holes, first));
  return { first, next, live, holes: kept, reserved };
};

/** After the removal of the living entry `seq`. */
export const afterRemove = (position: Position, seq: number): Position => {
  if (seq === position.first) return afterTrim(position, seq, 1);
  const { first, next, reserved } = position;
  const holes = [...position.holes];
  const at = rangeAfter(holes, seq);
  const joinsBefore = at > 0 && holes[at - 1] === seq;
  const joinsAfter = holes[at] === seq + 1;
  if (joinsBefore && joinsAfter) holes.splice(at - 1, 2);
  else if (joinsBefore) holes[at - 1] = seq + 1;
  else if (joinsAfter) holes[at] = seq;
  else holes.splice(at, 0, seq, seq + 1);
  return { first, next, live: position.live - 1, holes, reserved };
};

/** The record to store for `position` and the position once stored; undefined when the record stored still serves. */
export const toRecord = (
  position: Position,
): { readonly record: Uint8Array; readonly position: Position } | undefined => {
  const { first, next, live, holes, reserved } = position;
  if (live > 0)
    return { record: Buffer.from(JSON.stringify([first, next, ...holes])), position: { ...position, reserved: 0 } };
  if (reserved >= next) return undefined;
  const ahead = next + RESERVE;
  return { record: Buffer.from(JSON.stringify([ahead, ahead])), position: emptyAt(next, ahead) };
};

/** Throws when the record is not one. */
export const fromRecord = (record: Uint8Array): Position => {
  const numbers: unknown = JSON.parse(Buffer.from(record).toString('latin1'));
  const sound =
    Array.isArray(numbers) && numbers.length >= 2 && numbers.length % 2 === 0 && numbers.every(Number.isSafeInteger);
  if (!sound) throw new TypeError('not a journal position');
  const [first = 1, next = 1, ...holes] = numbers as number[];
  if (first === next) return emptyAt(next, next);
  let live = next - first;
  for (let i = 0; i < holes.length; i += 2) live -= (holes[i + 1] ?? 0) - (holes[i] ?? 0);
  return { first, next, live, holes, reserved: 0 };
};
