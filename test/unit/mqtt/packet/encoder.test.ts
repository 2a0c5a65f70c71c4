import test from 'ava';
import { encode } from '#protocols/mqtt/packet/encoder.ts';
import {
  isReasonOf,
  type ReasonCode,
  reasonCodes,
  reasonName,
  returnCodeOf,
} from '#protocols/mqtt/packet/reason-codes.ts';
import type { ServerPacket } from '#protocols/mqtt/packet/types.ts';

const { notAuthorized, success } = reasonCodes;
const userProperties = [['k', 'v']] as const;
const puback: ServerPacket = { type: 'puback', packetId: 1, reason: notAuthorized, reasonString: 'no', userProperties };
const suback: ServerPacket = {
  type: 'suback',
  packetId: 1,
  reasons: [notAuthorized],
  reasonString: 'no',
  userProperties,
};
const connack: ServerPacket = {
  type: 'connack',
  sessionPresent: false,
  reason: notAuthorized,
  reasonString: 'no',
  userProperties,
};
const disconnect: ServerPacket = { type: 'disconnect', reason: notAuthorized, reasonString: 'no', userProperties };

const hex = (
  packet: ServerPacket,
  requestProblemInformation: boolean,
  maximumPacketSize?: number,
): string | undefined =>
  encode(packet, 5, {
    requestProblemInformation,
    ...(maximumPacketSize !== undefined && { maximumPacketSize }),
  })?.toString('hex');

test('who wants no problem information gets it in CONNACK and DISCONNECT only', (t) => {
  t.is(hex(puback, false), '4003000187');
  t.is(hex(suback, false), '900400010087');
  t.is(hex(connack, false), '200f00870c1f00026e6f2600016b000176');
  t.is(hex(disconnect, false), 'e00e870c1f00026e6f2600016b000176');
});

test('what explains a packet is left out as far as there is no room, user properties first', (t) => {
  t.is(hex(puback, true), '40100001870c1f00026e6f2600016b000176');
  t.is(hex(puback, true, 18), '40100001870c1f00026e6f2600016b000176');
  t.is(hex(puback, true, 17), '4009000187051f00026e6f');
  t.is(hex(puback, true, 10), '4003000187');
  t.is(hex(puback, true, 4), undefined);
  t.is(hex(connack, true, 8), '2003008700');
  t.is(hex(disconnect, true, 3), 'e00187');
  t.is(hex({ type: 'pingresp' }, true, 2), 'd000');
});

test('a refusal has no session present', (t) => {
  t.is(hex({ type: 'connack', sessionPresent: true, reason: notAuthorized }, true), '2003008700');
  const refusal: ServerPacket = { type: 'connack', sessionPresent: true, reason: notAuthorized };
  t.is(encode(refusal, 4)?.toString('hex'), '20020005');
  t.is(encode({ type: 'connack', sessionPresent: true, reason: success }, 3)?.toString('hex'), '20020000');
});

test('before MQTT 5 what cannot be said is not said', (t) => {
  for (const version of [3, 4] as const) {
    t.is(encode(disconnect, version), undefined);
    t.is(encode({ type: 'auth', reason: success }, version), undefined);
    t.is(encode({ type: 'connack', sessionPresent: false, reason: reasonCodes.malformedPacket }, version), undefined);
    t.is(encode(puback, version)?.toString('hex'), '40020001');
    t.is(encode(suback, version)?.toString('hex'), '9003000180');
    t.is(encode({ type: 'unsuback', packetId: 1, reasons: [notAuthorized] }, version)?.toString('hex'), 'b0020001');
  }
});

test('a string that no packet can hold is a bug of the caller', (t) => {
  const long = 'x'.repeat(65_536);
  t.throws(() => encode({ type: 'puback', packetId: 1, reason: success, reasonString: long }, 5), {
    instanceOf: RangeError,
  });
});

test('reason codes have names, and the tables of the packets know them', (t) => {
  t.is(reasonName(reasonCodes.packetTooLarge), 'packetTooLarge');
  t.is(reasonName(0x00), 'success');
  for (const [name, code] of Object.entries(reasonCodes)) t.is(reasonName(code), name as keyof typeof reasonCodes);
  t.true(isReasonOf('connack', reasonCodes.serverMoved));
  t.false(isReasonOf('connack', reasonCodes.sessionTakenOver));
  t.true(isReasonOf('serverDisconnect', reasonCodes.sessionTakenOver));
  t.false(isReasonOf('clientDisconnect', reasonCodes.sessionTakenOver));
});

test('every reason of CONNACK that 3.1.1 has a word for says it', (t) => {
  const word = (reason: ReasonCode): number | undefined => returnCodeOf(reason);
  t.is(word(reasonCodes.unsupportedProtocolVersion), 1);
  t.is(word(reasonCodes.clientIdentifierNotValid), 2);
  t.is(word(reasonCodes.serverBusy), 3);
  t.is(word(reasonCodes.badUserNameOrPassword), 4);
  t.is(word(reasonCodes.banned), 5);
  t.is(word(reasonCodes.protocolError), undefined);
});
