import type { Bridge } from '#src/plugin/bridge.ts';
import type { RunningFrontEnd, Runtime } from '#src/plugin/front-end.ts';
import { PhoneEdge, pidfEdge } from './edge.ts';
import { specs } from './specs.ts';
import { optionsOf, type SipXmppOptions, sipXmppSection } from './settings.ts';

/** Phones send and get messages, and show presence, as every other device. */
export const sipXmpp: Bridge = {
  name: 'sip-xmpp',
  specs,
  sections: [sipXmppSection],
  listenerKinds: [],
  modules: [],
  start,
};

function start({ hosts, router, services: { sip, tracing }, settings }: Runtime): RunningFrontEnd {
  const current = new Map<string, SipXmppOptions>();
  const read = (): void => {
    for (const { domain } of hosts) current.set(domain, optionsOf(settings(), domain));
  };
  read();
  if (sip !== undefined) {
    const options = (host: string): SipXmppOptions => current.get(host) ?? optionsOf(settings(), host);
    sip.edge = new PhoneEdge(router, options, tracing);
    sip.presenceEdge = pidfEdge;
  }
  return {
    services: {},
    opened: () => Promise.resolve(),
    reloaded: read,
    stop: () => undefined,
  };
}
