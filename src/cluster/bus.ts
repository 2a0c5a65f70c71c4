import type { Jid } from '#src/address/jid.ts';
import type { Stanza } from '#src/stanza/stanza.ts';

/**
 * The seam between this process and others that serve the same domains: how a stanza reaches a session or a target that another
 * worker or host holds. One process alone has nobody to ask.
 */
export interface Bus {
  /** Hands a stanza to whoever serves its address elsewhere; false when nobody does. */
  forward(to: Jid, stanza: Stanza): boolean;
  close(): Promise<void>;
}
