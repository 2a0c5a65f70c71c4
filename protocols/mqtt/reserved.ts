import type { ReasonCode } from './packet/reason-codes.ts';
import type { Message } from './packet/types.ts';
import type { Identity, Session } from './session.ts';
import type { Granted } from './topics/tree.ts';

/**
 * Topics that are no topics of the tree: everything below one first level means something else, and a part of the server answers for it.
 * No retained message and no subscriber of the tree is behind them, and a filter that begins with a wildcard does not reach them, as it
 * does not reach those that begin with $ (MQTT 5 section 4.7.2).
 */
export interface ReservedTopics {
  /** Whether a topic name, or a filter without `$share/`, is one of them. */
  covers(topic: string): boolean;
  /**
   * A client's publication or its will; the access list allows it. What was written for it is in the store's open group, and `wrote` of
   * the broker says so.
   * @returns the reason for PUBACK or PUBREC (MQTT 5 section 3.4.2.1)
   */
  publish(from: Identity, message: Message): ReasonCode;
  /** Why a session may not subscribe to one of them; undefined when it may. */
  refusal(session: Session, filter: string): ReasonCode | undefined;
  /** A subscription is in force and was acknowledged: the time for what is known already. @param isNew it was not there before */
  subscribed(session: Session, granted: Granted, isNew: boolean): void;
}
