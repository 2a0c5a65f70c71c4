/** RFC 6121 section 2: managing the roster, with versioning (section 2.6) and pushes to interested resources (section 2.1.6). */
import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import type { Element } from 'ltx';
import { Jid } from '#src/address/jid.ts';
import type { RosterItem, Rosters } from '#src/im/roster.ts';
import { asks, subscriptionOf } from '#src/im/subscription.ts';
import type { Subscriptions } from '#src/im/subscriptions.ts';
import { defineModule } from '#src/plugin/contracts.ts';
import type { IqAnswer, IqRequest } from '#src/router/iq.ts';
import { type Refusal, refuse } from '#src/stanza/conditions.ts';
import { attributeOf } from '#src/stanza/attributes.ts';
import { escapeAttribute, escapeText } from '#src/stanza/serialise.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import { informative } from '../stream/feature.ts';

const ROSTER = 'jabber:iq:roster';
const NAME_BYTES = 1023;
const GROUPS = 64;

export const roster = defineModule({
  name: 'roster',
  description: 'The contact list.',
  specs: [
    { document: 'RFC 6121', version: '2', title: 'Managing the Roster', status: 'complete' },
    { document: 'XEP-0237', version: '1.3', title: 'Roster Versioning', status: 'complete' },
  ],
  needs: ['registry', 'roster', 'subscriptions', 'streams'],
  start(scope, { registry, roster: rosters, streams, subscriptions }) {
    const { features } = streams(scope.host);
    scope.own(features.add(informative('rosterver', "<ver xmlns='urn:xmpp:features:rosterver'/>")));
    scope.own(features.add(informative('pre-approval', "<sub xmlns='urn:xmpp:features:pre-approval'/>")));
    scope.feature('account', ROSTER);
    scope.iq('account', 'get', ROSTER, 'query', (request) => {
      if (!request.own) return refuse('forbidden');
      const session = registry.find(request.from);
      if (session !== undefined) session.interested = true;
      return result(request, rosters);
    });
    scope.iq('account', 'set', ROSTER, 'query', (request) =>
      request.own ? set(request, rosters, subscriptions) : refuse('forbidden'),
    );
    scope.watch('roster/changed', ({ account, item, removed, version }) => {
      for (const session of registry.of(account.bare)) {
        if (!session.interested) continue;
        const id = randomBytes(8).toString('base64url');
        const query = `<query xmlns='${ROSTER}' ver='${version}'>${itemXml(item, removed)}</query>`;
        session.deliver(Stanza.make('iq', { from: account, to: session.jid, id, type: 'set' }, query));
      }
    });
  },
});

/** Section 2.6.2: nothing but an empty result when the client's version is the present one; the version stands in every other. */
function result({ payload, stanza, to }: IqRequest, rosters: Rosters): Stanza {
  const { items, version } = rosters.of(to);
  const known = attributeOf(payload, 'ver');
  if (known !== undefined && known === String(version)) return stanza.result();
  const listed = Object.values(items).filter((item) => item.listed);
  return stanza.result(
    `<query xmlns='${ROSTER}' ver='${version}'>${listed.map((item) => itemXml(item, false)).join('')}</query>`,
  );
}

/** Sections 2.3.3 and 2.5.3: one item, checked, then written; the result waits for the write. */
function set(request: IqRequest, rosters: Rosters, subscriptions: Subscriptions): IqAnswer | Promise<IqAnswer> {
  const { payload, stanza, to: account } = request;
  const [element, ...more] = payload.getChildElements();
  if (element === undefined || more.length > 0 || !element.is('item', ROSTER))
    return refuse('bad-request', 'exactly one item');
  const jid = Jid.parse(attributeOf(element, 'jid') ?? '');
  if (jid === undefined) return refuse('bad-request', 'an item needs a valid jid');
  const contact = jid.asBare();
  if (attributeOf(element, 'subscription') === 'remove') {
    const old = rosters.item(account, contact);
    if (old === undefined || !old.listed) return refuse('item-not-found');
    rosters.remove(account, contact.bare);
    subscriptions.removed(account, old);
    return rosters.durable(stanza.result());
  }
  if (contact.bare === account.bare) return refuse('not-allowed', 'an account is no contact of its own');
  const described = describe(element);
  if ('condition' in described) return described;
  const { name: _, ...old } = rosters.item(account, contact) ?? { jid: contact.bare, state: 'none', name: undefined };
  const refusal = rosters.put(account, { ...old, ...described, listed: true });
  return refusal ?? rosters.durable(stanza.result());
}

/** What a client may say of a contact: a name and groups (section 2.3.3 has the errors). */
function describe(element: Element): Pick<RosterItem, 'name' | 'groups'> | Refusal {
  const name = attributeOf(element, 'name');
  if (name !== undefined && Buffer.byteLength(name) > NAME_BYTES)
    return refuse('not-acceptable', 'the name is too long');
  const groups = element.getChildren('group', ROSTER).map((group) => group.getText());
  if (groups.length > GROUPS) return refuse('not-acceptable', 'too many groups');
  if (groups.some((group) => group === '')) return refuse('not-acceptable', 'a group without a name');
  if (groups.some((group) => Buffer.byteLength(group) > NAME_BYTES))
    return refuse('not-acceptable', 'the name of a group is too long');
  if (new Set(groups).size < groups.length) return refuse('bad-request', 'a group twice');
  return { groups, ...(name === undefined || name === '' ? {} : { name }) };
}

/** Section 2.1.2. */
function itemXml({ approved, groups, jid, name, state }: RosterItem, removed: boolean): string {
  const address = `<item jid='${escapeAttribute(jid)}'`;
  if (removed) return `${address} subscription='remove'/>`;
  const title = name === undefined ? '' : ` name='${escapeAttribute(name)}'`;
  const ask = asks(state) ? " ask='subscribe'" : '';
  const approval = approved === true ? " approved='true'" : '';
  const inner = groups.map((group) => `<group>${escapeText(group)}</group>`).join('');
  const start = `${address}${title} subscription='${subscriptionOf(state)}'${ask}${approval}`;
  return inner === '' ? `${start}/>` : `${start}>${inner}</item>`;
}
