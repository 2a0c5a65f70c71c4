import type { Bridge } from '#src/plugin/bridge.ts';
import { mqttXmpp } from './mqtt-xmpp/index.ts';
import { sipXmpp } from './sip-xmpp/index.ts';

/** The bridges of this program, in the order in which they start. */
export const bridges: readonly Bridge[] = [sipXmpp, mqttXmpp];
