/** XEP-0160: Best Practices for Handling Offline Messages, version 1.0.1, Active. The store itself serves every protocol: `src/im/offline.ts`. */
import { defineModule } from '#src/plugin/contracts.ts';

export const offline = defineModule({
  name: 'offline',
  description: 'Announces that messages wait for accounts that are offline.',
  specs: [
    {
      document: 'XEP-0160',
      version: '1.0.1',
      title: 'Best Practices for Handling Offline Messages',
      status: 'complete',
    },
  ],
  needs: ['offline'],
  start(scope) {
    // Section 4.
    scope.feature('both', 'msgoffline');
  },
});
