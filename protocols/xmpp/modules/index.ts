import type { AnyModule } from '#src/plugin/contracts.ts';
import { session } from './rfc3921-session.ts';
import { roster } from './rfc6121-roster.ts';
import { lastActivity } from './xep0012-last-activity.ts';
import { disco } from './xep0030-disco.ts';
import { privateStorage } from './xep0049-private-storage.ts';
import { vcard } from './xep0054-vcard-temp.ts';
import { registration } from './xep0077-in-band-registration.ts';
import { version } from './xep0092-version.ts';
import { caps } from './xep0115-caps.ts';
import { vcardAvatars } from './xep0153-vcard-avatars.ts';
import { contactAddresses } from './xep0157-contact-addresses.ts';
import { offline } from './xep0160-offline.ts';
import { blocking } from './xep0191-blocking.ts';
import { streamManagement } from './xep0198-stream-management.ts';
import { ping } from './xep0199-ping.ts';
import { time } from './xep0202-time.ts';
import { delay } from './xep0203-delay.ts';
import { externalServices } from './xep0215-external-services.ts';
import { carbons } from './xep0280-carbons.ts';
import { hints } from './xep0334-hints.ts';
import { clientStateIndication } from './xep0352-client-state-indication.ts';
import { bind2 } from './xep0386-bind2.ts';
import { sasl2 } from './xep0388-sasl2.ts';
import { channelBinding } from './xep0440-channel-binding.ts';
import { streamLimits } from './xep0478-stream-limits.ts';
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
  registration,
  caps,
  contactAddresses,
  streamLimits,
  carbons,
  blocking,
  offline,
  hints,
  delay,
  vcard,
  vcardAvatars,
  privateStorage,
  lastActivity,
  version,
  time,
  externalServices,
];
