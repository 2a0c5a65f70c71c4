import { type ReasonCode, reasonCodes } from './reason-codes.ts';

/** Why a packet is refused: the reason code of MQTT 5 section 2.4 and a text that never repeats the peer's bytes. */
export class Fault {
  readonly type = 'fault';
  readonly reason: ReasonCode;
  readonly text: string;

  constructor(reason: ReasonCode, text: string) {
    this.reason = reason;
    this.text = text;
  }
}

/** It cannot be read as the specification says (MQTT 5 section 1.2). */
export const malformed = (text: string): Fault => new Fault(reasonCodes.malformedPacket, text);

/** It can be read, but the protocol does not allow it, or not here (MQTT 5 section 1.2). */
export const protocolError = (text: string): Fault => new Fault(reasonCodes.protocolError, text);
