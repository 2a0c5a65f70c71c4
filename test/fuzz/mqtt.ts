/**
 * MQTT for the decoders to judge: connections made by fast-check, whole and damaged, with mqtt-packet as the second opinion.
 * The unit tests check a few thousand of them, the fuzz runner as many as time allows.
 *
 * Of valid packets each side reads what the other writes. Of damaged ones mqtt-packet takes a lot that the specification forbids, so
 * that it is asked only about what our decoder took: it has to read the same.
 */
import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { generate, type Packet, parser } from 'mqtt-packet';
import { encodeClient } from '#protocols/mqtt/packet/client-encoder.ts';
import { Decoder, type DecoderLimits } from '#protocols/mqtt/packet/decoder.ts';
import { encode } from '#protocols/mqtt/packet/encoder.ts';
import { encodePublish } from '#protocols/mqtt/packet/publish.ts';
import { reasonName } from '#protocols/mqtt/packet/reason-codes.ts';
import { ServerPacketDecoder } from '#protocols/mqtt/packet/server-decoder.ts';
import type { ClientPacket, ServerPacket, Version } from '#protocols/mqtt/packet/types.ts';
import { type AnyPacket, conversations, forOracle, replies } from '#test/fuzz/mqtt-packets.ts';
import { cut } from '#test/fuzz/xml.ts';
import { bytes } from '#test/vectors/mqtt/bytes.ts';
import { CONNECTS, MALFORMED } from '#test/vectors/mqtt/malformed.ts';
import { CLIENT_PACKETS, SERVER_PACKETS } from '#test/vectors/mqtt/packets.ts';

const LIMITS: DecoderLimits = {
  maxConnectSize: 65_536,
  maxPacketSize: 65_536,
  maxTopicLevels: 200,
  topicAliasMaximum: 65_535,
};

/** A value as text that does not depend on the order of keys; buffers by their bytes, undefined left out. */
export const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) => {
    if (each instanceof Object && 'data' in each && 'type' in each && each.type === 'Buffer') {
      return Buffer.from(each.data as number[]).toString('hex');
    }
    if (each === null || typeof each !== 'object' || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).toSorted(([one], [other]) => (one < other ? -1 : 1)));
  });

export interface Told {
  readonly packets: readonly AnyPacket[];
  /** All of it, faults included, written down as it was told: a view that is read too late shows. */
  readonly text: string;
}

type Side = Version | 'client';

/** What a decoder tells of some chunks: that for clients, or that for servers of a version. */
export const tell = (chunks: readonly Buffer[], side: Side): Told => {
  const packets: AnyPacket[] = [];
  const told: string[] = [];
  const handler = {
    onPacket: (packet: AnyPacket) => {
      packets.push(packet);
      told.push(textOf(packet));
    },
    onFault: (reason: Parameters<typeof reasonName>[0], text: string) => told.push(`${reasonName(reason)}: ${text}`),
  };
  const decoder = side === 'client' ? new Decoder(handler, LIMITS) : new ServerPacketDecoder(handler, side, LIMITS);
  let size = 0;
  for (const chunk of chunks) {
    decoder.push(chunk);
    size += chunk.length;
  }
  if (decoder.work > 5 * size + 64) throw new Error(`${decoder.work} steps for ${size} bytes`);
  return { packets, text: told.join('\n') };
};

const write = (packet: AnyPacket, version: Version, side: Side): Buffer => {
  if (side === 'client') return encodeClient(packet as ClientPacket, version);
  if (packet.type === 'publish') return encodePublish(packet, version);
  return encode(packet as ServerPacket, version) ?? Buffer.alloc(0);
};

/** What mqtt-packet reads: the packets before the first that it refuses. */
const askOracle = (wire: Buffer, version: Version): readonly Packet[] => {
  const packets: Packet[] = [];
  const oracle = parser({ protocolVersion: version });
  oracle.on('packet', (packet) => packets.push(packet));
  oracle.on('error', () => undefined);
  oracle.parse(wire);
  return packets;
};

/** Of what mqtt-packet read, the fields that are expected, and those that should not be there. */
const alike = (expected: Packet, read: Packet | undefined): boolean => {
  if (read === undefined) return false;
  const wanted = expected as unknown as Record<string, unknown>;
  const got = read as unknown as Record<string, unknown>;
  const names = new Set([...Object.keys(wanted), 'properties']);
  return [...names].every((name) => textOf({ of: wanted[name] }) === textOf({ of: got[name] }));
};

/** Whether both sides agree on one valid packet; otherwise what differs. */
export const compareValid = (packet: AnyPacket, version: Version, side: Side): string | undefined => {
  const wire = write(packet, version, side);
  const expected = forOracle(packet, version);
  const [read] = askOracle(wire, version);
  if (!alike(expected, read))
    return `${wire.toString('hex')} is ${textOf(read)} to mqtt-packet, not ${textOf(expected)}`;
  const written = generate(expected, { protocolVersion: version });
  const starts = packet.type !== 'connect' && packet.type !== 'connack';
  const before = side === 'client' ? bytes(CONNECTS[version]) : bytes(version === 5 ? '20 03 000000' : '20 02 0000');
  const { packets, text } = tell(starts ? [before, written] : [written], side);
  if (textOf(packets.at(-1)) === textOf(packet)) return undefined;
  return `${written.toString('hex')} of mqtt-packet is ${text}, not ${textOf(packet)}`;
};

/** Whether a decoder tells the same of bytes however they are cut; otherwise where not. */
export const compareCuts = (wire: Buffer, side: Side, cuts: readonly (readonly number[])[]): string | undefined => {
  const whole = tell([wire], side).text;
  for (const offsets of cuts) {
    const parts = tell(cut(wire, offsets), side).text;
    if (parts !== whole) return `cut at ${offsets.join()}: ${parts}\nwhole: ${whole}`;
  }
  return undefined;
};

/** Whether what was taken of bytes that may be damaged can be written and read again, and is the same; otherwise what is not. */
export const compareAgain = (wire: Buffer, side: Side): string | undefined => {
  const { packets } = tell([wire], side);
  const [first] = packets;
  const version = side === 'client' ? (first?.type === 'connect' ? first.version : 4) : side;
  const again = Buffer.concat(packets.map((packet) => write(packet, version, side)));
  const { packets: read } = tell([again], side);
  if (textOf(read) === textOf(packets)) return undefined;
  return `${textOf(packets)} is ${textOf(read)} when written and read again`;
};

/** Whether mqtt-packet reads the same of bytes that may be damaged, as far as our decoder took them; otherwise what it reads. */
export const compareTaken = (wire: Buffer): string | undefined => {
  const { packets } = tell([wire], 'client');
  const [first] = packets;
  // 3.1 has fields that may be missing and flags without meaning, of which mqtt-packet knows nothing.
  if (first?.type !== 'connect' || first.version === 3) return undefined;
  const read = askOracle(wire, first.version);
  for (const [index, packet] of packets.entries()) {
    const other = read[index];
    // It reads the reason of a DISCONNECT without one from the packet behind.
    if (packet.type === 'disconnect') continue;
    const expected = undefaulted(forOracle(resolved(packet, other), first.version), other);
    if (!alike(expected, other)) return `packet ${index} is ${textOf(other)} to mqtt-packet, not ${textOf(expected)}`;
  }
  return undefined;
};

/** Our decoder puts the topic in the place of its alias. */
const resolved = (packet: AnyPacket, other: Packet | undefined): AnyPacket =>
  packet.type === 'publish' && packet.topicAlias !== undefined && other?.cmd === 'publish' && other.topic === ''
    ? { ...packet, topic: '' }
    : packet;

const DEFAULTS: Readonly<Record<string, unknown>> = {
  sessionExpiryInterval: 0,
  receiveMaximum: 65_535,
  topicAliasMaximum: 0,
  requestResponseInformation: false,
  requestProblemInformation: true,
  willDelayInterval: 0,
};

/** Adds to a CONNECT the properties that say what their absence says, where mqtt-packet saw them; and what it makes of a bridge's filters. */
const undefaulted = (expected: Packet, other: Packet | undefined): Packet => {
  if (expected.cmd === 'subscribe' && other?.cmd === 'subscribe') {
    const listed = expected.subscriptions.map((each, index) => Object.assign({}, other.subscriptions[index], each));
    return { ...expected, subscriptions: listed };
  }
  if (expected.cmd !== 'connect' || other?.cmd !== 'connect') return expected;
  const seen = (properties: object | undefined): object | undefined => {
    const said = Object.entries(properties ?? {}).filter(([name, value]) => DEFAULTS[name] === value);
    return said.length === 0 ? undefined : Object.fromEntries(said);
  };
  const own = seen(other.properties);
  const wills = seen(other.will?.properties);
  return {
    ...expected,
    ...(own && { properties: { ...expected.properties, ...own } }),
    ...(expected.will && {
      will: { ...expected.will, ...(wills && { properties: { ...expected.will.properties, ...wills } }) },
    }),
  };
};

const MARKS = [
  '00',
  '0001',
  'ff',
  '7f',
  '80',
  '8000',
  '0004',
  '23',
  '2b',
  '2f',
  '26',
  '0b01',
  '1f0000',
  '230001',
  'eda080',
  'efbbbf',
  'c000',
  'e000',
];
const junk = fc.oneof(
  fc.constantFrom(...MARKS).map((mark) => Buffer.from(mark, 'hex')),
  fc.uint8Array({ minLength: 1, maxLength: 3 }).map((list) => Buffer.from(list)),
  fc.constantFrom(...MALFORMED, ...CLIENT_PACKETS, ...SERVER_PACKETS).map((each) => bytes(each.bytes)),
);
/** Prints as hexadecimal digits in a counterexample. */
const shown = (wire: Buffer): Buffer =>
  Object.defineProperty(Buffer.from(wire), fc.toStringMethod, { value: () => wire.toString('hex').slice(0, 2000) });
const damage = fc.record({ at: fc.nat(), remove: fc.nat({ max: 3 }), junk: fc.option(junk) });

const damaged = (wires: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> =>
  fc.tuple(wires, fc.array(damage, { maxLength: 3 })).map(([wire, list]) => {
    let all: Buffer = wire;
    for (const { at, remove, junk: added } of list) {
      const from = at % (all.length + 1);
      const rest = all.subarray(Math.min(all.length, from + remove));
      all = Buffer.concat([all.subarray(0, from), added ?? Buffer.alloc(0), rest]);
    }
    return shown(all);
  });

const wireOf = (packets: readonly AnyPacket[], version: Version, side: Side): Buffer =>
  Buffer.concat(packets.map((packet) => write(packet, version, side)));

/** What clients send, with up to three places changed. */
export const fromClients: fc.Arbitrary<Buffer> = damaged(
  conversations.map(([version, packets]) => wireOf(packets, version, 'client')),
);

/** What servers of a version send, with up to three places changed. */
export const fromServers: fc.Arbitrary<readonly [Version, Buffer]> = replies.chain(([version, packets]) =>
  damaged(fc.constant(wireOf(packets, version, version))).map((wire) => [version, wire] as const),
);

type Valid = readonly [packet: AnyPacket, version: Version, side: Side];

/** Every valid packet of both sides. */
export const valid: fc.Arbitrary<readonly Valid[]> = fc
  .tuple(conversations, replies)
  .map(([[version, packets], [other, answers]]) =>
    packets
      .map<Valid>((packet) => [packet, version, 'client'])
      .concat(answers.map<Valid>((packet) => [packet, other, other])),
  );

/** One round of the fuzzer: throws with the input when something is wrong. Answers how many inputs were tried. */
export const round = (seed: number): number => {
  const options = { seed, numRuns: 40 };
  let tried = 0;
  const check = (wire: Buffer | undefined, what: string | undefined): void => {
    tried++;
    if (what !== undefined) throw new Error(wire === undefined ? what : `${wire.toString('hex')}: ${what}`);
  };
  for (const list of fc.sample(valid, options)) for (const each of list) check(undefined, compareValid(...each));
  const cuts = (wire: Buffer): number[][] => [
    Array.from({ length: Math.min(wire.length, 400) }, (_, index) => index),
    [seed % (wire.length + 1)],
    [seed, seed * 7, seed * 13],
  ];
  for (const wire of fc.sample(fromClients, options)) {
    check(wire, compareCuts(wire, 'client', cuts(wire)) ?? compareAgain(wire, 'client') ?? compareTaken(wire));
  }
  for (const [version, wire] of fc.sample(fromServers, options)) {
    check(wire, compareCuts(wire, version, cuts(wire)) ?? compareAgain(wire, version));
  }
  return tried;
};
