/** XEP-0478: Stream Limits Advertisement, version 0.2.0, Experimental. */
import { defineModule } from '#src/plugin/contracts.ts';
import type { ClientStream } from '../links/client-stream.ts';
import { AUTHENTICATED } from '../stream/feature.ts';
import { NS } from '../stream/namespaces.ts';

export const streamLimits = defineModule({
  name: 'stream_limits',
  description: 'Tells clients how large a stanza may be, and how long they may be silent.',
  specs: [{ document: 'XEP-0478', version: '0.2.0', title: 'Stream Limits Advertisement', status: 'complete' }],
  needs: ['streams'],
  start(scope, { streams }) {
    scope.own(streams(scope.host).features.add({ name: 'limits', requires: 0, forbids: 0, elements: [], offer }));
  },
});

/** Section 5: the limits change when the client has authenticated; silence counts from then on. */
function offer(stream: ClientStream): string {
  const { limitsAfter, limitsBefore } = stream.server.options;
  const authenticated = stream.has(AUTHENTICATED);
  const idle = authenticated ? stream.host?.idleAfter : undefined;
  const seconds = idle === undefined ? '' : `<idle-seconds>${Math.floor(idle / 1000)}</idle-seconds>`;
  const { maxBytes } = authenticated ? limitsAfter : limitsBefore;
  return `<limits xmlns='${NS.limits}'><max-bytes>${maxBytes}</max-bytes>${seconds}</limits>`;
}
