/** RFC 6121 Appendix A, as it is printed there. */
import type { SubscriptionState } from '#src/im/subscription.ts';

/** A.2: what the user's server does with what the user sends. */
export const OUTBOUND = {
  // Table 2
  subscribe: `
    |  "None"                  |  MUST [1] |  "None + Pending Out"     |
    |  "None + Pending Out"    |  MUST     |  no state change          |
    |  "None + Pending In"     |  MUST [1] |  "None + Pending Out+In"  |
    |  "None + Pending Out+In" |  MUST     |  no state change          |
    |  "To"                    |  MUST     |  no state change          |
    |  "To + Pending In"       |  MUST     |  no state change          |
    |  "From"                  |  MUST [1] |  "From + Pending Out"     |
    |  "From + Pending Out"    |  MUST     |  no state change          |
    |  "Both"                  |  MUST     |  no state change          |`,
  // Table 3
  unsubscribe: `
    |  "None"                  |  MUST    |  no state change          |
    |  "None + Pending Out"    |  MUST    |  "None"                   |
    |  "None + Pending In"     |  MUST    |  no state change          |
    |  "None + Pending Out+In" |  MUST    |  "None + Pending In"      |
    |  "To"                    |  MUST    |  "None"                   |
    |  "To + Pending In"       |  MUST    |  "None + Pending In"      |
    |  "From"                  |  MUST    |  no state change          |
    |  "From + Pending Out"    |  MUST    |  "From"                   |
    |  "Both"                  |  MUST    |  "From"                   |`,
  // Table 4
  subscribed: `
    |  "None"                  |  M.N.    |  pre-approval [1]         |
    |  "None + Pending Out"    |  M.N.    |  pre-approval [1]         |
    |  "None + Pending In"     |  MUST    |  "From"                   |
    |  "None + Pending Out+In" |  MUST    |  "From + Pending Out"     |
    |  "To"                    |  M.N.    |  pre-approval [1]         |
    |  "To + Pending In"       |  MUST    |  "Both"                   |
    |  "From"                  |  M.N.    |  no state change          |
    |  "From + Pending Out"    |  M.N.    |  no state change          |
    |  "Both"                  |  M.N.    |  no state change          |`,
  // Table 5
  unsubscribed: `
    |  "None"                  |  S.N.    |  no state change [1]      |
    |  "None + Pending Out"    |  S.N.    |  no state change [1]      |
    |  "None + Pending In"     |  MUST    |  "None"                   |
    |  "None + Pending Out+In" |  MUST    |  "None + Pending Out"     |
    |  "To"                    |  S.N.    |  no state change [1]      |
    |  "To + Pending In"       |  MUST    |  "To"                     |
    |  "From"                  |  MUST    |  "None"                   |
    |  "From + Pending Out"    |  MUST    |  "None + Pending Out"     |
    |  "Both"                  |  MUST    |  "To"                     |`,
} as const;

/** A.3: what it does with what the contact's server sends. */
export const INBOUND = {
  // Table 6; [2]: "Server SHOULD auto-reply with "subscribed""
  subscribe: `
    |  "None"                  |  MUST [1]  |  "None + Pending In"     |
    |  "None + Pending Out"    |  MUST      |  "None + Pending Out+In" |
    |  "None + Pending In"     |  S.N.      |  no state change         |
    |  "None + Pending Out+In" |  S.N.      |  no state change         |
    |  "To"                    |  MUST      |  "To + Pending In"       |
    |  "To + Pending In"       |  S.N.      |  no state change         |
    |  "From"                  |  S.N. [2]  |  no state change         |
    |  "From + Pending Out"    |  S.N. [2]  |  no state change         |
    |  "Both"                  |  S.N. [2]  |  no state change         |`,
  // Table 7; [1]: "Server SHOULD auto-reply with "unsubscribed""
  unsubscribe: `
    |  "None"                  |  S.N.      |  no state change         |
    |  "None + Pending Out"    |  S.N.      |  no state change         |
    |  "None + Pending In"     |  MUST [1]  |  "None"                  |
    |  "None + Pending Out+In" |  MUST [1]  |  "None + Pending Out"    |
    |  "To"                    |  S.N.      |  no state change         |
    |  "To + Pending In"       |  MUST [1]  |  "To"                    |
    |  "From"                  |  MUST [1]  |  "None"                  |
    |  "From + Pending Out"    |  MUST [1]  |  "None + Pending Out"    |
    |  "Both"                  |  MUST [1]  |  "To"                    |`,
  // Table 8
  subscribed: `
    |  "None"                  |  S.N.      |  no state change         |
    |  "None + Pending Out"    |  MUST      |  "To"                    |
    |  "None + Pending In"     |  S.N.      |  no state change         |
    |  "None + Pending Out+In" |  MUST      |  "To + Pending In"       |
    |  "To"                    |  S.N.      |  no state change         |
    |  "To + Pending In"       |  S.N.      |  no state change         |
    |  "From"                  |  S.N.      |  no state change         |
    |  "From + Pending Out"    |  MUST      |  "Both"                  |
    |  "Both"                  |  S.N.      |  no state change         |`,
  // Table 9
  unsubscribed: `
    |  "None"                  |  S.N.      |  no state change         |
    |  "None + Pending Out"    |  MUST      |  "None"                  |
    |  "None + Pending In"     |  S.N.      |  no state change         |
    |  "None + Pending Out+In" |  MUST      |  "None + Pending In"     |
    |  "To"                    |  MUST      |  "None"                  |
    |  "To + Pending In"       |  MUST      |  "None + Pending In"     |
    |  "From"                  |  S.N.      |  no state change         |
    |  "From + Pending Out"    |  MUST      |  "From"                  |
    |  "Both"                  |  MUST      |  "From"                  |`,
} as const;

/** A.1: the states, and how each is "reflected in the user's roster". */
export const STATES: Readonly<
  Record<string, { readonly state: SubscriptionState; readonly shown: string; readonly pendingIn?: true }>
> = {
  None: { state: 'none', shown: 'none' },
  'None + Pending Out': { state: 'none+out', shown: 'none ask' },
  'None + Pending In': { state: 'none+in', shown: 'none', pendingIn: true },
  'None + Pending Out+In': { state: 'none+out+in', shown: 'none ask', pendingIn: true },
  To: { state: 'to', shown: 'to' },
  'To + Pending In': { state: 'to+in', shown: 'to', pendingIn: true },
  From: { state: 'from', shown: 'from' },
  'From + Pending Out': { state: 'from+out', shown: 'from ask' },
  Both: { state: 'both', shown: 'both' },
};

export interface Row {
  readonly before: string;
  /** Route (A.2) or deliver (A.3). */
  readonly passes: boolean;
  readonly footnote: boolean;
  readonly after: string;
  readonly preApproves: boolean;
}

export function rowsOf(table: string): readonly Row[] {
  return table
    .trim()
    .split('\n')
    .map((line) => {
      const [, before = '', verdict = '', next = ''] = line.split('|').map((cell) => cell.trim().replaceAll('"', ''));
      const kept = next.startsWith('no state change') || next.startsWith('pre-approval');
      return {
        before,
        passes: verdict.startsWith('MUST'),
        footnote: verdict.includes('['),
        after: kept ? before : next,
        preApproves: next.startsWith('pre-approval'),
      };
    });
}
