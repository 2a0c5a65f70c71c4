/** XEP-0280: Message Carbons, version 1.0.1, Draft. The copies themselves are made for every protocol: `src/im/carbons.ts`. */
import { Buffer } from 'node:buffer';
import { defineModule } from '#src/plugin/contracts.ts';
import { refuse } from '#src/stanza/conditions.ts';
import type { Stanza } from '#src/stanza/stanza.ts';

const CARBONS = 'urn:xmpp:carbons:2';
const MARK = Buffer.from(CARBONS);

export const carbons = defineModule({
  name: 'carbons',
  description: 'Copies messages to the other devices of an account.',
  specs: [{ document: 'XEP-0280', version: '1.0.1', title: 'Message Carbons', status: 'complete' }],
  needs: ['registry', 'streams'],
  start(scope, { registry, streams }) {
    for (const feature of [CARBONS, 'urn:xmpp:carbons:rules:0']) scope.feature('both', feature);
    for (const on of [true, false]) {
      scope.iq('account', 'set', CARBONS, on ? 'enable' : 'disable', ({ from, own, stanza }) => {
        const session = own ? registry.find(from) : undefined;
        // Sections 4.1 and 5.1: only a session of the account itself has carbons to switch.
        if (session === undefined) return refuse('not-allowed');
        session.carbons = on;
        return stanza.result();
      });
    }
    scope.own(
      streams(scope.host).bindInline.add({
        feature: CARBONS,
        apply(session, bind) {
          if (bind.getChild('enable', CARBONS) !== undefined) session.carbons = true;
          return undefined;
        },
      }),
    );
    // Section 11: copies come from the server itself and by another way. What comes by this one is forged.
    scope.transform('message/inbound', 'guard', (message) =>
      message.content.includes(MARK) ? withoutForged(message) : message,
    );
  },
});

function withoutForged(message: Stanza): Stanza {
  if (message.child('sent', CARBONS) === undefined && message.child('received', CARBONS) === undefined) return message;
  const kept = message.element
    .getChildElements()
    .filter((child) => !child.is('sent', CARBONS) && !child.is('received', CARBONS));
  return message.withChildren(...kept);
}
