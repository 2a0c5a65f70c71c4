/** How values become bytes. */

/**
 * `encode` throws a TypeError or RangeError for a value that cannot be stored; its result must not change afterwards. `decode` throws for bytes that
 * it does not know, and must not change the bytes that it is given.
 */
export interface Codec<V> {
  encode(value: V): Uint8Array;
  decode(bytes: Uint8Array): V;
}

export interface JsonOptions<V> {
  /** Largest value, in bytes of JSON. Default 1 MiB. */
  readonly maxBytes?: number;
  /** Checks what was read back; throws when it is not a V. Without it the stored value is trusted, as this program wrote it. */
  readonly check?: (value: unknown) => V;
}

const asText = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');

/** Values of plain data. `undefined` cannot be stored. */
export const json = <V>(options: JsonOptions<V> = {}): Codec<V> => {
  const { maxBytes = 1 << 20, check } = options;
  const bounded = (length: number): void => {
    if (length > maxBytes) throw new RangeError(`a value of ${length} bytes of JSON, the limit is ${maxBytes}`);
  };
  return {
    encode(value) {
      const textOf: string | undefined = JSON.stringify(value);
      if (textOf === undefined) throw new TypeError('the value has no JSON form');
      const bytesOf = Buffer.from(textOf);
      bounded(bytesOf.length);
      return bytesOf;
    },
    decode(bytesOf) {
      bounded(bytesOf.length);
      const value: unknown = JSON.parse(asText(bytesOf));
      return check === undefined ? (value as V) : check(value);
    },
  };
};

/** Text as UTF-8; a lone surrogate is refused because it would not come back. */
export const text: Codec<string> = {
  encode(value) {
    if (!value.isWellFormed()) throw new TypeError('text must be well-formed Unicode');
    return Buffer.from(value);
  },
  decode: asText,
};

/** Bytes as they are: what is read must be treated as read-only. */
export const bytes: Codec<Buffer> = {
  encode: (value) => value,
  decode: (value) => (Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength)),
};

/** Finite numbers, as decimal text. */
export const number: Codec<number> = {
  encode(value) {
    if (!Number.isFinite(value)) throw new RangeError(`${value} cannot be stored`);
    return Buffer.from(String(value));
  },
  decode(value) {
    const read = value.length === 0 ? Number.NaN : Number(asText(value));
    if (!Number.isFinite(read)) throw new TypeError('not a number');
    return read;
  },
};
