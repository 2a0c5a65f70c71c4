import type { Jid } from '#src/address/jid.ts';
import type { Accounts } from '#src/accounts/accounts.ts';
import type { Presence } from '#src/im/presence.ts';
import type { Timers } from '#src/net/timers.ts';
import type { Log } from '#src/observe/log.ts';
import type { Host } from '#src/router/host.ts';
import type { Router } from '#src/router/router.ts';
import type { Registry } from '#src/session/registry.ts';
import type { ClientSession } from './links/client-session.ts';
import type { ClientStream } from './links/client-stream.ts';
import type { XmppSettings } from './settings.ts';
import type { StreamError } from './stream/errors.ts';
import { StreamFeatures } from './stream/feature.ts';

/** A virtual host as the XMPP front end sees it. */
export class XmppHost {
  readonly host: Host;
  readonly router: Router;
  readonly presence: Presence;
  /** What its streams negotiate, in the order of announcement. */
  readonly features = new StreamFeatures();

  constructor(host: Host, router: Router, presence: Presence) {
    this.host = host;
    this.router = router;
    this.presence = presence;
  }

  sessionEnded(session: ClientSession): void {
    this.host.unbind(session);
  }
}

/** What the links of the XMPP front end share. One a server. */
export class XmppServer {
  readonly settings: XmppSettings;
  readonly router: Router;
  readonly registry: Registry;
  readonly accounts: Accounts;
  readonly timers: Timers;
  readonly log: Log;
  /** Open streams, bound or not. */
  readonly streams = new Set<ClientStream>();
  /** Plain numbers: read by the metrics. */
  readonly counters = { streams: 0, streamErrors: 0, authenticated: 0, authenticationFailures: 0 };
  readonly #hosts = new Map<string, XmppHost>();

  constructor(parts: {
    readonly settings: XmppSettings;
    readonly router: Router;
    readonly registry: Registry;
    readonly accounts: Accounts;
    readonly timers: Timers;
    readonly log: Log;
  }) {
    this.settings = parts.settings;
    this.router = parts.router;
    this.registry = parts.registry;
    this.accounts = parts.accounts;
    this.timers = parts.timers;
    this.log = parts.log;
  }

  addHost(host: XmppHost): void {
    this.#hosts.set(host.host.domain, host);
  }
}
