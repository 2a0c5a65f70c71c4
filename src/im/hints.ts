import type { Stanza } from '#src/stanza/stanza.ts';

const HINTS = 'urn:xmpp:hints';
const CHAT_STATES = 'http://jabber.org/protocol/chatstates';

/** What a message says about its own handling. */
export interface Hints {
  /** XEP-0334 `<no-copy/>`. */
  readonly noCopy: boolean;
  readonly noStore: boolean;
  readonly noPermanentStore: boolean;
  readonly store: boolean;
  /** Nothing in it but chat states (XEP-0085) and a thread. */
  readonly transient: boolean;
}

export function hintsOf(message: Stanza): Hints {
  let noCopy = false;
  let noStore = false;
  let noPermanentStore = false;
  let store = false;
  let lasting = 0;
  let states = 0;
  if (message.content.length > 0) {
    for (const child of message.element.getChildElements()) {
      const xmlns = child.getNS();
      const name = child.getName();
      if (xmlns === HINTS) {
        noCopy ||= name === 'no-copy';
        noStore ||= name === 'no-store';
        noPermanentStore ||= name === 'no-permanent-store';
        store ||= name === 'store';
      } else if (xmlns === CHAT_STATES) states += 1;
      else if (name !== 'thread') lasting += 1;
    }
  }
  return { noCopy, noStore, noPermanentStore, store, transient: states > 0 && lasting === 0 };
}
