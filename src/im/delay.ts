import { escapeText } from '#src/stanza/serialise.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import type { StoredStanza } from './stanza-codec.ts';

/** The stanza stamped with the time at which the host first had it (XEP-0203 section 4), unless this host did so before. */
export function delayed({ at, stanza }: StoredStanza, domain: string, reason = ''): Stanza {
  if (stanza.child('delay', 'urn:xmpp:delay')?.attrs['from'] === domain) return stanza;
  const stamp = new Date(at).toISOString();
  return stanza.withChild(
    `<delay xmlns='urn:xmpp:delay' from='${domain}' stamp='${stamp}'>${escapeText(reason)}</delay>`,
  );
}
