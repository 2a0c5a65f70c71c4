import { Buffer } from 'node:buffer';
import { EncodedPublish } from './packet/publish.ts';
import type { Message } from './packet/types.ts';

/** A message on its way to all its subscribers: its bytes are made once per protocol and shared. */
export class Publication extends EncodedPublish {
  /** When it came in, milliseconds since the epoch: its expiry counts from there. */
  readonly at: number;
  /** The session that published it, for No Local; undefined for the server. */
  readonly from: object | undefined;
  #own: Publication | undefined = undefined;

  constructor(message: Message, at: number, from: object | undefined) {
    super(message);
    this.at = at;
    this.from = from;
  }

  /** The same, for who keeps it longer than the call: the payload of what comes from a socket is a view of all that was read. */
  kept(): Publication {
    return (this.#own ??= this.#copy());
  }

  #copy(): Publication {
    const { message } = this;
    const { payload, properties } = message;
    const { correlationData } = properties;
    if (isOwn(payload) && (correlationData === undefined || isOwn(correlationData))) return this;
    const own = correlationData && { correlationData: Buffer.from(correlationData) };
    const kept = { ...message, payload: Buffer.from(payload), properties: { ...properties, ...own } };
    return new Publication(kept, this.at, this.from);
  }

  /** Seconds that are left to it at a time; undefined when it has no end. Zero or less: it must not be delivered (MQTT 5 section 3.3.2.3.3). */
  left(now: number): number | undefined {
    const { messageExpiry } = this.message.properties;
    return messageExpiry === undefined ? undefined : messageExpiry - Math.floor(Math.max(0, now - this.at) / 1000);
  }
}

/** It is all of its memory, not a view of something larger. */
function isOwn(bytes: Buffer): boolean {
  return bytes.length === bytes.buffer.byteLength;
}
