/** What all relayed calls share, and how a session description is read for a relay. */
import type { Timers } from '#src/net/timers.ts';
import type { RelayedDialog } from './dialog.ts';
import type { Fork } from './fork.ts';
import { asSeen, mayDescribe, type OwnAddresses, type Party } from './party.ts';
import type { MediaPorts, PortPair } from './ports.ts';
import type { LatchRules, MediaPlace } from './relay-port.ts';
import { connectionOf, isUnspecified, type Sdp } from './sdp.ts';
import type { Place } from './sdp-edit.ts';

export type Side = 'caller' | 'callee';

export const otherSide = (side: Side): Side => (side === 'caller' ? 'callee' : 'caller');

/** What a call is known by, whichever of its forks is answered. */
export interface CallName {
  readonly callId: string;
  readonly callerTag: string;
}

/** What all relayed calls share. */
export interface RelayParts {
  readonly ports: MediaPorts;
  readonly rules: LatchRules;
  readonly own: OwnAddresses;
  readonly timers: Timers;
  /** Milliseconds without media after which a dialog is relayed no more. */
  readonly timeout: () => number;
  readonly counters: { silent: number; noPorts: number };
  /** A dialog is over because there was no more media. */
  readonly silent: (dialog: RelayedDialog) => void;
  /** It has no dialog any more, nor will it have one. */
  readonly ended: (fork: Fork) => void;
}

export const placeOf = ({ rtcp, rtp }: PortPair): Place => ({
  port: rtp.socket.localPort,
  rtcpPort: rtcp.socket.localPort,
});

/** The places of RTP and RTCP in one media description (RFC 3605): as they are written, and whether they are believed. */
export function describedBy(sdp: Sdp, at: number, party: Party, { own, rules }: RelayParts): Described | undefined {
  const media = sdp.media[at];
  const address = media && connectionOf(sdp, media)?.address;
  if (media === undefined || address === undefined || media.port === 0) return undefined;
  const rtcp = media.rtcp ?? { port: media.port + 1, address: undefined };
  const place = (text: string, port: number): DescribedPlace => {
    const host = asSeen(text);
    const believed = mayDescribe(host, party, own) && !rules.isRelay(host, port) && port < 65_536;
    return { written: `${host} ${port}`, believed: believed ? { address: host, port } : undefined };
  };
  return {
    rtp: place(address, media.port),
    rtcp: place(rtcp.address ?? address, rtcp.port),
    muted: isUnspecified(address),
  };
}

export interface DescribedPlace {
  readonly written: string;
  readonly believed: MediaPlace | undefined;
}

export interface Described {
  readonly rtp: DescribedPlace;
  readonly rtcp: DescribedPlace;
  readonly muted: boolean;
}
