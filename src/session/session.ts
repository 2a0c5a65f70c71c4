import type { KeptCopy } from './copies.ts';
import type { Jid } from '#src/address/jid.ts';
import type { Refusal } from '#src/stanza/conditions.ts';
import type { Stanza } from '#src/stanza/stanza.ts';

/** Which front end holds a session. A label for operators and bridges: shared code never branches on it. */
export type Protocol = 'xmpp' | 'mqtt' | 'sip';

/** Where a session's peer is, as `connected_users_info` prints it. */
export interface Origin {
  /** The field's label: `c2s`, `c2s_tls`, … */
  readonly connection: string;
  readonly ip: string;
  readonly port: number;
}

/**
 * One device of an account: the target that the router finds under a full JID. A front end extends it with its own way to write a
 * stanza; what every protocol shares (presence, priority, opted-in features) stands here, in plain fields, since a server holds
 * many thousands of these.
 */
export abstract class Session {
  readonly jid: Jid;
  readonly protocol: Protocol;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Last broadcast available presence; undefined while the session is unavailable. Set by `im/presence.ts` only. */
  presence: Stanza | undefined = undefined;
  /** RFC 6121 section 4.7.2.3: −128…127; meaningful while `presence` is set. */
  priority = 0;
  /** Has asked for the roster, so it is sent roster pushes: an "interested resource" (RFC 6121 section 2.2). */
  interested = false;
  /** Has enabled message carbons (XEP-0280). */
  carbons = false;
  /** Has asked for the block list, so it is sent its pushes (XEP-0191 section 3.3). */
  watchesBlocking = false;
  /**
   * Takes what is sent to the account when no resource with a priority that is not negative can: a device that must not come before
   * another one, of an account that may have nothing else.
   */
  fallback = false;
  /** Stored messages of its account wait until it can take them: what comes now waits behind them. Set by `im/offline.ts` only. */
  behind = false;
  /** Full or bare JIDs that were sent directed presence (RFC 6121 section 4.6); undefined while there is none. */
  directed: Set<string> | undefined = undefined;

  constructor(jid: Jid, protocol: Protocol, since: number) {
    this.jid = jid;
    this.protocol = protocol;
    this.since = since;
  }

  abstract get origin(): Origin;

  /** Much waits for the peer already: what can wait elsewhere should, until `session/eased` is told. */
  get crowded(): boolean {
    return false;
  }

  /** A message or iq that it takes is in the store's open group, and reaches the peer when that is durable, also after a crash. */
  get kept(): boolean {
    return false;
  }

  /**
   * What it keeps of a message that it was just given, until its peer has acknowledged it.
   * @param direct as itself, not as a carbon (XEP-0280)
   * @returns `none` when it got nothing of it, `handed over` when it never knows whether the peer has it
   */
  keptCopy(message: Stanza, direct: boolean): KeptCopy | 'none' | 'handed over' {
    void message;
    void direct;
    return 'handed over';
  }

  /** Takes a stanza for the peer, in order. False when this session can take no more: the caller treats it as absent. */
  abstract deliver(stanza: Stanza): boolean;

  /** Ends the session; the refusal tells the peer why. */
  abstract close(refusal?: Refusal): void;
}
