/**
 * SOCKS Protocol Version 5 (RFC 1928) with Username/Password Authentication (RFC 1929): what a client says, and the answers, as far
 * as XEP-0065 uses them. Pure functions over bytes.
 */
import { Buffer } from 'node:buffer';

/** RFC 1928 section 3. */
export const methods = { none: 0x00, password: 0x02, unacceptable: 0xff } as const;
/** RFC 1928 section 4. */
export const CONNECT = 0x01;
export const DOMAIN_NAME = 0x03;
/** RFC 1928 section 6, the replies that are used here. */
export const replies = {
  succeeded: 0x00,
  notAllowed: 0x02,
  commandNotSupported: 0x07,
  addressTypeNotSupported: 0x08,
} as const;
export type Reply = (typeof replies)[keyof typeof replies];

/** RFC 1928 section 3: what the client can do to prove itself. */
export interface Greeting {
  readonly kind: 'greeting';
  readonly methods: readonly number[];
}

/** RFC 1929 section 2. */
export interface Login {
  readonly kind: 'login';
  readonly username: Buffer;
  readonly password: Buffer;
}

/** RFC 1928 section 4. `address` is the name, or 4 or 16 bytes of an IP address. */
export interface Request {
  readonly kind: 'request';
  readonly command: number;
  readonly addressType: number;
  readonly address: Buffer;
  readonly port: number;
}

export type SocksMessage = Greeting | Login | Request;

/** Bytes that are no SOCKS of version 5. */
export interface SocksFault {
  readonly kind: 'fault';
  readonly reason: string;
}

const SOCKS = 0x05;
/** RFC 1929 section 2: the version of the subnegotiation. */
const SUBNEGOTIATION = 0x01;
const EMPTY = Buffer.alloc(0);

type Taken<M> = { readonly message: M; readonly length: number } | SocksFault | undefined;
type Read<M extends SocksMessage> = (bytes: Buffer) => Taken<M>;

const fault = (reason: string): SocksFault => ({ kind: 'fault', reason });

const readGreeting: Read<Greeting> = (bytes) => {
  const [version, count] = bytes;
  if (version !== undefined && version !== SOCKS) return fault('not SOCKS version 5');
  if (count === undefined) return undefined;
  if (count === 0) return fault('no method is offered');
  const length = 2 + count;
  if (bytes.length < length) return undefined;
  return { message: { kind: 'greeting', methods: [...bytes.subarray(2, length)] }, length };
};

const readLogin: Read<Login> = (bytes) => {
  const [version, nameLength] = bytes;
  if (version !== undefined && version !== SUBNEGOTIATION) return fault('not version 1 of the subnegotiation');
  if (nameLength === undefined) return undefined;
  const passwordLength = bytes[2 + nameLength];
  if (passwordLength === undefined) return undefined;
  // Both are 1 to 255 octets long.
  if (nameLength === 0 || passwordLength === 0) return fault('an empty user name or password');
  const start = 3 + nameLength;
  const length = start + passwordLength;
  if (bytes.length < length) return undefined;
  const message = {
    kind: 'login',
    username: Buffer.from(bytes.subarray(2, 2 + nameLength)),
    password: Buffer.from(bytes.subarray(start, length)),
  } as const;
  return { message, length };
};

const ADDRESS_LENGTHS: ReadonlyMap<number, number> = new Map([
  [0x01, 4],
  [0x04, 16],
]);

const readRequest: Read<Request> = (bytes) => {
  const [version, command, reserved, addressType, nameLength] = bytes;
  if (version !== undefined && version !== SOCKS) return fault('not SOCKS version 5');
  if (reserved !== undefined && reserved !== 0) return fault('the reserved octet is not zero');
  if (command === undefined || addressType === undefined) return undefined;
  const named = addressType === DOMAIN_NAME;
  const addressLength = named ? nameLength : ADDRESS_LENGTHS.get(addressType);
  if (addressLength === undefined) return named ? undefined : fault('an unknown type of address');
  if (addressLength === 0) return fault('an empty name');
  const start = named ? 5 : 4;
  const end = start + addressLength;
  if (bytes.length < end + 2) return undefined;
  const address = Buffer.from(bytes.subarray(start, end));
  return {
    message: { kind: 'request', command, addressType, address, port: bytes.readUInt16BE(end) },
    length: end + 2,
  };
};

const readers = { greeting: readGreeting, login: readLogin, request: readRequest } as const;

/** Finds the messages in what a client sends, however it is cut. What it holds is at most a message that is not whole. */
export class SocksReader {
  #held: Buffer = EMPTY;

  push(chunk: Buffer): void {
    this.#held = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
  }

  /** Bytes that no message has taken. */
  get held(): number {
    return this.#held.length;
  }

  /** The next message, which must be of this kind; undefined when it is not whole yet. */
  read<K extends keyof typeof readers>(kind: K): Extract<SocksMessage, { kind: K }> | SocksFault | undefined;
  read(kind: keyof typeof readers): SocksMessage | SocksFault | undefined {
    const taken = readers[kind](this.#held);
    if (taken === undefined || 'kind' in taken) return taken;
    this.#held = this.#held.subarray(taken.length);
    return taken.message;
  }
}

/** RFC 1928 section 3. */
export function writeMethod(method: number): Buffer {
  return Buffer.of(SOCKS, method);
}

/** RFC 1929 section 2: any other status than 0 is a failure, and the connection closes. */
export function writeLoginStatus(accepted: boolean): Buffer {
  return Buffer.of(SUBNEGOTIATION, accepted ? 0 : 1);
}

/** RFC 1928 section 6; XEP-0065 section 6.3.2: BND.ADDR and BND.PORT are what the client asked for. */
export function writeReply(reply: Reply, { address, addressType, port }: Request): Buffer {
  const head =
    addressType === DOMAIN_NAME ? [SOCKS, reply, 0, addressType, address.length] : [SOCKS, reply, 0, addressType];
  return Buffer.concat([Buffer.from(head), address, Buffer.of(port >> 8, port & 0xff)]);
}
