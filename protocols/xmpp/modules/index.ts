import type { AnyModule } from '#src/plugin/contracts.ts';
import { session } from './rfc3921-session.ts';
import { roster } from './rfc6121-roster.ts';
import { disco } from './xep0030-disco.ts';
import { ping } from './xep0199-ping.ts';

/** The modules of the XMPP service in the order in which they start: what others build upon comes first. */
export const modules: readonly AnyModule[] = [disco, session, roster, ping];
