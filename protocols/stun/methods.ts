/** STUN methods: RFC 8489 section 18.2, RFC 8656 section 17, RFC 6062 section 6.1. */
export const methods = {
  binding: 0x001,
  allocate: 0x003,
  refresh: 0x004,
  send: 0x006,
  data: 0x007,
  createPermission: 0x008,
  channelBind: 0x009,
  connect: 0x00a,
  connectionBind: 0x00b,
  connectionAttempt: 0x00c,
} as const;
export type Method = (typeof methods)[keyof typeof methods];

/** The name of a method as the RFCs write it: `CreatePermission`. */
export function methodName(method: number): string {
  return NAMES.get(method) ?? 'unknown';
}

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(methods).map(([name, method]) => [method, `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`]),
);

/** RFC 8489 section 5: the class of a message, as the two bits C1 and C0. */
export const classes = { request: 0b00, indication: 0b01, success: 0b10, error: 0b11 } as const;
export type Class = (typeof classes)[keyof typeof classes];

/** RFC 8489 section 5, figure 3: the bits of the class lie between those of the method. */
export function messageType(method: number, kind: Class): number {
  return (
    ((method & 0xf80) << 2) | ((method & 0x070) << 1) | (method & 0x00f) | ((kind & 0b10) << 7) | ((kind & 0b01) << 4)
  );
}

export const methodOf = (type: number): number => ((type >>> 2) & 0xf80) | ((type >>> 1) & 0x070) | (type & 0x00f);

export const classOf = (type: number): Class => (((type >>> 7) & 0b10) | ((type >>> 4) & 0b01)) as Class;
