import type { Flusher } from '#src/net/flusher.ts';
import type { Timers } from '#src/net/timers.ts';
import type { MessageLimits } from '#protocols/sip/message/limits.ts';
import type { SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import type { Malformed } from '#protocols/sip/message/parse.ts';
import type { Flow } from './flow.ts';
import type { LocalAddresses } from './local-address.ts';
import type { StreamFlow } from './stream.ts';
import type { UdpPort } from './udp.ts';

/** Plain numbers since the start: read by the metrics. */
export interface TransportCounters {
  requestsIn: number;
  responsesIn: number;
  malformed: number;
  keepAlives: number;
  requestsOut: number;
  responsesOut: number;
  /** Could not be sent: no way, a closed flow, a peer that reads too slowly. */
  unsent: number;
  dialled: number;
  dialsFailed: number;
}

/** What the transports of all kinds share; `Transports` is it. */
export interface TransportCore {
  readonly limits: MessageLimits;
  readonly local: LocalAddresses;
  readonly counters: TransportCounters;
  readonly flusher: Flusher;
  readonly timers: Timers;
  received(message: SipRequest | SipResponse | Malformed, flow: Flow): void;
  streamOpened(flow: StreamFlow): void;
  streamClosed(flow: StreamFlow): void;
  portClosed(port: UdpPort): void;
}

/** Bytes that may wait for a peer that reads slowly; beyond that its connection is cut. */
export const OUTBOX = 1_048_576;
/** Milliseconds a connection may say nothing: longer than any registration's keep-alive, and than a refresh of a long one. */
export const IDLE = 2 * 3_600_000;
/** The same before its peer has proven who it is. */
export const IDLE_STRANGER = 120_000;
