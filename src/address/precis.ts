/**
 * RFC 8264 (PRECIS framework) and the profiles of RFC 8265 that RFC 7622 uses: localparts are UsernameCaseMapped, resourceparts
 * OpaqueString. The rules are applied in the order of RFC 8264 section 7: mapping first, then the check of the mapped string,
 * which is also the liberal procedure of RFC 7622 section 4 ("where possible, map characters … and accept the mapped string").
 */
import { MAX_PART, NOT_ASCII, scanLocal, scanResource } from '#src/address/ascii.ts';
import { isRtlLabel, satisfiesBidiRule } from '#src/address/bidi.ts';
import { codePoints, CONTEXTJ, CONTEXTO, FREE_PVAL, precisProperty, PVALID } from '#src/address/codepoints.ts';
import { satisfiesContextRules } from '#src/address/context.ts';
import { isMappable, mapCase, mapWidth } from '#src/address/mapping.ts';

type Mapping = (text: string) => string;
type StringClass = 'identifier' | 'freeform';

// RFC 8264 section 7: "if the output string does not stabilize after reapplying the rules three (3) additional times …
// reject the input string as invalid".
function stabilise(text: string, map: Mapping): string | undefined {
  let current = map(text);
  for (let round = 0; round < 3; round++) {
    const next = map(current);
    if (next === current) return current;
    current = next;
  }
  return undefined;
}

// RFC 8264 sections 4.2 and 4.3, with the contextual rules of RFC 5892.
function isInClass(points: readonly number[], stringClass: StringClass): boolean {
  let needsContext = false;
  for (const cp of points) {
    const property = precisProperty(cp);
    if (property === CONTEXTJ || property === CONTEXTO) needsContext = true;
    else if (property !== PVALID && !(property === FREE_PVAL && stringClass === 'freeform')) return false;
  }
  return !needsContext || satisfiesContextRules(points);
}

/** The UsernameCaseMapped form of `text` (RFC 8265 section 3.3), undefined when it has none. */
export function enforceUsernameCaseMapped(text: string): string | undefined {
  const mapped = stabilise(text, (raw) => mapCase(mapWidth(raw)).normalize('NFC'));
  if (!mapped) return undefined;
  const points = codePoints(mapped);
  if (!isInClass(points, 'identifier')) return undefined;
  return !isRtlLabel(points) || satisfiesBidiRule(points) ? mapped : undefined;
}

/** The OpaqueString form of `text` (RFC 8265 section 4.2), undefined when it has none. Passwords use it as well. */
export function enforceOpaqueString(text: string): string | undefined {
  // "Any instances of non-ASCII space MUST be mapped to SPACE."
  const mapped = stabilise(text, (raw) => raw.replace(/\p{Zs}/gu, ' ').normalize('NFC'));
  return mapped && isInClass(codePoints(mapped), 'freeform') ? mapped : undefined;
}

const scratch = Buffer.alloc(MAX_PART);
const isTooLong = (part: string): boolean => Buffer.byteLength(part) > MAX_PART;

/** The canonical localpart (RFC 7622 section 3.3), 1 to 1023 bytes of UTF-8; undefined when it is malformed. */
export function prepLocal(text: string): string | undefined {
  const end = scanLocal(text, 0, text.length, scratch, 0);
  if (end >= 0) return scratch.toString('latin1', 0, end);
  if (end !== NOT_ASCII || !isMappable(text)) return undefined;
  const local = enforceUsernameCaseMapped(text);
  // Section 3.3.1: the characters that are disallowed even though the profile allows them.
  return local === undefined || isTooLong(local) || /["&'/:<>@]/.test(local) ? undefined : local;
}

/** The canonical resourcepart (RFC 7622 section 3.4), 1 to 1023 bytes of UTF-8; undefined when it is malformed. */
export function prepResource(text: string): string | undefined {
  const end = scanResource(text, 0, text.length, scratch, 0);
  if (end >= 0) return scratch.toString('latin1', 0, end);
  if (end !== NOT_ASCII || !isMappable(text)) return undefined;
  const resource = enforceOpaqueString(text);
  // Section 3.5, example 18: no leading space.
  return resource === undefined || isTooLong(resource) || resource.startsWith(' ') ? undefined : resource;
}
