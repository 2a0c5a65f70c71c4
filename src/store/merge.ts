/** A snapshot of the disk seen through the writes that wait to be committed. */
import type { Change, Cursor, Entry } from './driver.ts';
import { compareKeys } from './keys.ts';

/**
 * Entries of `stored` and `waiting` in one order; where both have a key, `waiting` wins, and its deletions hide what is stored.
 * `waiting` is sorted in the direction of the cursor: ascending for `sign` 1, descending for -1.
 */
export const mergeCursor = (stored: Cursor, waiting: readonly Change[], sign: 1 | -1): Cursor => {
  let page: readonly Entry[] = [];
  let at = 0;
  let ended = false;
  let next = 0;

  /** The next stored entry, fetching a page where needed. */
  const peek = async (size: number): Promise<Entry | undefined> => {
    if (at === page.length && !ended) {
      page = await stored.next(size);
      at = 0;
      ended = page.length === 0;
    }
    return page[at];
  };

  return {
    async next(size) {
      const merged: Entry[] = [];
      while (merged.length < size) {
        const entry = at < page.length ? page[at] : await peek(size);
        const change = waiting[next];
        if (change === undefined) {
          if (entry === undefined) break;
          merged.push(entry);
          at++;
          continue;
        }
        const order = entry === undefined ? -1 : sign * compareKeys(change.key, entry[0]);
        if (order > 0 && entry !== undefined) {
          merged.push(entry);
          at++;
          continue;
        }
        if (order === 0) at++;
        next++;
        if (change.value !== null) merged.push([change.key, change.value]);
      }
      return merged;
    },
    close: () => stored.close(),
  };
};
