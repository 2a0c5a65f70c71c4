import type { Buffer } from 'node:buffer';
import { methodFault } from './connect.ts';
import { type Fault, protocolError } from './fault.ts';
import { readProperties } from './properties.ts';
import { PacketReader } from './reader.ts';
import { isReasonOf, type ReasonCode, reasonCodes, type ReasonTable } from './reason-codes.ts';
import type { Acknowledgement, Auth, Disconnect, Version } from './types.ts';

/** PUBACK, PUBREC, PUBREL or PUBCOMP from behind its fixed header: MQTT 5 sections 3.4 to 3.7. */
export function readAcknowledgement(
  type: Acknowledgement['type'],
  buf: Buffer,
  from: number,
  end: number,
  version: Version,
): Acknowledgement | Fault {
  if (end - from === 2) {
    const packetId = ((buf[from] as number) << 8) | (buf[from + 1] as number);
    if (packetId !== 0) return { type, packetId, reason: reasonCodes.success };
  }
  const reader = new PacketReader(buf, from, end);
  const packetId = reader.packetId();
  if (version < 5) reader.finish();
  const reason = readReason(reader, type);
  const properties = reader.more ? readProperties(reader, type) : {};
  reader.finish();
  return reader.fault ?? { type, packetId, reason, ...properties };
}

/** DISCONNECT from behind its fixed header: MQTT 5 section 3.14. */
export function readDisconnect(
  buf: Buffer,
  from: number,
  end: number,
  version: Version,
  fromServer: boolean,
): Disconnect | Fault {
  const reader = new PacketReader(buf, from, end);
  if (version < 5) reader.finish();
  const reason = readReason(reader, fromServer ? 'serverDisconnect' : 'clientDisconnect');
  const properties = reader.more ? readProperties(reader, 'disconnect') : {};
  reader.finish();
  if (!fromServer && properties.serverReference !== undefined) {
    reader.refuse(protocolError('a Server Reference from a client'));
  }
  // [MQTT-3.14.2-2]
  if (fromServer && properties.sessionExpiry !== undefined) {
    reader.refuse(protocolError('a Session Expiry Interval from a server'));
  }
  return reader.fault ?? { type: 'disconnect', reason, ...properties };
}

/** AUTH from behind its fixed header: MQTT 5 section 3.15. */
export function readAuth(buf: Buffer, from: number, end: number, fromServer: boolean): Auth | Fault {
  const reader = new PacketReader(buf, from, end);
  const reason = readReason(reader, fromServer ? 'serverAuth' : 'clientAuth');
  const properties = reader.more ? readProperties(reader, 'auth') : {};
  reader.finish();
  const fault = reader.fault ?? methodFault(properties);
  if (fault !== undefined) return fault;
  const { authenticationMethod: method, authenticationData: data, ...others } = properties;
  // Section 3.15.2.2.2: it is a protocol error to omit the method; but a success may be said in no bytes at all (section 3.15.2.1).
  if (method === undefined && from !== end) return protocolError('an AUTH without a method');
  return {
    type: 'auth',
    reason,
    ...(method !== undefined && { method }),
    ...(data !== undefined && { data }),
    ...others,
  };
}

/** A reason code, which stands for success when it is left out. */
export function readReason(reader: PacketReader, table: ReasonTable): ReasonCode {
  const code = reader.at < reader.end ? reader.byte() : reasonCodes.success;
  if (isReasonOf(table, code)) return code;
  reader.refuse(protocolError('a reason code that this packet cannot have'));
  return reasonCodes.success;
}
