/** XEP-0157: Contact Addresses for XMPP Services, version 1.1.1, Active. */
import { z } from 'zod';
import { defineModule } from '#src/plugin/contracts.ts';
import { many } from '#src/settings/types.ts';
import type { DataForm } from '../data-form.ts';
import './xep0030-disco.ts';

/** The registered fields are these names with `-addresses` (section 7.1). */
const roles = ['abuse', 'admin', 'feedback', 'sales', 'security', 'status', 'support'] as const;

// Section 3: valid URIs.
const uri = z
  .string()
  .max(1000)
  .regex(/^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>]+$/)
  .meta({ expects: 'a URI such as mailto:admin@example.org or xmpp:admin@example.org' });
const addresses = (about: string) => many(uri).prefault([]).describe(about);

export const contactAddresses = defineModule({
  name: 'contact_addresses',
  description: 'Tells how the people behind the server can be reached.',
  specs: [{ document: 'XEP-0157', version: '1.1.1', title: 'Contact Addresses for XMPP Services', status: 'complete' }],
  settings: z.strictObject({
    abuse: addresses('Where to report abuse, as URIs.'),
    admin: addresses('Who runs the server.'),
    feedback: addresses('Where to send feedback.'),
    sales: addresses('Where to buy.'),
    security: addresses('Where to report holes in security.'),
    status: addresses('Where the state of the service can be seen.'),
    support: addresses('Where to find help.'),
  }),
  needs: [],
  start(scope, _parts, settings) {
    const fields = roles.flatMap((role) =>
      settings[role].length === 0 ? [] : { name: `${role}-addresses`, values: settings[role] },
    );
    if (fields.length === 0) return;
    const form: DataForm = { type: 'result', formType: 'http://jabber.org/network/serverinfo', fields };
    scope.transform('disco/info', 'main', (info, query) =>
      query.scope === 'host' ? { ...info, forms: [...info.forms, form] } : info,
    );
  },
});
