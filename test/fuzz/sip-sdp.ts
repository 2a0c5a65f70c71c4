/**
 * Session descriptions for a media relay to edit. Whatever is read keeps all its bytes but those that say where media goes; and what is written
 * is read as it was meant, and stays the same when it is written again.
 */
import { Buffer } from 'node:buffer';
import { connectionOf, isRelayable, isUnspecified, readSdp, type Sdp } from '#protocols/sip/media/sdp.ts';
import { type Place, replacePlaces } from '#protocols/sip/media/sdp-edit.ts';
import type { Random } from '#test/fuzz/random.ts';
import { damageOnce } from '#test/fuzz/sip-messages.ts';

const ADDRESSES = [
  'IP4 10.0.0.5',
  'IP6 2001:db8::5',
  'IP4 0.0.0.0',
  'IP4 224.2.1.1/127/2',
  'IP4 phone.example',
  'IP6 ::',
];
const PROTOCOLS = ['RTP/AVP', 'UDP/TLS/RTP/SAVPF', 'udptl', 'TCP/MSRP', 'UDP/BFCP', 'x'];
const ATTRIBUTES = [
  'sendrecv',
  'inactive',
  'rtcp-mux',
  'ice-ufrag:x',
  'rtpmap:0 PCMU/8000',
  'rtcp:7',
  'rtcp:7 IN IP4 10.0.0.6',
  'é',
];

const lines = (random: Random, most: number, from: readonly (() => string)[]): readonly string[] =>
  Array.from({ length: random.next(most + 1) }, () => random.pick(from)());

export function wholeSdp(random: Random): Buffer {
  const connection = (): string => `c=IN ${random.pick(ADDRESSES)}`;
  const attribute = (): string => `a=${random.pick(ATTRIBUTES)}`;
  const media = (): readonly string[] => [
    `m=audio ${random.pick([0, 7, 9, 4000, 65_535])}${random.pick(['', '', '', '/1', '/2'])} ${random.pick(PROTOCOLS)} 0 8`,
    ...lines(random, 1, [() => 'i=x']),
    ...lines(random, random.next(8) === 0 ? 2 : 1, [connection]),
    ...lines(random, 3, [attribute, () => 'b=AS:64']),
  ];
  const all = [
    'v=0',
    'o=- 1 1 IN IP4 10.0.0.5',
    's=-',
    ...lines(random, 1, [connection]),
    't=0 0',
    ...lines(random, 2, [attribute]),
  ];
  for (let count = random.next(4); count > 0; count--) all.push(...media());
  return Buffer.from(all.join(random.pick(['\r\n', '\n'])) + random.pick(['\r\n', '\n', '']), 'latin1');
}

const places = (sdp: Sdp): readonly (Place | undefined)[] =>
  sdp.media.map((media, at) =>
    isRelayable(sdp, media) ? { port: 30_000 + at * 2, rtcpPort: 30_001 + at * 2 } : undefined,
  );

/** Undefined for what is none. */
export function checkSdp(bytes: Buffer, address: string): Sdp | undefined {
  const fail = (what: string): never => {
    throw new Error(`${what}: ${JSON.stringify(bytes.toString('latin1'))}`);
  };
  const sdp = readSdp(bytes);
  if (sdp === undefined) return undefined;
  if (!replacePlaces(sdp, address, []).equals(bytes)) fail('edited without a reason');
  const meant = places(sdp);
  const edited = replacePlaces(sdp, address, meant);
  const again = readSdp(edited);
  if (again === undefined || again.media.length !== sdp.media.length) return fail('not read again');
  for (const [at, media] of sdp.media.entries()) {
    const now = again.media[at];
    const before = connectionOf(sdp, media)?.address ?? '';
    const place = isUnspecified(before) ? undefined : meant[at];
    if (now === undefined || now.port !== (place?.port ?? media.port)) return fail(`port of ${at}`);
    if (media.port !== 0 && connectionOf(again, now)?.address !== (place === undefined ? before : address))
      fail(`address of ${at}`);
    if (
      now.rtcp !== undefined &&
      place !== undefined &&
      now.rtcp.port !== place.port &&
      now.rtcp.port !== place.rtcpPort
    )
      fail(`RTCP of ${at}`);
  }
  if (!replacePlaces(again, address, places(again)).equals(edited)) fail('edited twice');
  return sdp;
}

/** @returns how many were tried */
export function sdpRound(random: Random): number {
  const address = random.pick(['203.0.113.9', '2001:db8::9']);
  for (let count = 0; count < 10; count++) {
    let bytes = wholeSdp(random);
    checkSdp(bytes, address);
    for (let faults = 1 + random.next(3); faults > 0; faults--) bytes = damageOnce(bytes, random);
    checkSdp(bytes, address);
  }
  return 20;
}
