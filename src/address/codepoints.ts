/**
 * Derived properties of code points: RFC 8264 section 8 (PRECIS) and RFC 5892 section 3 (IDNA2008).
 * Both are computed from the Unicode version of the running Node (process.versions.unicode), as the RFCs ask.
 */

/** Allowed everywhere. */
export const PVALID = 1;
/** PRECIS only: allowed in the FreeformClass, not in the IdentifierClass (FREE_PVAL, also called ID_DIS). */
export const FREE_PVAL = 2;
/** A joiner, allowed where RFC 5892 appendix A.1 or A.2 says so. */
export const CONTEXTJ = 3;
/** Allowed where its rule of RFC 5892 appendix A.3 to A.9 says so. */
export const CONTEXTO = 4;
export const DISALLOWED = 5;
export const UNASSIGNED = 6;
export type DerivedProperty = 1 | 2 | 3 | 4 | 5 | 6;

// RFC 5892 section 2.6, Exceptions (F); the two digit ranges are CONTEXTO as well.
const EXCEPTIONS = new Map<number, DerivedProperty>([
  ...[0x00df, 0x03c2, 0x06fd, 0x06fe, 0x0f0b, 0x3007].map((cp) => [cp, PVALID] as const),
  ...[0x00b7, 0x0375, 0x05f3, 0x05f4, 0x30fb].map((cp) => [cp, CONTEXTO] as const),
  ...[0x0640, 0x07fa, 0x302e, 0x302f, 0x3031, 0x3032, 0x3033, 0x3034, 0x3035, 0x303b].map(
    (cp) => [cp, DISALLOWED] as const,
  ),
]);

const LETTER_DIGITS = /^[\p{Ll}\p{Lu}\p{Lo}\p{Nd}\p{Lm}\p{Mn}\p{Mc}]$/u; // A
// B and C together. CWKCF also holds for default ignorables, which C disallows anyway.
const UNSTABLE_OR_IGNORABLE =
  /^[\p{Changes_When_NFKC_Casefolded}\p{Default_Ignorable_Code_Point}\p{White_Space}\p{Noncharacter_Code_Point}]$/u;
const IGNORABLE_BLOCKS = /^[\u20d0-\u20ff\u{1d100}-\u{1d1ff}\u{1d200}-\u{1d24f}]$/u; // D
const OLD_HANGUL_JAMO = /^[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7c6\ud7cb-\ud7fb]$/u; // I
const NONCHARACTER = /^\p{Noncharacter_Code_Point}$/u;
const NOT_ASSIGNED = /^\p{Cn}$/u; // J, with the noncharacters
const PRECIS_IGNORABLE = /^[\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]$/u; // M
const FREE_CATEGORIES = /^[\p{Lt}\p{Nl}\p{No}\p{Me}\p{Zs}\p{S}\p{P}]$/u; // R, N, O, P

function exception(cp: number): DerivedProperty | undefined {
  if ((cp >= 0x660 && cp <= 0x669) || (cp >= 0x6f0 && cp <= 0x6f9)) return CONTEXTO;
  return EXCEPTIONS.get(cp);
}

// RFC 8264 section 8: "implementations MUST NOT modify the order of operations within this algorithm".
function derivePrecis(cp: number, char: string): DerivedProperty {
  const excepted = exception(cp);
  if (excepted !== undefined) return excepted;
  if (NOT_ASSIGNED.test(char) && !NONCHARACTER.test(char)) return UNASSIGNED;
  if (cp >= 0x21 && cp <= 0x7e) return PVALID; // ASCII7 (K)
  if (cp === 0x200c || cp === 0x200d) return CONTEXTJ; // JoinControl (H)
  if (OLD_HANGUL_JAMO.test(char)) return DISALLOWED;
  if (PRECIS_IGNORABLE.test(char)) return DISALLOWED;
  if (/^\p{Cc}$/u.test(char)) return DISALLOWED; // Controls (L)
  if (char.normalize('NFKC') !== char) return FREE_PVAL; // HasCompat (Q)
  if (LETTER_DIGITS.test(char)) return PVALID;
  return FREE_CATEGORIES.test(char) ? FREE_PVAL : DISALLOWED;
}

function deriveIdna(cp: number, char: string): DerivedProperty {
  const excepted = exception(cp);
  if (excepted !== undefined) return excepted;
  if (NOT_ASSIGNED.test(char) && !NONCHARACTER.test(char)) return UNASSIGNED;
  if (cp === 0x2d || (cp >= 0x30 && cp <= 0x39) || (cp >= 0x61 && cp <= 0x7a)) return PVALID; // LDH (E)
  if (cp === 0x200c || cp === 0x200d) return CONTEXTJ;
  if (UNSTABLE_OR_IGNORABLE.test(char) || IGNORABLE_BLOCKS.test(char)) return DISALLOWED;
  if (OLD_HANGUL_JAMO.test(char)) return DISALLOWED;
  return LETTER_DIGITS.test(char) ? PVALID : DISALLOWED;
}

// Memo of the two pure functions above: one byte a code point, in pages of 256, so at most 1.1 MB.
const pages: (Uint8Array | undefined)[] = [];

function derived(cp: number): number {
  const page = (pages[cp >> 8] ??= new Uint8Array(256));
  const known = page[cp & 0xff];
  if (known) return known;
  const char = String.fromCodePoint(cp);
  return (page[cp & 0xff] = derivePrecis(cp, char) | (deriveIdna(cp, char) << 4));
}

/** The PRECIS derived property of `cp` (0..10FFFF), RFC 8264 section 8. */
export const precisProperty = (cp: number): DerivedProperty => (derived(cp) & 0xf) as DerivedProperty;

/** The IDNA2008 derived property of `cp` (0..10FFFF), RFC 5892 section 3; never FREE_PVAL. */
export const idnaProperty = (cp: number): DerivedProperty => (derived(cp) >> 4) as DerivedProperty;

/** The code points of `text`; a lone surrogate stands for itself and is DISALLOWED. */
export function codePoints(text: string): number[] {
  const points: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const cp = text.codePointAt(i) as number; // i < length
    if (cp > 0xffff) i++;
    points.push(cp);
  }
  return points;
}
