import { Buffer } from 'node:buffer';

// MQTT 3.1.1, which every broker of the bench speaks. Only what a load generator needs: it builds, it checks nothing.

export type QoS = 0 | 1 | 2;

/** First bytes of the packets that the generator tells apart (section 2.2); flags are masked off a PUBLISH. */
export const TYPE = {
  connack: 0x20,
  publish: 0x30,
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x62,
  pubcomp: 0x70,
  suback: 0x90,
} as const;

export const DISCONNECT: Buffer = Buffer.from([0xe0, 0]);

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

/** A packet: first byte, remaining length (section 2.2.3), the parts. */
function packet(first: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const header = [first];
  let rest = body.length;
  do {
    header.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>= 7;
  } while (rest > 0);
  return Buffer.concat([Buffer.from(header), body]);
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff]);
}

/** A CONNECT without keep alive; `named` adds the client id as username, and a password. */
export function connect(clientId: string, clean: boolean, named: boolean): Buffer {
  const flags = (clean ? 0x02 : 0) | (named ? 0xc0 : 0);
  const credentials = named ? [text(clientId), text('password')] : [];
  return packet(0x10, text('MQTT'), Buffer.from([4, flags]), uint16(0), text(clientId), ...credentials);
}

export function subscribe(id: number, filters: readonly string[], qos: QoS): Buffer {
  return packet(0x82, uint16(id), ...filters.flatMap((filter) => [text(filter), Buffer.from([qos])]));
}

/** Bytes of a payload: sender (4), sequence (4), filling. */
export const PAYLOAD_BYTES = 64;

/** A PUBLISH that is made once and written again and again with another packet id, sender and sequence. */
export class PublishTemplate {
  readonly #bytes: Buffer;
  readonly #id: number;
  readonly #payload: number;

  constructor(topic: string, qos: QoS) {
    const payload = Buffer.alloc(PAYLOAD_BYTES, 'The quick brown fox jumps over the lazy dog. ');
    this.#bytes = packet(0x30 | (qos << 1), text(topic), qos > 0 ? uint16(0) : Buffer.alloc(0), payload);
    this.#payload = this.#bytes.length - PAYLOAD_BYTES;
    this.#id = qos > 0 ? this.#payload - 2 : 0;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** Writes it into `target` at `offset` and returns the offset behind it. */
  write(target: Buffer, offset: number, sender: number, sequence: number): number {
    this.#bytes.copy(target, offset);
    if (this.#id > 0) target.writeUInt16BE((sequence % 0xffff) + 1, offset + this.#id);
    target.writeUInt32BE(sender, offset + this.#payload);
    target.writeUInt32BE(sequence >>> 0, offset + this.#payload + 4);
    return offset + this.#bytes.length;
  }
}
