/** XEP-0280: a carbon copy, read by those devices that cannot. */
import type { Element } from 'ltx';
import { Jid } from '#src/address/jid.ts';
import { writeElement } from '#src/stanza/serialise.ts';
import { Stanza } from '#src/stanza/stanza.ts';

const CARBONS = 'urn:xmpp:carbons:2';

/** A copy of what another device has sent or received (XEP-0280), with the message itself. */
export interface Carbon {
  readonly direction: 'received' | 'sent';
  readonly message: Stanza;
}

/** Undefined for what is no copy, or not from the account itself (XEP-0280 section 11). */
export function carbonIn(stanza: Stanza): Carbon | undefined {
  if (stanza.from?.isBare !== true || stanza.from.bare !== stanza.to?.bare || !stanza.content.includes(CARBONS))
    return undefined;
  for (const direction of ['received', 'sent'] as const) {
    const inner = stanza
      .child(direction, CARBONS)
      ?.getChild('forwarded', 'urn:xmpp:forward:0')
      ?.getChild('message', 'jabber:client');
    if (inner !== undefined) return { direction, message: stanzaOf(inner) };
  }
  return undefined;
}

function stanzaOf(element: Element): Stanza {
  const { attrs } = element;
  const attribute = (name: string): string | undefined => (typeof attrs[name] === 'string' ? attrs[name] : undefined);
  const address = (name: string): Jid | undefined => Jid.parse(attribute(name) ?? '');
  const attributes = {
    from: address('from'),
    to: address('to'),
    id: attribute('id'),
    type: attribute('type'),
    lang: attribute('xml:lang'),
  };
  return Stanza.make(
    'message',
    attributes,
    ...element.getChildElements().map((child) => writeElement(child, 'jabber:client')),
  );
}
