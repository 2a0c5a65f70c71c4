/**
 * RFC 7362, RFC 5853: the media of calls between phones that cannot reach each other passes through ports of this server. The proxy shows what it
 * forwards (proxy/media.ts); which calls are relayed is said in decision.ts, where media goes in relay-port.ts.
 */
import type { Timers } from '#src/net/timers.ts';
import type { SipRequest } from '#protocols/sip/message/message.ts';
import type { MediaExchange, MediaHook } from '#protocols/sip/proxy/media.ts';
import type { TokenMatch } from '#protocols/sip/proxy/route-token.ts';
import type { ForwardTarget } from '#protocols/sip/proxy/target.ts';
import type { ServerTransaction } from '#protocols/sip/transaction/server.ts';
import type { Transports } from '#protocols/sip/transport/transports.ts';
import { isRelayed, namesRelay, type RelayMode, toldBySender, toldByTarget } from './decision.ts';
import type { RelayedDialog, Traffic } from './dialog.ts';
import { ending, Exchange, exchangeId, readBody, withSdp } from './exchange.ts';
import { Fork } from './fork.ts';
import { Parties } from './parties.ts';
import type { Party } from './party.ts';
import { type CallName, otherSide, type RelayParts, type Side } from './parts.ts';
import { MediaPorts, type PortRange } from './ports.ts';
import { noneRelayed } from './relay-port.ts';
import type { Sdp } from './sdp.ts';

export interface MediaRelayOptions {
  readonly timers: Timers;
  readonly transports: Pick<Transports, 'datagramFlow' | 'local'>;
  readonly settings: () => MediaSettings;
  /** What the hosts of a call ask for. */
  readonly mode: (request: SipRequest) => RelayMode;
  /** A call has fallen silent. @param tag of the callee */
  readonly silent: (call: CallName, tag: string) => void;
}

export interface MediaSettings {
  readonly ports: PortRange;
  /** What parties elsewhere are told, where the server is behind a NAT. */
  readonly address: string | undefined;
  /** Milliseconds. */
  readonly timeout: number;
  /** Media may come from wherever it likes. */
  readonly anywhere: boolean;
}

/** Branches that are relayed at once, whatever the ports allow. */
const LIMIT = 20_000;
/** Requests that may carry a session description (RFC 6337 section 2). */
const OFFERING: ReadonlySet<string> = new Set(['INVITE', 'PRACK', 'UPDATE']);

type Told = Record<Side, readonly string[]>;

const keyOf = ({ callerTag, callId }: CallName): string => `${callId} ${callerTag}`;

export class MediaRelay implements MediaHook {
  /** Plain numbers since the start: read by the metrics. */
  readonly counters = {
    begun: 0,
    ended: 0,
    /** Ended because there was no media. */
    silent: 0,
    noPorts: 0,
    badSdp: 0,
    ...noneRelayed(),
  };
  readonly #options: MediaRelayOptions;
  readonly #calls = new Map<string, Set<Fork>>();
  readonly #parties: Parties;
  readonly #parts: RelayParts;
  #size = 0;

  constructor(options: MediaRelayOptions) {
    const { settings, timers, transports } = options;
    this.#options = options;
    const ports = new MediaPorts(() => settings().ports, this.counters);
    this.#parties = new Parties(transports, () => settings().address);
    this.#parts = {
      ports,
      own: this.#parties,
      timers,
      counters: this.counters,
      timeout: () => settings().timeout,
      ended: (fork) => this.#ended(fork),
      silent: ({ fork: { call }, tag }) => options.silent(call, tag),
      rules: {
        counters: this.counters,
        anywhere: () => settings().anywhere,
        isRelay: (address, port) => ports.has(port) && this.#parties.has(address),
      },
    };
  }

  /** Branches that are relayed. */
  get size(): number {
    return this.#size;
  }

  /** Ports that are open. */
  get ports(): number {
    return this.#parts.ports.size;
  }

  begin(tx: ServerTransaction, target: ForwardTarget, dialog: TokenMatch | undefined): MediaExchange | undefined {
    const { request } = tx;
    const { method } = request;
    if (dialog === undefined) return method === 'INVITE' ? this.#exchange(tx, target) : undefined;
    if (method === 'BYE') {
      const relayed = this.#find(request, dialog);
      return relayed && ending(relayed);
    }
    return OFFERING.has(method) ? this.#exchange(tx, target, dialog) : undefined;
  }

  ack(ack: SipRequest, dialog: TokenMatch): SipRequest {
    const relayed = this.#find(ack, dialog);
    const read = relayed && readBody(ack);
    if (read === 'bad') this.counters.badSdp += 1;
    if (relayed === undefined || read === undefined || read === 'bad' || this.#circles(read.sdp)) return ack;
    const by = otherSide(dialog.toward);
    const sdp = relayed.read(by, read.sdp, exchangeId(by, ack), false);
    return withSdp(ack, read.body, sdp);
  }

  /** An answered call is over, however it came to that. @param tag of the callee */
  end(call: CallName, tag: string): void {
    this.#dialog(call, tag)?.end();
  }

  /** What has come of both sides of a call; undefined when that is not relayed. */
  traffic(call: CallName): Traffic | undefined {
    const forks = this.#calls.get(keyOf(call));
    if (forks === undefined) return undefined;
    let [packets, bytes] = [0, 0];
    for (const { dialogs } of forks) {
      for (const { traffic } of dialogs.values()) {
        packets += traffic.packets;
        bytes += traffic.bytes;
      }
    }
    return { packets, bytes };
  }

  close(): void {
    for (const forks of [...this.#calls.values()]) for (const fork of [...forks]) fork.end();
  }

  #exchange(tx: ServerTransaction, target: ForwardTarget, dialog?: TokenMatch): MediaExchange | undefined {
    const { flow, request } = tx;
    const relayed = dialog && this.#find(request, dialog);
    const mode = relayed === undefined ? this.#options.mode(request) : 'always';
    // Only INVITE and UPDATE begin something that was not relayed.
    if (mode === 'never' || (relayed === undefined && request.method === 'PRACK')) return undefined;
    const by = dialog === undefined ? 'caller' : otherSide(dialog.toward);
    const { from, to } = request;
    const [callerTag, calleeTag] = by === 'caller' ? [from?.tag, to?.tag] : [to?.tag, from?.tag];
    return new Exchange({
      by,
      sender: this.#parties.of(flow),
      partyAt: (destination) => this.#parties.at(destination),
      dialog: relayed,
      tag: dialog === undefined ? undefined : calleeTag,
      begin: (sdp, offerer, parties) => {
        const told = { [by]: toldBySender(request), [otherSide(by)]: toldByTarget(target) } as Told;
        const other = otherSide(offerer);
        const offer = {
          sdp,
          from: parties[offerer],
          to: parties[other],
          fromTold: told[offerer],
          toTold: told[other],
          initial: dialog === undefined,
        };
        if (!isRelayed(mode, offer, this.#parties, this.#parts.rules.isRelay)) return undefined;
        return this.#begin({ callId: request.callId ?? '', callerTag: callerTag ?? '' }, parties);
      },
      circles: (sdp) => this.#circles(sdp),
      bad: () => void (this.counters.badSdp += 1),
    });
  }

  #circles(sdp: Sdp): boolean {
    return namesRelay(sdp, this.#parts.rules.isRelay);
  }

  #begin(call: CallName, parties: Readonly<Record<Side, Party>>): Fork | undefined {
    if (this.#size >= LIMIT) {
      this.counters.noPorts += 1;
      return undefined;
    }
    const fork = new Fork(call, parties, this.#parts);
    const forks = this.#calls.get(keyOf(call)) ?? new Set();
    this.#calls.set(keyOf(call), forks.add(fork));
    this.#size += 1;
    this.counters.begun += 1;
    return fork;
  }

  #ended(fork: Fork): void {
    const key = keyOf(fork.call);
    const forks = this.#calls.get(key);
    if (forks?.delete(fork) !== true) return;
    if (forks.size === 0) this.#calls.delete(key);
    this.#size -= 1;
    this.counters.ended += 1;
  }

  #find({ callId = '', from, to }: SipRequest, { toward }: TokenMatch): RelayedDialog | undefined {
    if (this.#size === 0) return undefined;
    const [caller, callee] = toward === 'callee' ? [from, to] : [to, from];
    return this.#dialog({ callId, callerTag: caller?.tag ?? '' }, callee?.tag ?? '');
  }

  #dialog(call: CallName, tag: string): RelayedDialog | undefined {
    for (const { dialogs } of this.#calls.get(keyOf(call)) ?? []) {
      const dialog = dialogs.get(tag);
      if (dialog !== undefined) return dialog;
    }
    return undefined;
  }
}
