/** XEP-0012: Last Activity, version 2.0, Final. */
import { sharesPresence } from '#src/im/subscription.ts';
import { defineModule } from '#src/plugin/contracts.ts';
import { refuse } from '#src/stanza/conditions.ts';
import { escapeText } from '#src/stanza/serialise.ts';

const LAST = 'jabber:iq:last';

export const lastActivity = defineModule({
  name: 'last_activity',
  description: 'Tells contacts when an account was last there, and everybody how long the server has been running.',
  specs: [
    {
      document: 'XEP-0012',
      version: '2.0',
      title: 'Last Activity',
      status: 'complete',
      note: 'a request to a full JID of a stranger gets service-unavailable (RFC 6121 section 8.5.3.1) instead of forbidden',
    },
  ],
  needs: ['last', 'registry', 'roster'],
  start(scope, { last, registry, roster }) {
    scope.feature('both', LAST);
    scope.watch('presence/unavailable', ({ session, status }) => {
      const account = session.jid.asBare();
      const others = registry.of(account.bare).some((other) => other !== session && other.presence !== undefined);
      if (!others) last.put(account, Date.now(), status);
    });
    scope.iq('host', 'get', LAST, 'query', ({ stanza }) => stanza.result(since(process.uptime())));
    scope.iq('account', 'get', LAST, 'query', ({ from, own, stanza, to }) => {
      // Section 3: only those who may see the account's presence.
      if (!own && !sharesPresence(roster.state(to, from))) return refuse('forbidden');
      if (registry.of(to.bare).length > 0) return stanza.result(since(0));
      const seen = last.of(to);
      if (seen === undefined) return refuse('service-unavailable', 'never seen');
      return stanza.result(since((Date.now() - seen.at) / 1000, seen.status));
    });
  },
});

function since(seconds: number, status = ''): string {
  const whole = Math.max(0, Math.floor(seconds));
  return `<query xmlns='${LAST}' seconds='${whole}'>${escapeText(status)}</query>`;
}
