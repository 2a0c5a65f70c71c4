/** Relations between topic filters and topic names: MQTT 5 section 4.7. All were validated before; none of these functions recurses. */

/** Whether a topic name matches a filter. */
export function matchesFilter(filter: string, topic: string): boolean {
  return covers(filter, topic);
}

/** Section 4.7.2: a wildcard at the beginning does not reach what begins with $. */
const hidden = (wild: string | undefined, other: string | undefined): boolean =>
  (wild === '#' || wild === '+') && other?.startsWith('$') === true;

/** Whether every topic that matches `narrow`, a filter or a name, matches `wide`, too. */
export function covers(wide: string, narrow: string): boolean {
  const outer = wide.split('/');
  const inner = narrow.split('/');
  if (hidden(outer[0], inner[0])) return false;
  for (const [depth, level] of outer.entries()) {
    if (level === '#') return true;
    const other = inner[depth];
    if (other === undefined || other === '#') return false;
    if (level !== '+' && level !== other) return false;
  }
  // `sport/#` matches `sport`, so it is not covered by it; `sport` alone is.
  return inner.length === outer.length;
}

/** Whether some topic matches both filters. */
export function overlaps(one: string, other: string): boolean {
  const left = one.split('/');
  const right = other.split('/');
  if (hidden(left[0], right[0]) || hidden(right[0], left[0])) return false;
  for (let depth = 0; ; depth++) {
    const a = left[depth];
    const b = right[depth];
    if (a === '#' || b === '#') return true;
    if (a === undefined || b === undefined) return a === b || left[depth + 1] === '#' || right[depth + 1] === '#';
    if (a !== '+' && b !== '+' && a !== b) return false;
    // `sport/#` matches `sport`.
    if (left.length === depth + 1 && right[depth + 1] === '#' && right.length === depth + 2) return true;
    if (right.length === depth + 1 && left[depth + 1] === '#' && left.length === depth + 2) return true;
  }
}
