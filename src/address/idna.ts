/**
 * RFC 7622 section 3.2, the domainpart: an IPv6 literal, an IPv4 address or a name of NR-LDH labels and U-labels (RFC 5890, 5891,
 * 5892, 5893). Names are mapped as RFC 5895 section 2 says; A-labels become U-labels.
 */
import { MAX_DOMAIN, NOT_ASCII, scanDomain } from '#src/address/ascii.ts';
import { isRtlLabel, satisfiesBidiRule } from '#src/address/bidi.ts';
import { codePoints, CONTEXTJ, CONTEXTO, idnaProperty, PVALID } from '#src/address/codepoints.ts';
import { satisfiesContextRules } from '#src/address/context.ts';
import { isMappable, mapCase, mapWidth } from '#src/address/mapping.ts';
import { decodePunycode, encodePunycode } from '#src/address/punycode.ts';

const ACE_PREFIX = 'xn--';
const MAX_LABEL = 63;
const COMBINING_MARK = /^\p{M}/u;
const ASCII_ONLY = /^[\x00-\x7f]*$/;

const scratch = Buffer.alloc(MAX_DOMAIN);

function asciiDomain(text: string): string | undefined {
  const end = scanDomain(text, 0, text.length, scratch, 0);
  return end >= 0 ? scratch.toString('latin1', 0, end) : undefined;
}

const toALabel = (label: string): string =>
  ASCII_ONLY.test(label) ? label : ACE_PREFIX + encodePunycode(codePoints(label));

// RFC 5891 section 4.2: what a U-label must be; its text is mapped already.
function isULabel(label: string): boolean {
  if (label.length > MAX_LABEL) return false; // an A-label is longer still
  if (label.normalize('NFC') !== label) return false; // 4.2.1
  if (label.startsWith('-') || label.endsWith('-') || label.startsWith('--', 2)) return false; // 4.2.3.1
  if (COMBINING_MARK.test(label)) return false; // 4.2.3.2
  const points = codePoints(label);
  let needsContext = false;
  for (const cp of points) {
    const property = idnaProperty(cp);
    if (property === CONTEXTJ || property === CONTEXTO) needsContext = true;
    else if (property !== PVALID) return false;
  }
  return !needsContext || satisfiesContextRules(points); // 4.2.3.3
}

/** One label in the form the domainpart holds: NR-LDH label or U-label. */
function prepLabel(label: string): string | undefined {
  if (label.startsWith(ACE_PREFIX)) {
    if (label.length > MAX_LABEL) return undefined;
    const points = decodePunycode(label.slice(ACE_PREFIX.length));
    if (points === undefined) return undefined;
    const decoded = String.fromCodePoint(...points);
    // RFC 5891 section 5.4: an A-label must be what the U-label's own conversion gives.
    return isULabel(decoded) && toALabel(decoded) === label ? decoded : undefined;
  }
  return ASCII_ONLY.test(label) ? asciiLabel(label) : isULabel(label) ? label : undefined;
}

const asciiLabel = (label: string): string | undefined => (label.includes('.') ? undefined : asciiDomain(label));

function prepName(text: string): string | undefined {
  // RFC 5895 section 2: case, width, NFC, then U+3002 as a label separator.
  const mapped = mapWidth(mapCase(text)).normalize('NFC').replaceAll('\u3002', '.');
  const labels: string[] = [];
  let length = -1;
  for (const raw of mapped.split('.')) {
    const label = prepLabel(raw);
    if (label === undefined) return undefined;
    const ace = toALabel(label).length;
    length += ace + 1;
    if (ace > MAX_LABEL || length > MAX_DOMAIN) return undefined;
    labels.push(label);
  }
  // RFC 5893 section 2: the rule "applies to labels in Bidi domain names", to "even LTR labels and pure ASCII labels".
  const points = labels.map(codePoints);
  if (points.some(isRtlLabel) && !points.every(satisfiesBidiRule)) return undefined;
  return labels.join('.');
}

// IP-literal of RFC 6874; the address is written in its shortest form so that equal ones compare equal.
function prepIpLiteral(text: string): string | undefined {
  const literal = /^\[([0-9A-Fa-f:.]{2,45})(%25[0-9A-Za-z._~-]{1,64})?\]$/.exec(text);
  if (!literal?.[1] || !URL.canParse(`http://[${literal[1]}]/`)) return undefined;
  const address = new URL(`http://[${literal[1]}]/`).hostname;
  return literal[2] === undefined ? address : `${address.slice(0, -1)}${literal[2]}]`;
}

/** The canonical domainpart, at most 253 octets in the form the DNS knows (RFC 1034); undefined when it is malformed. */
export function prepDomain(text: string): string | undefined {
  const end = scanDomain(text, 0, text.length, scratch, 0);
  if (end >= 0) return scratch.toString('latin1', 0, end);
  if (end !== NOT_ASCII || !isMappable(text)) return undefined;
  // RFC 7622 section 3.2: a final dot "MUST be stripped before any other canonicalization steps are taken".
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  return name.startsWith('[') ? prepIpLiteral(name) : prepName(name);
}

/** The form of a canonical domainpart for the DNS, TLS and URIs of SIP: U-labels become A-labels. */
export function domainToAscii(domain: string): string {
  return ASCII_ONLY.test(domain) ? domain : domain.split('.').map(toALabel).join('.');
}
