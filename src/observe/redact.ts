/**
 * What may enter a log line. Values under the names of secrets are replaced, raw bytes become their length, long text is cut, and
 * no control character reaches a terminal or splits a line.
 */
export const redacted = '[redacted]';

/** A value that prints itself as "[redacted]" wherever it goes; `reveal` is the one way to it. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return redacted;
  }

  toJSON(): string {
    return redacted;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return redacted;
  }
}

const secretWords =
  /pass(?:word|wd|phrase)?|pwd|secret|token|credential|authorization|cookie|sasl|challenge|initial.?response|client.?(?:first|final)|server.?(?:first|final)|ha1|stored.?key|server.?key|private.?key|salt|nonce/i;

/** Is this the name of something that must not be read in a log? */
export function isSecretName(name: string): boolean {
  return name.length <= 64 ? secretWords.test(name) : true;
}

const textLimit = 2000;
const listLimit = 50;
const depthLimit = 4;

/** A copy of a value that is safe to write: bounded in depth, length and text, secrets replaced. */
export function safeValue(value: unknown, depth = 0): unknown {
  if (typeof value === 'string')
    return value.length <= textLimit ? value : `${value.slice(0, textLimit)}… (${value.length} characters)`;
  if (typeof value === 'number' || typeof value === 'boolean' || value === null || value === undefined) return value;
  if (typeof value === 'bigint' || typeof value === 'symbol') return value.toString().slice(0, textLimit);
  if (typeof value !== 'object') return '<function>';
  if (value instanceof Secret) return redacted;
  if (value instanceof Error) return safeError(value, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString();
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return `<${value.byteLength} bytes>`;
  if (depth >= depthLimit) return '…';
  if (Array.isArray(value)) return value.slice(0, listLimit).map((item) => safeValue(item, depth + 1));
  if (value instanceof Map || value instanceof Set) return `<${value.size} entries>`;
  const prototype: unknown = Object.getPrototypeOf(value);
  const plain = prototype === Object.prototype || prototype === null;
  if (!plain) return safeInstance(value, prototype as object, depth);
  return safeFields(value as Readonly<Record<string, unknown>>, depth + 1);
}

/** An address prints itself; an object of a class that does not is no business of a log. */
function safeInstance(value: { toString(): string }, prototype: object, depth: number): unknown {
  return Object.hasOwn(prototype, 'toString') ? safeValue(value.toString(), depth) : '<object>';
}

/** The same for each member of a plain object, by name. */
export function safeFields(fields: Readonly<Record<string, unknown>>, depth = 0): Record<string, unknown> {
  const copy = Object.create(null) as Record<string, unknown>;
  for (const name of Object.keys(fields).slice(0, listLimit)) {
    const value = fields[name];
    copy[name] = value !== undefined && isSecretName(name) ? redacted : safeValue(value, depth);
  }
  return copy;
}

function safeError(error: Error, depth: number): unknown {
  const { code } = error as { readonly code?: unknown };
  const told = {
    type: error.name,
    message: safeValue(error.message),
    ...(typeof code === 'string' ? { code } : {}),
    stack: safeValue(error.stack),
  };
  return error.cause === undefined || depth >= depthLimit
    ? told
    : { ...told, cause: safeValue(error.cause, depth + 1) };
}

// C0, DEL and C1, line and paragraph separators, and the characters that change the direction of text (Unicode UAX 9).
const dangerous = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Control and direction characters as \uXXXX; valid inside a JSON string too. */
export function escapeControls(text: string): string {
  return text.replace(dangerous, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
