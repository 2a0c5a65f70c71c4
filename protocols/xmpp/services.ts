import type { Host } from '#src/router/host.ts';
import type { XmppHost } from './server.ts';

declare module '#src/plugin/contracts.ts' {
  interface Services {
    /** The XMPP side of a host: its stream features and sessions. */
    readonly streams: (host: Host) => XmppHost;
  }
}
