/**
 * Shell-like patterns: `*` is any run of characters, `?` is one. Matching remembers the last star only, so the worst case
 * is pattern times text and never exponential.
 */
export const maxGlob = 256;

const star = 0x2a;
const question = 0x3f;

/** Matches the whole text against `pattern[from, to)`, without allocating. */
export function matchGlob(pattern: string, text: string, from = 0, to = pattern.length): boolean {
  let p = from;
  let t = 0;
  let lastStar = -1;
  let resume = 0;
  while (t < text.length) {
    const char = p < to ? pattern.charCodeAt(p) : -1;
    if (char === star) {
      lastStar = p++;
      resume = t;
    } else if (char === question || char === text.charCodeAt(t)) {
      p++;
      t++;
    } else if (lastStar >= 0) {
      p = lastStar + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < to && pattern.charCodeAt(p) === star) p++;
  return p === to;
}
