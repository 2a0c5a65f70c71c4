/** XEP-0334: Message Processing Hints, version 1.0.0, Draft. Read by the offline store and by carbons: `src/im/hints.ts`. */
import { defineModule } from '#src/plugin/contracts.ts';

export const hints = defineModule({
  name: 'hints',
  description: 'Announces that the hints of messages about storing and copying are followed.',
  specs: [{ document: 'XEP-0334', version: '1.0.0', title: 'Message Processing Hints', status: 'complete' }],
  needs: [],
  start(scope) {
    scope.feature('both', 'urn:xmpp:hints');
  },
});
