/** XEP-0054: vcard-temp, version 1.3.0, Active. The profiles of accounts and of the host. */
import { z } from 'zod';
import type { Jid } from '#src/address/jid.ts';
import { defineModule } from '#src/plugin/contracts.ts';
import { refuse } from '#src/stanza/conditions.ts';
import { escapeText, writeElement } from '#src/stanza/serialise.ts';

export const VCARD = 'vcard-temp';

declare module '#src/hooks/hooks.ts' {
  interface Notices {
    /** An account has a new vCard, which is in the documents under `vcard-temp`. */
    'vcard/changed': { readonly account: Jid };
  }
}

const line = (about: string) => z.string().max(1000).describe(about);

export const vcard = defineModule({
  name: 'vcard',
  description: 'Keeps the profiles of accounts and shows them to everybody.',
  specs: [{ document: 'XEP-0054', version: '1.3.0', title: 'vcard-temp', status: 'complete' }],
  settings: z.strictObject({
    host_name: line('The name in the profile of the server.').prefault('Trivium'),
    host_url: line('The web address there; empty for none.').prefault(''),
    host_description: line('What is said about the server there; empty for nothing.').prefault(''),
  }),
  needs: ['documents'],
  start(scope, { documents }, { host_description, host_name, host_url }) {
    const changed = scope.host.hooks.notice('vcard/changed');
    const profile = [field('FN', host_name), field('URL', host_url), field('DESC', host_description)].join('');
    scope.feature('both', VCARD);
    scope.iq('host', 'get', VCARD, 'vCard', ({ stanza }) =>
      stanza.result(`<vCard xmlns='${VCARD}'>${profile}</vCard>`),
    );
    scope.iq('host', 'set', VCARD, 'vCard', () => refuse('forbidden'));
    scope.iq('account', 'get', VCARD, 'vCard', ({ own, stanza, to }) => {
      const stored = documents.get(to, VCARD);
      if (stored !== undefined) return stanza.result(stored);
      // Sections 3.1 and 3.3: for others the same as for an account that does not exist.
      return refuse(own ? 'item-not-found' : 'service-unavailable');
    });
    scope.iq('account', 'set', VCARD, 'vCard', ({ own, payload, stanza, to }) => {
      if (!own) return refuse('forbidden');
      const refusal = documents.put(to, new Map([[VCARD, writeElement(payload, '')]]));
      if (refusal !== undefined) return refusal;
      changed.tell({ account: to.asBare() });
      return documents.durable(stanza.result());
    });
  },
});

function field(name: string, value: string): string {
  return value === '' ? '' : `<${name}>${escapeText(value)}</${name}>`;
}
