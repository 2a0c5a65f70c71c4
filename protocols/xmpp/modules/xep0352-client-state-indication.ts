/** XEP-0352: Client State Indication, version 1.0.0, Draft. An inactive client is spared what it need not know now. */
import { z } from 'zod';
import { defineModule } from '#src/plugin/contracts.ts';
import { count } from '#src/settings/types.ts';
import type { ClientSession } from '../links/client-session.ts';
import { AUTHENTICATED, qualified, type StreamFeature } from '../stream/feature.ts';
import { type HoldingRules, InactiveHolding } from '../stream/holding.ts';
import { NS } from '../stream/namespaces.ts';

const settings = z.strictObject({
  presence: z
    .boolean()
    .prefault(true)
    .describe('Hold presence back from inactive clients, and send the last of each sender.'),
  notifications: z
    .boolean()
    .prefault(true)
    .describe('Hold notifications of personal eventing back, and send the last of each node.'),
  chat_states: z.boolean().prefault(true).describe('Drop "is typing" and other chat states that come alone.'),
  limit: count(1, 100_000)
    .prefault(500)
    .describe('Stanzas held back for one client; when there are more, all are sent.'),
});

export const clientStateIndication = defineModule({
  name: 'client_state',
  description: 'Less traffic for clients that nobody looks at.',
  specs: [{ document: 'XEP-0352', version: '1.0.0', title: 'Client State Indication', status: 'complete' }],
  settings,
  needs: ['streams'],
  start(scope, { streams }, { chat_states: chatStates, limit, notifications, presence }) {
    const host = streams(scope.host);
    const rules: HoldingRules = { chatStates, limit, notifications, presence };
    scope.own(host.features.add(feature(rules)));
    scope.own(
      host.bindInline.add({
        feature: NS.csi,
        apply(session, bind) {
          if (bind.getChild('inactive', NS.csi) !== undefined) indicate(session, 'inactive', rules);
          return undefined;
        },
      }),
    );
  },
});

/** Section 4: announced after authentication, and never answered. */
function feature(rules: HoldingRules): StreamFeature {
  return {
    name: 'client state indication',
    requires: AUTHENTICATED,
    forbids: 0,
    elements: [qualified(NS.csi, 'active'), qualified(NS.csi, 'inactive')],
    offer: () => `<csi xmlns='${NS.csi}'/>`,
    handle(stream, { name }) {
      // Section 5.1: what was held is on its way before anything that follows is read.
      if (stream.session !== undefined) indicate(stream.session, name, rules);
    },
  };
}

/** Section 4: a stream begins active, a resumed one too (section 5.2). */
function indicate(session: ClientSession, state: string, rules: HoldingRules): void {
  if (state === 'active') session.reactivate();
  else session.holding ??= new InactiveHolding(session, rules);
}
