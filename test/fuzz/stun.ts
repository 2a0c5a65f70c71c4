/**
 * Messages of STUN and TURN, whole and damaged: first for the codec alone, then for a server over UDP and over TCP, by clients with an
 * allocation and by strangers. Whatever comes, the server goes on answering, what it answers is STUN, and the allocation still relays.
 */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { channelNumber } from '#protocols/stun/attributes/channel-number.ts';
import { data } from '#protocols/stun/attributes/data.ts';
import { lifetime } from '#protocols/stun/attributes/lifetime.ts';
import { requestedTransport } from '#protocols/stun/attributes/requested-transport.ts';
import { xorPeerAddress } from '#protocols/stun/attributes/xor-peer-address.ts';
import { classes, methods } from '#protocols/stun/methods.ts';
import { Writer } from '#protocols/stun/writer.ts';
import { Random } from '#test/fuzz/random.ts';
import { damaged, randomBuffer, randomMessage, readAll, roundTrip } from '#test/fuzz/stun-codec.ts';
import { LOOPBACK, Peer, type TurnTestClient, TurnTestServer } from '#test/helpers/turn.ts';

const SETTINGS = `${LOOPBACK}, unauthorized_rate: 1000000, max_allocations_per_user: 100000, max_allocations_per_address: 100000`;
const CHANNEL = 0x4000;

interface Stage {
  readonly server: TurnTestServer;
  readonly peer: Peer;
  /** With an allocation and a channel to the peer. */
  readonly clients: readonly TurnTestClient[];
}

let stage: Promise<Stage> | undefined;

async function begin(): Promise<Stage> {
  const server = await TurnTestServer.start(SETTINGS);
  const peer = await Peer.open();
  const clients = [await server.client('udp'), await server.client('tcp')];
  for (const client of clients) await allocate(client, peer);
  return { server, peer, clients };
}

async function allocate(client: TurnTestClient, peer: Peer): Promise<void> {
  await client.relay();
  await client.request(methods.channelBind, (writer) =>
    writer.add(channelNumber, CHANNEL).add(xorPeerAddress, peer.at),
  );
}

/** One round from a seed. @returns how many messages were tried @throws Error when one is treated wrongly */
export async function round(seed: number): Promise<number> {
  const random = new Random(seed);
  for (let n = 0; n < 20; n++) {
    roundTrip(random);
    readAll(damaged(random, randomMessage(random).bytes));
    readAll(randomBuffer(random, random.next(64)));
  }
  const { clients, peer, server } = await (stage ??= begin());
  for (const client of clients) await attack(random, server, client, peer);
  return 100;
}

/** Twenty messages, then a look at whether all is well. */
async function attack(random: Random, server: TurnTestServer, client: TurnTestClient, peer: Peer): Promise<void> {
  const isUdp = client === (await stage)?.clients[0];
  const stranger = await server.client(isUdp ? 'udp' : 'tcp');
  for (let n = 0; n < 20; n++) {
    const bytes = message(random, client, peer);
    // A stream that is out of step is ended, so its owner sends only whole frames; the stranger may send anything.
    if (isUdp) client.write(bytes.length > 0 ? damaged(random, bytes) : bytes);
    else client.write(framed(random, bytes));
    const hostile = damaged(random, bytes);
    const cut = random.next(hostile.length + 1);
    stranger.write(hostile.subarray(0, cut));
    stranger.write(hostile.subarray(cut));
  }
  await client.settled();
  stranger.close();
  // A damaged Refresh may by chance have been a whole one; only then it is allocated anew.
  if (server.turn.allocations.size < 2) throw new Error('an allocation has gone');
  peer.heard.length = 0;
  const mark = randomBytes(16);
  client.write(framedChannel(CHANNEL, mark));
  for (;;) if ((await peer.next()).bytes.equals(mark)) break;
  client.received.length = 0;
}

/** Something that a client could say, signed or not. */
function message(random: Random, client: TurnTestClient, peer: Peer): Buffer {
  const kind = random.next(6);
  if (kind === 0) return framedChannel(random.pick([CHANNEL, 0x4001, 0x7fff]), randomBuffer(random, random.next(300)));
  if (kind === 1) {
    const indication = new Writer(methods.send, classes.indication, randomBuffer(random, 12));
    return indication.add(xorPeerAddress, peer.at).add(data, randomBuffer(random, random.next(300))).bytes;
  }
  if (kind === 2) return randomMessage(random).bytes;
  const method = random.pick([methods.allocate, methods.refresh, methods.createPermission, methods.channelBind]);
  return client.signed(method, (writer) => {
    if (random.next(2) === 0) writer.add(requestedTransport, random.pick([17, 6, 1]));
    if (random.next(2) === 0) writer.add(xorPeerAddress, peer.at);
    if (random.next(2) === 0) writer.add(channelNumber, CHANNEL + random.next(8));
    if (random.next(2) === 0) writer.add(lifetime, 1 + random.next(5000));
    if (random.next(4) === 0) writer.raw(random.next(65_536), randomBuffer(random, random.next(40)));
  });
}

/** Damaged within, but as long as it says: the stream stays in step. */
function framed(random: Random, bytes: Buffer): Buffer {
  const isChannel = bytes.length > 0 && bytes.readUInt8(0) >= 0x40;
  const hurt = Buffer.from(bytes);
  const from = isChannel ? 4 : 8;
  for (let hits = random.next(3); hits > 0 && hurt.length > from; hits--)
    hurt.writeUInt8(random.next(256), from + random.next(hurt.length - from));
  return hurt;
}

function framedChannel(channel: number, bytes: Buffer): Buffer {
  const frame = Buffer.alloc((bytes.length + 7) & ~3);
  frame.writeUInt16BE(channel, 0);
  frame.writeUInt16BE(bytes.length, 2);
  bytes.copy(frame, 4);
  return frame;
}

export async function close(): Promise<void> {
  if (stage === undefined) return;
  const { clients, peer, server } = await stage;
  for (const client of clients) client.close();
  peer.close();
  await server[Symbol.asyncDispose]();
}
