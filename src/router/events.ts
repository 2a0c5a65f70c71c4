import type { Refusal } from '#src/stanza/conditions.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import type { Session } from '#src/session/session.ts';
import type { Outcome } from './outcome.ts';

/** A session's own stanza on its way out: judged by the rules of the sender's host. */
export interface Submission {
  readonly session: Session;
  readonly stanza: Stanza;
}

/** A message that reached its account: `to` the sessions that took it (none when it went to storage). */
export interface Reception {
  readonly stanza: Stanza;
  readonly bare: string;
  readonly to: readonly Session[];
}

declare module '#src/hooks/hooks.ts' {
  interface Decisions {
    /** May a session send this? Asked before routing, with the sender's host. */
    'stanza/outbound': { readonly input: Submission; readonly answer: Outcome };
    /** May an account of this host receive this? Asked before delivery; the answer ends it. */
    'stanza/inbound': { readonly input: Stanza; readonly answer: Outcome };
    /** A chat or normal message that no session can take (RFC 6121 section 8.5.2.2.1). */
    'message/unclaimed': { readonly input: Stanza; readonly answer: Outcome };
    /** A chat or normal message for a session behind which others wait in storage: the answer keeps it there, in their order. */
    'message/behind': { readonly input: Stanza; readonly answer: Outcome };
    /** Subscription presence and probes to an account (RFC 6121 sections 3 and 4.3). */
    'presence/account': { readonly input: Stanza; readonly answer: Outcome };
    /** An iq request to a full JID: refused where no presence is shared (RFC 6121 section 8.5.3.1). */
    'iq/directed': { readonly input: Stanza; readonly answer: Refusal };
  }
  interface Transforms {
    /** The last look at a message before an account's sessions get it. */
    'message/inbound': { readonly input: undefined; readonly value: Stanza };
  }
  interface Notices {
    'message/sent': Submission;
    'message/received': Reception;
    /** A session was bound and is in the registry. */
    'session/bound': Session;
    /** A session that was crowded can take more. */
    'session/eased': Session;
    /** A session left the registry for good. */
    'session/ended': Session;
    /** An account was removed: whatever is kept for it goes. Key parts [host, local]. */
    'account/removed': { readonly host: string; readonly local: string };
  }
}
