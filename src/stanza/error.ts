/** Stanza errors read: RFC 6120 section 8.3. */
import { type Condition, conditions, type Refusal } from './conditions.ts';
import type { Stanza } from './stanza.ts';

const STANZAS = 'urn:ietf:params:xml:ns:xmpp-stanzas';

/** What a stanza of type `error` says; undefined for others, and for one without a defined condition. */
export function refusalIn(stanza: Stanza): Refusal | undefined {
  const error = stanza.type === 'error' ? stanza.child('error') : undefined;
  const found = error
    ?.getChildElements()
    .find((child) => child.getNS() === STANZAS && Object.hasOwn(conditions, child.getName()));
  if (found === undefined) return undefined;
  const text = error?.getChild('text', STANZAS)?.getText() ?? '';
  const address = found.getText().trim();
  // Found in the list of all conditions just now.
  const condition = found.getName() as Condition;
  return { condition, ...(text === '' ? {} : { text }), ...(address === '' ? {} : { address }) };
}
