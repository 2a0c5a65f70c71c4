/**
 * The subscription state machine of RFC 6121 Appendix A: nine states, four events in two directions, as tables. Pure: the caller
 * reads the row, writes the new state and routes, delivers or answers as the row says.
 */
export const subscriptionStates = [
  'none',
  'none+out',
  'none+in',
  'none+out+in',
  'to',
  'to+in',
  'from',
  'from+out',
  'both',
] as const;
export type SubscriptionState = (typeof subscriptionStates)[number];

export const subscriptionEvents = ['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed'] as const;
export type SubscriptionEvent = (typeof subscriptionEvents)[number];

export function isSubscriptionEvent(type: string | undefined): type is SubscriptionEvent {
  return type === 'subscribe' || type === 'subscribed' || type === 'unsubscribe' || type === 'unsubscribed';
}

/** What the user's server does with a stanza that the user sends (A.2). */
export interface OutboundRow {
  readonly route: boolean;
  readonly next: SubscriptionState;
  /** The row's footnote: "subscribed" sets a pre-approval, "unsubscribed" cancels one (section 3.4). */
  readonly preApproval?: 'grant' | 'cancel';
}

/** What the user's server does with a stanza that the contact sent (A.3). */
export interface InboundRow {
  readonly deliver: boolean;
  readonly next: SubscriptionState;
  /** What the server answers on behalf of the user. */
  readonly reply?: 'subscribed' | 'unsubscribed';
  /** The state instead of `next` when the user pre-approved the contact; nothing is then delivered. */
  readonly approved?: SubscriptionState;
}

type Table<Row> = Readonly<Record<SubscriptionEvent, Readonly<Record<SubscriptionState, Row>>>>;

const routed = (next: SubscriptionState): OutboundRow => ({ route: true, next });
const kept = (next: SubscriptionState): OutboundRow => ({ route: false, next });
const granted = (next: SubscriptionState): OutboundRow => ({ route: false, next, preApproval: 'grant' });
const cancelled = (next: SubscriptionState): OutboundRow => ({ route: false, next, preApproval: 'cancel' });

export const outbound: Table<OutboundRow> = {
  // Table 2
  subscribe: {
    none: routed('none+out'),
    'none+out': routed('none+out'),
    'none+in': routed('none+out+in'),
    'none+out+in': routed('none+out+in'),
    to: routed('to'),
    'to+in': routed('to+in'),
    from: routed('from+out'),
    'from+out': routed('from+out'),
    both: routed('both'),
  },
  // Table 3
  unsubscribe: {
    none: routed('none'),
    'none+out': routed('none'),
    'none+in': routed('none+in'),
    'none+out+in': routed('none+in'),
    to: routed('none'),
    'to+in': routed('none+in'),
    from: routed('from'),
    'from+out': routed('from'),
    both: routed('from'),
  },
  // Table 4
  subscribed: {
    none: granted('none'),
    'none+out': granted('none+out'),
    'none+in': routed('from'),
    'none+out+in': routed('from+out'),
    to: granted('to'),
    'to+in': routed('both'),
    from: kept('from'),
    'from+out': kept('from+out'),
    both: kept('both'),
  },
  // Table 5
  unsubscribed: {
    none: cancelled('none'),
    'none+out': cancelled('none+out'),
    'none+in': routed('none'),
    'none+out+in': routed('none+out'),
    to: cancelled('to'),
    'to+in': routed('to'),
    from: routed('none'),
    'from+out': routed('none+out'),
    both: routed('to'),
  },
};

const silent = (next: SubscriptionState): InboundRow => ({ deliver: false, next });
const delivered = (next: SubscriptionState): InboundRow => ({ deliver: true, next });
const asked = (next: SubscriptionState, approved: SubscriptionState): InboundRow => ({ deliver: true, next, approved });
const confirmed = (next: SubscriptionState): InboundRow => ({ deliver: false, next, reply: 'subscribed' });
const released = (next: SubscriptionState): InboundRow => ({ deliver: true, next, reply: 'unsubscribed' });

export const inbound: Table<InboundRow> = {
  // Table 6
  subscribe: {
    none: asked('none+in', 'from'),
    'none+out': asked('none+out+in', 'from+out'),
    'none+in': silent('none+in'),
    'none+out+in': silent('none+out+in'),
    to: asked('to+in', 'both'),
    'to+in': silent('to+in'),
    from: confirmed('from'),
    'from+out': confirmed('from+out'),
    both: confirmed('both'),
  },
  // Table 7
  unsubscribe: {
    none: silent('none'),
    'none+out': silent('none+out'),
    'none+in': released('none'),
    'none+out+in': released('none+out'),
    to: silent('to'),
    'to+in': released('to'),
    from: released('none'),
    'from+out': released('none+out'),
    both: released('to'),
  },
  // Table 8
  subscribed: {
    none: silent('none'),
    'none+out': delivered('to'),
    'none+in': silent('none+in'),
    'none+out+in': delivered('to+in'),
    to: silent('to'),
    'to+in': silent('to+in'),
    from: silent('from'),
    'from+out': delivered('both'),
    both: silent('both'),
  },
  // Table 9
  unsubscribed: {
    none: silent('none'),
    'none+out': delivered('none'),
    'none+in': silent('none+in'),
    'none+out+in': delivered('none+in'),
    to: delivered('none'),
    'to+in': delivered('none+in'),
    from: silent('from'),
    'from+out': delivered('from'),
    both: delivered('from'),
  },
};

/** May the contact see the user's presence: state "from" or "both"? */
export function sharesPresence(state: SubscriptionState): boolean {
  return state === 'from' || state === 'from+out' || state === 'both';
}

/** Does the user see the contact's presence: state "to" or "both"? */
export function seesPresence(state: SubscriptionState): boolean {
  return state === 'to' || state === 'to+in' || state === 'both';
}

/** The `subscription` attribute of a roster item (section 2.1.2.5). */
export function subscriptionOf(state: SubscriptionState): 'none' | 'to' | 'from' | 'both' {
  if (state === 'both') return 'both';
  if (seesPresence(state)) return 'to';
  return sharesPresence(state) ? 'from' : 'none';
}

/** The `ask` attribute (section 2.1.2.2): a request of the user awaits its answer. */
export function asks(state: SubscriptionState): boolean {
  return state.includes('+out');
}

/** A request of the contact awaits the user's answer. */
export function awaitsApproval(state: SubscriptionState): boolean {
  return state.endsWith('+in');
}
