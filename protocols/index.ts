import type { FrontEnd } from '#src/plugin/front-end.ts';
import { mqtt } from './mqtt/index.ts';
import { proxy65 } from './proxy65/index.ts';
import { sip } from './sip/index.ts';
import { turn } from './turn/index.ts';
import { xmpp } from './xmpp/index.ts';

/** The protocols that this program speaks, in the order in which they start. */
export const frontEnds: readonly FrontEnd[] = [xmpp, mqtt, sip, proxy65, turn];
