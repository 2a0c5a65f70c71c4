/** RFC 5892 appendix A: the contextual rules, shared by IDNA labels and PRECIS strings (RFC 8264 section 8). */
import { RangeTable } from '#src/address/ranges.ts';
import { JOINING_TYPES, VIRAMAS } from '#src/address/unicode-data.ts';

const joiningTypes = new RangeTable(JOINING_TYPES);
const viramas = new RangeTable(VIRAMAS);
const TRANSPARENT_MARK = /^[\p{Mn}\p{Me}]$/u;

const isVirama = (cp: number | undefined): boolean => cp !== undefined && viramas.get(cp) !== undefined;
const hasScript = (script: RegExp, cp: number | undefined): boolean =>
  cp !== undefined && script.test(String.fromCodePoint(cp));

function joiningType(cp: number): string {
  return joiningTypes.get(cp) ?? (TRANSPARENT_MARK.test(String.fromCodePoint(cp)) ? 'T' : 'U');
}

// A.1: (Joining_Type:{L,D})(Joining_Type:T)*\u200C(Joining_Type:T)*(Joining_Type:{R,D})
function breaksCursiveConnection(points: readonly number[], at: number): boolean {
  const next = (from: number, step: 1 | -1): string => {
    for (let i = from; ; i += step) {
      const cp = points[i];
      const type = cp === undefined ? 'U' : joiningType(cp);
      if (type !== 'T') return type;
    }
  };
  const before = next(at - 1, -1);
  if (before !== 'L' && before !== 'D') return false;
  const after = next(at + 1, 1);
  return after === 'R' || after === 'D';
}

const GREEK = /^\p{Script=Greek}$/u;
const HEBREW = /^\p{Script=Hebrew}$/u;
const KANA_OR_HAN = /^[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]$/u;
const isArabicIndicDigit = (cp: number): boolean => cp >= 0x660 && cp <= 0x669;
const isExtendedArabicIndicDigit = (cp: number): boolean => cp >= 0x6f0 && cp <= 0x6f9;

/** Whether every CONTEXTJ and CONTEXTO code point of the label stands where its rule allows it. Linear in the length. */
export function satisfiesContextRules(points: readonly number[]): boolean {
  // A.8 and A.9: the two sets of Arabic digits "can not be mixed".
  if (points.some(isArabicIndicDigit) && points.some(isExtendedArabicIndicDigit)) return false;
  // A.7: "at least one character in the label to be in one of those scripts".
  if (points.includes(0x30fb) && !points.some((cp) => hasScript(KANA_OR_HAN, cp))) return false;
  return points.every((cp, at) => {
    switch (cp) {
      case 0x200c: // A.1
        return isVirama(points[at - 1]) || breaksCursiveConnection(points, at);
      case 0x200d: // A.2
        return isVirama(points[at - 1]);
      case 0xb7: // A.3: between two "l", as in Catalan
        return points[at - 1] === 0x6c && points[at + 1] === 0x6c;
      case 0x375: // A.4
        return hasScript(GREEK, points[at + 1]);
      case 0x5f3: // A.5
      case 0x5f4: // A.6
        return hasScript(HEBREW, points[at - 1]);
      default:
        return true;
    }
  });
}
