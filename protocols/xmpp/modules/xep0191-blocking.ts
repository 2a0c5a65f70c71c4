/** XEP-0191: Blocking Command, version 1.3, Draft. The lists themselves hold for every protocol: `src/im/blocking.ts`. */
import { randomBytes } from 'node:crypto';
import type { Element } from 'ltx';
import { Jid } from '#src/address/jid.ts';
import { defineModule } from '#src/plugin/contracts.ts';
import { written } from '#src/router/iq.ts';
import { type Refusal, refuse } from '#src/stanza/conditions.ts';
import { escapeAttribute } from '#src/stanza/serialise.ts';
import { Stanza } from '#src/stanza/stanza.ts';

const BLOCKING = 'urn:xmpp:blocking';

export const blocking = defineModule({
  name: 'blocking',
  description: 'Lets users block addresses.',
  specs: [{ document: 'XEP-0191', version: '1.3', title: 'Blocking Command', status: 'complete' }],
  needs: ['blocking', 'registry', 'store'],
  start(scope, { blocking: lists, registry, store }) {
    scope.feature('both', BLOCKING);
    scope.iq('account', 'get', BLOCKING, 'blocklist', ({ from, own, stanza, to }) => {
      if (!own) return refuse('forbidden');
      const session = registry.find(from);
      if (session !== undefined) session.watchesBlocking = true;
      return stanza.result(write('blocklist', [...lists.list(to)]));
    });
    scope.iq('account', 'set', BLOCKING, 'block', ({ own, payload, stanza, to }) => {
      if (!own) return refuse('forbidden');
      const addresses = read(payload);
      if ('condition' in addresses) return addresses;
      // Section 3.3: without an item, bad-request.
      if (addresses.length === 0) return refuse('bad-request', 'nobody to block');
      return lists.block(to, addresses) ?? written(store, stanza.result());
    });
    scope.iq('account', 'set', BLOCKING, 'unblock', ({ own, payload, stanza, to }) => {
      if (!own) return refuse('forbidden');
      const addresses = read(payload);
      if ('condition' in addresses) return addresses;
      lists.unblock(to, addresses);
      return written(store, stanza.result());
    });
    // Sections 3.3 to 3.5: to all resources that have asked for the list.
    scope.watch('blocking/changed', ({ account, addresses, blocked }) => {
      for (const session of registry.of(account.bare)) {
        if (!session.watchesBlocking) continue;
        const id = randomBytes(8).toString('base64url');
        const push = write(blocked ? 'block' : 'unblock', addresses);
        session.deliver(Stanza.make('iq', { from: account, to: session.jid, id, type: 'set' }, push));
      }
    });
  },
});

/** The addresses of a request; bad-request for an item without one, jid-malformed for one that is none. */
function read(payload: Element): readonly Jid[] | Refusal {
  const addresses: Jid[] = [];
  for (const item of payload.getChildElements()) {
    const text: unknown = item.attrs['jid'];
    if (!item.is('item', BLOCKING) || typeof text !== 'string') return refuse('bad-request', 'an item needs a jid');
    const address = Jid.parse(text);
    if (address === undefined) return refuse('jid-malformed', 'an item needs a valid jid');
    addresses.push(address);
  }
  return addresses;
}

function write(name: string, addresses: readonly string[]): string {
  const items = addresses.map((address) => `<item jid='${escapeAttribute(address)}'/>`).join('');
  return `<${name} xmlns='${BLOCKING}'>${items}</${name}>`;
}
