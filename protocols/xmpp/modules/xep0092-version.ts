/** XEP-0092: Software Version, version 1.1, Draft. */
import { release, type } from 'node:os';
import { z } from 'zod';
import { VERSION } from '#src/observe/version.ts';
import { defineModule } from '#src/plugin/contracts.ts';
import { escapeText } from '#src/stanza/serialise.ts';

const NS = 'jabber:iq:version';

export const version = defineModule({
  name: 'version',
  description: 'Tells the name and version of the server.',
  specs: [{ document: 'XEP-0092', version: '1.1', title: 'Software Version', status: 'complete' }],
  settings: z.strictObject({
    // Section 5: an operator must be able to keep the operating system to himself.
    show_os: z.boolean().prefault(false).describe('Also tell the operating system.'),
  }),
  needs: [],
  start(scope, _parts, { show_os }) {
    const os = show_os ? `<os>${escapeText(`${type()} ${release()}`)}</os>` : '';
    const answer = `<query xmlns='${NS}'><name>Trivium</name><version>${escapeText(VERSION)}</version>${os}</query>`;
    scope.feature('host', NS);
    scope.iq('host', 'get', NS, 'query', ({ stanza }) => stanza.result(answer));
  },
});
