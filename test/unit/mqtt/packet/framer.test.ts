import { Buffer } from 'node:buffer';
import test from 'ava';
import { Decoder, type DecoderLimits } from '#protocols/mqtt/packet/decoder.ts';
import { type ReasonCode, reasonName } from '#protocols/mqtt/packet/reason-codes.ts';
import { bytes } from '#test/vectors/mqtt/bytes.ts';
import { CONNECTS } from '#test/vectors/mqtt/malformed.ts';

const LIMITS: DecoderLimits = {
  maxConnectSize: 4096,
  maxPacketSize: 1 << 20,
  maxTopicLevels: 200,
  topicAliasMaximum: 0,
};

class Told {
  readonly lines: string[] = [];
  readonly decoder: Decoder;
  readonly onType: (type: string) => void;

  constructor(limits: DecoderLimits = LIMITS, onType: (type: string) => void = () => undefined) {
    this.onType = onType;
    this.decoder = new Decoder(this, limits);
  }

  onPacket(packet: { readonly type: string; readonly payload?: Buffer }): void {
    this.lines.push(packet.payload === undefined ? packet.type : `${packet.type} ${packet.payload.length}`);
    this.onType(packet.type);
  }

  onFault(reason: ReasonCode, _text: string): void {
    this.lines.push(reasonName(reason));
  }

  push(...notations: readonly string[]): this {
    for (const notation of notations) this.decoder.push(bytes(notation));
    return this;
  }
}

const connected = (limits: DecoderLimits = LIMITS): Told => new Told(limits).push(CONNECTS[4]);

const cut = (all: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, index) => all.subarray(index * size, (index + 1) * size));

test('what is no CONNECT is refused with its first byte, before any more is read or kept', (t) => {
  for (const first of ['00', '30', '16', 'c0', 'ff', "'G'"]) {
    const told = new Told().push(first);
    t.is(told.lines.length, 1, first);
    told.decoder.push(Buffer.alloc(100_000, 0x30));
    t.is(told.lines.length, 1);
    t.is(told.decoder.held, 0);
    t.true(told.decoder.work < 10);
  }
});

test('a size that is too large is refused when it is announced', (t) => {
  t.deepEqual(new Told().push('10', 'ff', 'ff', 'ff').lines, []);
  t.deepEqual(new Told().push('10', 'ff', 'ff', 'ff', '7f').lines, ['packetTooLarge']);
  const told = connected().push('30 ffffff7f');
  t.deepEqual(told.lines, ['connect', 'packetTooLarge']);
  t.is(told.decoder.held, 0);
});

test('the limits hold to the byte, that of CONNECT and that of the others', (t) => {
  const connect = (size: number): Buffer => {
    const name = 'c'.repeat(size - 14);
    return bytes(`10 [ "MQTT" 04 02 003c "${name}" ]`);
  };
  const limits = { ...LIMITS, maxConnectSize: 100, maxPacketSize: 200 };
  const fits = new Told(limits);
  fits.decoder.push(connect(101));
  t.is(connect(101).length, 101);
  t.deepEqual(fits.lines, ['packetTooLarge']);
  const told = new Told(limits);
  told.decoder.push(connect(100));
  told.decoder.push(Buffer.concat([Buffer.from([0x30, 0xc5, 0x01, 0, 1, 97]), Buffer.alloc(194)]));
  t.deepEqual(told.lines, ['connect', 'publish 194']);
  told.decoder.push(Buffer.from([0x30, 0xc6, 0x01]));
  t.deepEqual(told.lines, ['connect', 'publish 194', 'packetTooLarge']);
});

test('a limit that changes holds from the next packet on', (t) => {
  const told = connected();
  told.decoder.limits = { ...LIMITS, maxPacketSize: 8 };
  told.push(`30 [ "a" '12345' ]`);
  t.deepEqual(told.lines, ['connect', 'packetTooLarge']);
});

test('a packet that is announced costs memory as it comes', (t) => {
  const told = connected();
  told.decoder.push(Buffer.from([0x30, 0xf0, 0xff, 0x3f, 0, 1, 97]));
  t.true(told.decoder.held <= 512);
  told.decoder.push(Buffer.alloc(10_000));
  t.true(told.decoder.held <= 21_000);
});

test('an unfinished CONNECT holds no more than its limit', (t) => {
  const told = new Told();
  told.decoder.push(Buffer.concat([Buffer.from([0x10, 0xf0, 0x1f]), Buffer.alloc(4000, 1)]));
  t.true(told.decoder.held <= 4096);
  t.deepEqual(told.lines, []);
});

test('a decoder that waits for a packet holds nothing', (t) => {
  const told = connected();
  told.decoder.push(Buffer.from([0x30]));
  t.true(told.decoder.held > 0);
  told.push(`05 0001 'a' 'xy'`);
  t.deepEqual(told.lines, ['connect', 'publish 2']);
  t.is(told.decoder.held, 0);
});

for (const size of [1, 2, 3, 7, 64, 1000, 65_536, 1 << 22]) {
  test(`the work is linear in the bytes, in chunks of ${size}`, (t) => {
    const small = bytes(`32 [ "a/b/c" 0001 'payload' ]`);
    const streams = [
      Buffer.concat(Array.from({ length: 4000 }, () => small)),
      bytes(`30 [ "a" ${'00'.repeat(500_000)} ]`),
    ];
    for (const stream of streams) {
      const told = connected();
      const before = told.decoder.work;
      for (const chunk of cut(stream, size)) told.decoder.push(chunk);
      t.is(told.lines.length, 1 + (stream.length < 200_000 ? 4000 : 1));
      t.true(told.decoder.work - before <= 5 * stream.length, `${told.decoder.work} for ${stream.length}`);
    }
  });
}

test('65,535 slashes are an error at the 200th, in names and in filters', (t) => {
  const slashes = '/'.repeat(65_535);
  t.deepEqual(connected().push(`30 [ "${slashes}" ]`).lines, ['connect', 'topicNameInvalid']);
  t.deepEqual(connected().push(`82 [ 0001 "${slashes}" 00 ]`).lines, ['connect', 'topicFilterInvalid']);
  t.deepEqual(connected().push(`a2 [ 0001 "${slashes}" ]`).lines, ['connect', 'topicFilterInvalid']);
  const most = '/'.repeat(199);
  t.deepEqual(connected().push(`30 [ "${most}" ] 82 [ 0001 "$share/g/${most}" 00 ]`).lines, [
    'connect',
    'publish 0',
    'subscribe',
  ]);
});

test('what follows in the chunk is not read after stop, and can be pushed after resume', (t) => {
  const told: Told = new Told(LIMITS, (type) => {
    if (type === 'connect') told.decoder.stop();
  });
  told.decoder.push(Buffer.concat([bytes(CONNECTS[4]), bytes(`c0 00 30 [ "a" ]`)]));
  t.deepEqual(told.lines, ['connect']);
  const rest = told.decoder.rest();
  t.is(rest.toString('hex'), 'c0003003000161');
  told.decoder.push(bytes('c0 00'));
  t.deepEqual(told.lines, ['connect'], 'dropped while stopped');
  t.is(told.decoder.rest().length, 0, 'taken once');
  told.decoder.resume();
  told.decoder.push(rest);
  t.deepEqual(told.lines, ['connect', 'pingreq', 'publish 0']);
});

test('the rest can be taken within a handler', (t) => {
  let rest = '';
  const told: Told = new Told(LIMITS, () => {
    rest = told.decoder.rest().toString('hex');
  });
  told.decoder.push(Buffer.concat([bytes(CONNECTS[4]), bytes(`c0 00`)]));
  t.is(rest, 'c000');
  t.deepEqual(told.lines, ['connect']);
});

test('a push within a handler is a bug and says so', (t) => {
  const told: Told = new Told(LIMITS, () => told.push('c0 00'));
  t.throws(() => told.push(CONNECTS[4]), { message: /push within a handler/ });
});

test('a fault is told once and ends the reading', (t) => {
  const told = connected().push('c0 01 00', 'c0 00', '00 00');
  t.deepEqual(told.lines, ['connect', 'malformedPacket']);
});

test('the version is what CONNECT said', (t) => {
  const told = new Told();
  t.is(told.decoder.version, undefined);
  t.is(told.push(CONNECTS[3]).decoder.version, 3);
  t.is(connected().decoder.version, 4);
});
