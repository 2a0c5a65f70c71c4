/** XEP-0203: Delayed Delivery, version 2.0, Final. Stamped by whatever stores: offline messages, presence of absent accounts, resumed streams. */
import { defineModule } from '#src/plugin/contracts.ts';

export const delay = defineModule({
  name: 'delay',
  description: 'Announces that stored messages carry the time of their arrival.',
  specs: [{ document: 'XEP-0203', version: '2.0', title: 'Delayed Delivery', status: 'complete' }],
  needs: [],
  start(scope) {
    scope.feature('both', 'urn:xmpp:delay');
  },
});
