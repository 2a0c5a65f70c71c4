/** XEP-0199: XMPP Ping, version 2.0.1, Final. The answering side: for the host and on behalf of its accounts (section 4.3). */
import { defineModule } from '#src/plugin/contracts.ts';

const PING = 'urn:xmpp:ping';

export const ping = defineModule({
  name: 'ping',
  description: 'Answers pings.',
  specs: [{ document: 'XEP-0199', version: '2.0.1', title: 'XMPP Ping', status: 'complete' }],
  needs: [],
  start(scope) {
    scope.feature('both', PING);
    scope.iq('host', 'get', PING, 'ping', ({ stanza }) => stanza.result());
    scope.iq('account', 'get', PING, 'ping', ({ stanza }) => stanza.result());
  },
});
