import type { AnyModule } from '#src/plugin/contracts.ts';
import { session } from './rfc3921-session.ts';
import { roster } from './rfc6121-roster.ts';
import { disco } from './xep0030-disco.ts';
import { streamManagement } from './xep0198-stream-management.ts';
import { ping } from './xep0199-ping.ts';
import { clientStateIndication } from './xep0352-client-state-indication.ts';
import { bind2 } from './xep0386-bind2.ts';
import { sasl2 } from './xep0388-sasl2.ts';
import { channelBinding } from './xep0440-channel-binding.ts';
import { fast } from './xep0484-fast.ts';

/** The modules of the XMPP service in the order in which they start: what others build upon comes first. */
export const modules: readonly AnyModule[] = [
  disco,
  session,
  roster,
  ping,
  streamManagement,
  clientStateIndication,
  channelBinding,
  sasl2,
  bind2,
  fast,
];
