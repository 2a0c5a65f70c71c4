/** RFC 3921 section 3: session establishment, which RFC 6121 dropped. Old clients ask for it: the answer is yes, and nothing happens. */
import { defineModule } from '#src/plugin/contracts.ts';
import { refuse } from '#src/stanza/conditions.ts';
import { NS } from '../stream/namespaces.ts';

export const session = defineModule({
  name: 'session',
  description: 'Lets old clients establish the session that they have.',
  specs: [{ document: 'RFC 3921', version: '3', title: 'Session Establishment', status: 'complete' }],
  needs: [],
  start(scope) {
    // Clients send it to the host (section 3) or without an address, which is the account.
    scope.iq('host', 'set', NS.session, 'session', ({ stanza }) => stanza.result());
    scope.iq('account', 'set', NS.session, 'session', ({ own, stanza }) =>
      own ? stanza.result() : refuse('service-unavailable'),
    );
  },
});
