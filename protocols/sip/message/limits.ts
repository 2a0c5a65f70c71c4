/** What a message may be at most: bytes and counts, checked before anything is built from it. */
export interface MessageLimits {
  /** Bytes of start line, header fields, empty line and body together. */
  readonly message: number;
  /** Bytes up to the empty line. */
  readonly head: number;
  /** Header fields, as lines. */
  readonly fields: number;
  /** Characters of one header field, name and folding included. */
  readonly field: number;
  /** Characters of a Request-URI; a longer one is refused with 414. */
  readonly uri: number;
}

export const MESSAGE_LIMITS: MessageLimits = {
  message: 65_536,
  head: 32_768,
  fields: 200,
  field: 8192,
  uri: 4096,
};

/** Elements of one comma-separated list and parameters of one element: what is more makes the value malformed. */
export const MAX_LIST = 100;
export const MAX_PARAMS = 64;
