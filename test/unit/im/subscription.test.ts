/** RFC 6121 Appendix A: every state and every event, in both directions. The tables are those of the document. */
import test from 'ava';
import type { RosterItem } from '#src/im/roster.ts';
import { type SubscriptionEvent, type SubscriptionState, subscriptionStates } from '#src/im/subscription.ts';
import { DELIVERED } from '#src/router/outcome.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import { TestCore } from '#test/helpers/core.ts';
import { jid } from '#test/helpers/xml.ts';

const ACCOUNT = 'juliet@capulet.lit';
const CONTACT = 'romeo@montague.lit';

/** The words of Appendix A.1. */
const names: Readonly<Record<string, SubscriptionState>> = {
  None: 'none',
  'None + Pending Out': 'none+out',
  'None + Pending In': 'none+in',
  'None + Pending Out+In': 'none+out+in',
  To: 'to',
  'To + Pending In': 'to+in',
  From: 'from',
  'From + Pending Out': 'from+out',
  Both: 'both',
};

const outbound: Readonly<Record<SubscriptionEvent, string>> = {
  // Table 2
  subscribe: `
    None                  | MUST | None + Pending Out
    None + Pending Out    | MUST | no state change
    None + Pending In     | MUST | None + Pending Out+In
    None + Pending Out+In | MUST | no state change
    To                    | MUST | no state change
    To + Pending In       | MUST | no state change
    From                  | MUST | From + Pending Out
    From + Pending Out    | MUST | no state change
    Both                  | MUST | no state change`,
  // Table 3
  unsubscribe: `
    None                  | MUST | no state change
    None + Pending Out    | MUST | None
    None + Pending In     | MUST | no state change
    None + Pending Out+In | MUST | None + Pending In
    To                    | MUST | None
    To + Pending In       | MUST | None + Pending In
    From                  | MUST | no state change
    From + Pending Out    | MUST | From
    Both                  | MUST | From`,
  // Table 4
  subscribed: `
    None                  | M.N. | pre-approval
    None + Pending Out    | M.N. | pre-approval
    None + Pending In     | MUST | From
    None + Pending Out+In | MUST | From + Pending Out
    To                    | M.N. | pre-approval
    To + Pending In       | MUST | Both
    From                  | M.N. | no state change
    From + Pending Out    | M.N. | no state change
    Both                  | M.N. | no state change`,
  // Table 5
  unsubscribed: `
    None                  | S.N. | no state change
    None + Pending Out    | S.N. | no state change
    None + Pending In     | MUST | None
    None + Pending Out+In | MUST | None + Pending Out
    To                    | S.N. | no state change
    To + Pending In       | MUST | To
    From                  | MUST | None
    From + Pending Out    | MUST | None + Pending Out
    Both                  | MUST | To`,
};

/** A fourth column has the answer that the footnotes ask for. */
const inbound: Readonly<Record<SubscriptionEvent, string>> = {
  // Table 6
  subscribe: `
    None                  | MUST | None + Pending In
    None + Pending Out    | MUST | None + Pending Out+In
    None + Pending In     | S.N. | no state change
    None + Pending Out+In | S.N. | no state change
    To                    | MUST | To + Pending In
    To + Pending In       | S.N. | no state change
    From                  | S.N. | no state change | subscribed
    From + Pending Out    | S.N. | no state change | subscribed
    Both                  | S.N. | no state change | subscribed`,
  // Table 7
  unsubscribe: `
    None                  | S.N. | no state change
    None + Pending Out    | S.N. | no state change
    None + Pending In     | MUST | None | unsubscribed
    None + Pending Out+In | MUST | None + Pending Out | unsubscribed
    To                    | S.N. | no state change
    To + Pending In       | MUST | To | unsubscribed
    From                  | MUST | None | unsubscribed
    From + Pending Out    | MUST | None + Pending Out | unsubscribed
    Both                  | MUST | To | unsubscribed`,
  // Table 8
  subscribed: `
    None                  | S.N. | no state change
    None + Pending Out    | MUST | To
    None + Pending In     | S.N. | no state change
    None + Pending Out+In | MUST | To + Pending In
    To                    | S.N. | no state change
    To + Pending In       | S.N. | no state change
    From                  | S.N. | no state change
    From + Pending Out    | MUST | Both
    Both                  | S.N. | no state change`,
  // Table 9
  unsubscribed: `
    None                  | S.N. | no state change
    None + Pending Out    | MUST | None
    None + Pending In     | S.N. | no state change
    None + Pending Out+In | MUST | None + Pending In
    To                    | MUST | None
    To + Pending In       | MUST | None + Pending In
    From                  | S.N. | no state change
    From + Pending Out    | MUST | From
    Both                  | MUST | From`,
};

interface Cell {
  readonly old: SubscriptionState;
  /** Routed (outbound) or delivered (inbound). */
  readonly passes: boolean;
  readonly next: SubscriptionState;
  readonly approves: boolean;
  readonly reply: string | undefined;
}

function cells(table: string): readonly Cell[] {
  const read = table
    .trim()
    .split('\n')
    .map((line): Cell => {
      const [state = '', passes, outcome = '', reply] = line.split('|').map((part) => part.trim());
      const old = names[state];
      if (old === undefined) throw new Error(`no such state: ${state}`);
      const next = outcome === 'no state change' || outcome === 'pre-approval' ? old : names[outcome];
      if (next === undefined) throw new Error(`no such state: ${outcome}`);
      return { old, passes: passes === 'MUST', next, approves: outcome === 'pre-approval', reply };
    });
  if (read.map(({ old }) => old).join() !== subscriptionStates.join())
    throw new Error('a table has all states in order');
  return read;
}

/** An account that is online, with the contact in a state; what goes to the contact's server is kept. */
async function inState(state: SubscriptionState, known: boolean) {
  const core = await TestCore.open({ accounts: [ACCOUNT] });
  const routed: Stanza[] = [];
  core.router.remote = {
    deliver(stanza) {
      routed.push(stanza);
      return DELIVERED;
    },
  };
  if (known) core.contact(ACCOUNT, CONTACT, state, state !== 'none+in');
  const session = core.login(`${ACCOUNT}/balcony`);
  session.interested = true;
  session.take();
  routed.length = 0;
  return { core, session, routed, item: (): RosterItem | undefined => core.im.roster.item(jid(ACCOUNT), jid(CONTACT)) };
}

const types = (stanzas: readonly Stanza[]): readonly (string | undefined)[] => stanzas.map(({ type }) => type);

for (const [event, table] of Object.entries(outbound)) {
  for (const { approves, next, old, passes } of cells(table)) {
    test(`outbound ${event} in state ${old}`, async (t) => {
      const { core, item, routed, session } = await inState(old, true);
      session.send(`<presence to='${CONTACT}/orchard' type='${event}' id='a'/>`);
      t.is(item()?.state ?? 'none', next);
      t.is(item()?.approved === true, approves);
      const sent = routed.filter(({ type }) => type === event);
      t.deepEqual(
        sent.map(({ from, id, to }) => [from?.full, to?.full, id]),
        passes ? [[ACCOUNT, CONTACT, 'a']] : [],
      );
      t.deepEqual(session.take(), []);
      await core[Symbol.asyncDispose]();
    });
  }
}

for (const [event, table] of Object.entries(inbound)) {
  for (const { next, old, passes, reply } of cells(table)) {
    test(`inbound ${event} in state ${old}`, async (t) => {
      const { core, item, routed, session } = await inState(old, true);
      core.inject(`<presence from='${CONTACT}/orchard' to='${ACCOUNT}/balcony' type='${event}' id='a'/>`);
      t.is(item()?.state ?? 'none', next);
      t.deepEqual(
        session.take().map(({ from, to, type }) => [from?.full, to?.full, type]),
        passes ? [[CONTACT, ACCOUNT, event]] : [],
      );
      const answers = routed.filter(({ type }) => type === 'subscribed' || type === 'unsubscribed');
      t.deepEqual(types(answers), reply === undefined ? [] : [reply]);
      for (const { from, to } of answers) t.deepEqual([from?.full, to?.full], [ACCOUNT, CONTACT]);
      await core[Symbol.asyncDispose]();
    });
  }
}

for (const event of ['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed']) {
  test(`a contact who is not in the roster counts as none: ${event}`, async (t) => {
    const out = await inState('none', false);
    out.session.send(`<presence to='${CONTACT}' type='${event}'/>`);
    t.is(out.item()?.state ?? 'none', event === 'subscribe' ? 'none+out' : 'none');
    const into = await inState('none', false);
    into.core.inject(`<presence from='${CONTACT}' to='${ACCOUNT}' type='${event}'/>`);
    t.is(into.item()?.state ?? 'none', event === 'subscribe' ? 'none+in' : 'none');
    // Appendix A.1, state 3: no roster item until the user answers.
    t.not(into.item()?.listed, true);
  });
}

for (const [old, next] of [
  ['none', 'from'],
  ['none+out', 'from+out'],
  ['to', 'both'],
] as const) {
  test(`a pre-approved request is answered in state ${old} (section 3.4.2)`, async (t) => {
    const { core, item, routed, session } = await inState(old, true);
    session.send(`<presence to='${CONTACT}' type='subscribed'/>`);
    core.inject(`<presence from='${CONTACT}' to='${ACCOUNT}' type='subscribe'/>`);
    t.is(item()?.state, next);
    t.is(item()?.approved, true);
    t.deepEqual(session.take(), []);
    t.deepEqual(
      routed.map(({ from, type }) => [from?.full, type]),
      [
        [ACCOUNT, 'subscribed'],
        [`${ACCOUNT}/balcony`, undefined],
      ],
    );
    session.send(`<presence to='${CONTACT}' type='unsubscribed'/>`);
    t.is(item()?.approved, undefined);
    await core[Symbol.asyncDispose]();
  });
}
