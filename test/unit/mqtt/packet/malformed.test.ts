import test from 'ava';
import { Decoder } from '#protocols/mqtt/packet/decoder.ts';
import { type ReasonCode, reasonName } from '#protocols/mqtt/packet/reason-codes.ts';
import { ServerPacketDecoder } from '#protocols/mqtt/packet/server-decoder.ts';
import { bytes } from '#test/vectors/mqtt/bytes.ts';
import { CONNECTS, LIMITS, MALFORMED, MALFORMED_BY_SERVERS } from '#test/vectors/mqtt/malformed.ts';

const faultOf = (chunks: readonly Buffer[], before: Buffer | undefined): string => {
  const told: string[] = [];
  const decoder = new Decoder(
    {
      onPacket: ({ type }) => told.push(type),
      onFault: (reason: ReasonCode, text: string) => told.push(`${reasonName(reason)}: ${text}`),
    },
    LIMITS,
  );
  if (before !== undefined) {
    decoder.push(before);
    if (told.splice(0).join() !== 'connect') throw new Error('the CONNECT before was not accepted');
  }
  for (const chunk of chunks) decoder.push(chunk);
  return told.join('; ');
};

for (const { version, name, statement, bytes: notation, reason, says, first } of MALFORMED) {
  test(`${version === 3 ? '3.1' : version === 4 ? '3.1.1' : '5.0'}, ${first ? 'first' : 'later'}: ${name}, ${statement}`, (t) => {
    const packet = bytes(notation);
    const before = first ? undefined : bytes(CONNECTS[version]);
    const whole = faultOf([packet], before);
    t.true(whole.startsWith(`${reason}: `), `${packet.toString('hex')}: ${whole}`);
    t.true(whole.includes(says), whole);
    const alone = Array.from(packet, (byte) => Buffer.from([byte]));
    t.is(faultOf(alone, before), whole, 'a byte at a time');
  });
}

test('the table is as long as the acceptance asks', (t) => {
  t.true(MALFORMED.length >= 80);
});

for (const { version, name, statement, bytes: notation, reason, says, first } of MALFORMED_BY_SERVERS) {
  test(`a server of ${version}, ${first ? 'first' : 'later'}: ${name}, ${statement}`, (t) => {
    const told: string[] = [];
    const decoder = new ServerPacketDecoder(
      {
        onPacket: ({ type }) => told.push(type),
        onFault: (code: ReasonCode, text: string) => told.push(`${reasonName(code)}: ${text}`),
      },
      version,
      LIMITS,
    );
    if (!first) decoder.push(bytes(version === 5 ? `20 [ 00 00 00 ]` : `20 [ 00 00 ]`));
    decoder.push(bytes(notation));
    const fault = told.slice(first ? 0 : 1).join('; ');
    t.true(fault.startsWith(`${reason}: `), fault);
    t.true(fault.includes(says), fault);
  });
}
