/** RFC 5893: right-to-left scripts for IDNA, section 2, The Bidi Rule (also the directionality rule of RFC 8265 section 3.3.1). */
import { RangeTable } from '#src/address/ranges.ts';
import { BIDI_CLASSES } from '#src/address/unicode-data.ts';

const classes = new RangeTable(BIDI_CLASSES);
const NONSPACING_MARK = /^[\p{Mn}\p{Me}]$/u;

/** Bidi_Class of a code point that identifiers may hold. */
function bidiClass(cp: number): string {
  return classes.get(cp) ?? (NONSPACING_MARK.test(String.fromCodePoint(cp)) ? 'NSM' : 'L');
}

const isRtlClass = (value: string): boolean => value === 'R' || value === 'AL' || value === 'AN';

/** Whether `points` hold a character of class R, AL or AN: an "RTL label" of RFC 5893 section 1.4. */
export function isRtlLabel(points: readonly number[]): boolean {
  return points.some((cp) => cp >= 0x590 && isRtlClass(bidiClass(cp)));
}

const ALLOWED_IN_RTL = new Set(['R', 'AL', 'AN', 'EN', 'ES', 'CS', 'ET', 'ON', 'BN', 'NSM']); // condition 2
const ALLOWED_IN_LTR = new Set(['L', 'EN', 'ES', 'CS', 'ET', 'ON', 'BN', 'NSM']); // condition 5
const ENDS_RTL = new Set(['R', 'AL', 'EN', 'AN']); // condition 3
const ENDS_LTR = new Set(['L', 'EN']); // condition 6

/** Whether the label satisfies all six conditions of the Bidi Rule. Linear in the length. */
export function satisfiesBidiRule(points: readonly number[]): boolean {
  const found = points.map(bidiClass);
  const first = found[0];
  // 1. "The first character must be a character with Bidi property L, R, or AL."
  if (first !== 'L' && first !== 'R' && first !== 'AL') return false;
  const isRtl = first !== 'L';
  const allowed = isRtl ? ALLOWED_IN_RTL : ALLOWED_IN_LTR;
  if (!found.every((value) => allowed.has(value))) return false;
  // 3 and 6: the end of the label, followed by zero or more characters with Bidi property NSM.
  const last = found.findLast((value) => value !== 'NSM');
  if (last === undefined || !(isRtl ? ENDS_RTL : ENDS_LTR).has(last)) return false;
  // 4. "In an RTL label, if an EN is present, no AN may be present, and vice versa."
  return !(isRtl && found.includes('EN') && found.includes('AN'));
}
