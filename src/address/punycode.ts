/** RFC 3492: Punycode, for one label, without the `xn--` prefix. Callers bound the length, as both directions are quadratic. */

const BASE = 36;
const T_MIN = 1;
const T_MAX = 26;
const SKEW = 38;
const DAMP = 700;
const INITIAL_BIAS = 72;
const INITIAL_N = 0x80;

// RFC 3492 section 6.1
function adapt(delta: number, count: number, isFirst: boolean): number {
  let rest = isFirst ? Math.floor(delta / DAMP) : delta >> 1;
  rest += Math.floor(rest / count);
  let k = 0;
  for (; rest > ((BASE - T_MIN) * T_MAX) >> 1; k += BASE) rest = Math.floor(rest / (BASE - T_MIN));
  return k + Math.floor(((BASE - T_MIN + 1) * rest) / (rest + SKEW));
}

const threshold = (k: number, bias: number): number => Math.min(Math.max(k - bias, T_MIN), T_MAX);

function digitOf(char: number): number {
  if (char >= 0x30 && char <= 0x39) return char - 22;
  const letter = char | 0x20;
  return letter >= 0x61 && letter <= 0x7a ? letter - 0x61 : BASE;
}

const charOf = (digit: number): string => String.fromCharCode(digit < 26 ? digit + 0x61 : digit + 22);

/** The code points that `text` (at most 63 characters) stands for, undefined when it is not Punycode. RFC 3492 section 6.2. */
export function decodePunycode(text: string): number[] | undefined {
  const delimiter = text.lastIndexOf('-');
  const points = Array.from(text.slice(0, Math.max(delimiter, 0)), (char) => char.charCodeAt(0));
  if (text.length > 63 || points.some((cp) => cp >= INITIAL_N)) return undefined;
  let n = INITIAL_N;
  let bias = INITIAL_BIAS;
  let i = 0;
  for (let at = delimiter + 1; at < text.length;) {
    const start = i;
    for (let weight = 1, k = BASE; ; k += BASE) {
      const digit = at < text.length ? digitOf(text.charCodeAt(at++)) : BASE;
      if (digit >= BASE) return undefined;
      i += digit * weight;
      const t = threshold(k, bias);
      if (digit < t) break;
      weight *= BASE - t;
      if (weight > 0x7fffffff || i > 0x7fffffff) return undefined;
    }
    const count = points.length + 1;
    bias = adapt(i - start, count, start === 0);
    n += Math.floor(i / count);
    i %= count;
    if (n > 0x10ffff || (n >= 0xd800 && n <= 0xdfff)) return undefined;
    points.splice(i++, 0, n);
  }
  return points;
}

/** The Punycode form of `points`. RFC 3492 section 6.3. */
export function encodePunycode(points: readonly number[]): string {
  let out = points
    .filter((cp) => cp < INITIAL_N)
    .map((cp) => String.fromCharCode(cp))
    .join('');
  const basic = out.length;
  if (basic > 0) out += '-';
  let n = INITIAL_N;
  let bias = INITIAL_BIAS;
  let delta = 0;
  for (let handled = basic; handled < points.length; n++, delta++) {
    const next = points.reduce((least, cp) => (cp >= n && cp < least ? cp : least), 0x110000);
    delta += (next - n) * (handled + 1);
    n = next;
    for (const cp of points) {
      if (cp < n) delta++;
      if (cp !== n) continue;
      let q = delta;
      for (let k = BASE; ; k += BASE) {
        const t = threshold(k, bias);
        if (q < t) break;
        out += charOf(t + ((q - t) % (BASE - t)));
        q = Math.floor((q - t) / (BASE - t));
      }
      out += charOf(q);
      bias = adapt(delta, handled + 1, handled === basic);
      delta = 0;
      handled++;
    }
  }
  return out;
}
