import type { Jid } from '#src/address/jid.ts';
import type { Services } from '#src/plugin/contracts.ts';
import type { Host } from '#src/router/host.ts';
import type { Session } from '#src/session/session.ts';
import type { SipRequest } from '../message/message.ts';
import { SipUri } from '../message/uri.ts';
import type { SipServer } from '../server.ts';
import { atBack } from '../session.ts';
import type { ClientHandler } from '../transaction/client.ts';
import type { Flow } from '../transport/flow.ts';
import { Authority } from './authority.ts';
import { nextHop } from './dialog.ts';
import { Documents } from './documents.ts';
import { Publications } from './publications.ts';
import { PublishHandler } from './publish.ts';
import { PublishedSession } from './published-session.ts';
import { type PresenceOptions, presenceOptions } from './settings.ts';
import { SubscribeHandler } from './subscribe.ts';
import { type Office, Subscription } from './subscription.ts';
import { SubscriptionTable } from './subscriptions.ts';

export type AgentServices = Pick<Services, 'blocking' | 'presence' | 'roster' | 'subscriptions'>;

/** The presence agent of RFC 3856: phones watch, and are watched, by the rosters and the presence of the core. */
export class PresenceAgent implements Office {
  readonly authority: Authority;
  readonly documents: Documents;
  readonly publications: Publications;
  readonly publish: PublishHandler;
  readonly subscribe: SubscribeHandler;
  readonly table: SubscriptionTable;
  readonly timers;
  readonly #server: SipServer;
  readonly #services: AgentServices;
  readonly #options = new Map<string, PresenceOptions>();
  readonly #published = new Map<string, PublishedSession>();
  /** Plain numbers: read by the metrics. */
  readonly counters = { notified: 0, unreachable: 0 };

  constructor(server: SipServer, services: AgentServices) {
    const { addresses, core, runtime } = server;
    const { registry, router, store, timers } = runtime;
    this.#server = server;
    this.#services = services;
    this.timers = timers;
    this.authority = new Authority({ ...services, registry, router });
    this.table = new SubscriptionTable(store);
    const { authority, table } = this;
    const edge = () => server.presenceEdge;
    this.documents = new Documents({
      ...{ addresses, authority, roster: services.roster, router, table, edge },
      watched: (host) => this.options(host).maxWatched,
    });
    this.subscribe = new SubscribeHandler({
      ...{ addresses, authority, office: this, store, table },
      options: (host) => this.options(host),
      available: () => server.presenceEdge !== undefined,
      contact: (flow) => this.#contact(flow),
      begun: (subscription) => this.#begun(subscription),
    });
    this.publications = new Publications(store, timers, (device, body) => this.#show(device, body));
    const { publications } = this;
    this.publish = new PublishHandler({ publications, store, edge, options: (host) => this.options(host) });
    core.handle('SUBSCRIBE', this.subscribe);
    core.handle('PUBLISH', this.publish);
    for (const host of runtime.hosts) this.#follow(host);
  }

  options(host: string): PresenceOptions {
    let options = this.#options.get(host);
    if (options === undefined) {
      options = presenceOptions(this.#server.runtime.settings(), host);
      this.#options.set(host, options);
    }
    return options;
  }

  reload(): void {
    this.#options.clear();
  }

  /** Subscriptions and publications of the last process; phones are told what changed meanwhile. */
  async restore(): Promise<void> {
    for await (const row of this.table.stored()) {
      const subscription = new Subscription(row, this);
      this.table.add(subscription);
      this.#begun(subscription);
      // What became of the presentity while nobody looked is not known: one document more, at the pace of all.
      if (subscription.expires <= Date.now()) subscription.end('timeout');
      else subscription.changed();
    }
    await this.publications.restore();
  }

  /** An account is gone, or may not come any more. */
  drop(account: Jid): void {
    this.publications.forget(account);
    for (const subscription of [...this.table.by(account)]) subscription.end('deactivated');
    for (const subscription of [...this.table.to(account)]) subscription.end('noresource');
  }

  // What happens in the core

  #follow({ hooks }: Host): void {
    const moved = (jid: Jid): void => this.#presenceChanged(jid);
    hooks.notice('presence/available').add('main', ({ session }) => {
      moved(session.jid);
      // Its phone may be there again.
      for (const subscription of this.table.by(session.jid)) subscription.retry();
    });
    hooks.notice('presence/unavailable').add('main', ({ session }) => moved(session.jid));
    hooks.notice('session/ended').add('main', (session) => this.#sessionEnded(session));
    hooks.notice('roster/changed').add('main', ({ account }) => this.#rosterChanged(account));
    hooks.notice('blocking/changed').add('main', ({ account }) => moved(account));
  }

  #presenceChanged(jid: Jid): void {
    for (const subscription of this.table.to(jid)) {
      const { presentity } = subscription;
      if (subscription.list || subscription.package !== 'presence') continue;
      if (presentity.resource === '' || jid.resource === '' || presentity.resource === jid.resource)
        subscription.changed();
    }
    for (const subscription of this.table.listing(jid)) subscription.changed();
  }

  /** Both rosters say who may see whom: that of the one who watches, and that of the one who is watched. */
  #rosterChanged(account: Jid): void {
    for (const subscription of [...this.table.to(account)]) {
      if (subscription.list) {
        this.#watchContacts(subscription);
        subscription.changed();
      } else if (subscription.package === 'presence') subscription.judged();
      else subscription.changed();
    }
    for (const subscription of [...this.table.by(account)]) {
      if (!subscription.list && subscription.package === 'presence') subscription.judged();
    }
    for (const subscription of this.table.listing(account)) subscription.changed();
  }

  #begun(subscription: Subscription): void {
    if (subscription.list) this.#watchContacts(subscription);
    this.#watchersChanged(subscription);
  }

  #watchContacts(subscription: Subscription): void {
    const contacts = this.documents.contacts(subscription.presentity);
    this.table.watch(subscription, new Set(contacts.map(([jid]) => jid.bare)));
  }

  /** RFC 3857: who is told who watches. */
  #watchersChanged({ list, package: name, presentity }: Subscription): void {
    if (list || name !== 'presence') return;
    for (const other of this.table.to(presentity)) if (other.package === 'presence.winfo') other.changed();
  }

  // What subscriptions ask for

  now(): number {
    return Date.now();
  }

  interval({ presentity }: Subscription): number {
    return this.options(presentity.domain).interval;
  }

  standing({ list, package: name, presentity, watcher }: Subscription) {
    return list || name === 'presence.winfo' ? 'active' : this.authority.standing(watcher, presentity);
  }

  document(subscription: Subscription) {
    return this.documents.of(subscription);
  }

  save(subscription: Subscription): void {
    this.table.save(subscription);
  }

  ended(subscription: Subscription): void {
    this.table.remove(subscription);
    this.#watchersChanged(subscription);
  }

  /** The flow by which the phone came, while it stands; else where its Contact or its route leads. */
  send({ dialog, flow, watcher }: Subscription, request: SipRequest, handler: ClientHandler): boolean {
    const { locations, network, transactions } = this.#server;
    const hop = nextHop(dialog);
    this.counters.notified += 1;
    if (hop?.routed === true) {
      network.send(request, hop.uri, handler);
      return true;
    }
    const { address, port, transport } = dialog.flow;
    const known = flow?.open === true ? { flow } : locations.relocate(dialog.target, (bare) => bare === watcher.bare);
    const destination = known ?? (transport === 'udp' ? { transport, address, port } : undefined);
    if (destination !== undefined) {
      transactions.request(request, destination, handler);
      return true;
    }
    if (hop === undefined || !dialable(hop.uri)) {
      this.counters.unreachable += 1;
      return false;
    }
    network.send(request, hop.uri, handler);
    return true;
  }

  /** Without a user: requests to it are for the server itself. */
  #contact(flow: Flow): string {
    const { transport } = flow;
    const params = transport === 'udp' ? {} : { transport: transport === 'wss' ? 'ws' : transport };
    return SipUri.make({ ...this.#server.transports.sentBy(flow), params }).toString();
  }

  // What phones publish

  /** A device shows what was published for it, or what it showed before. */
  #show(device: Jid, body: Buffer | undefined): void {
    const read = body === undefined ? undefined : this.#server.presenceEdge?.read(body, device);
    const session = this.#server.sessions.get(device);
    if (session !== undefined) return this.#server.sessions.shows(session, read);
    const published = this.#published.get(device.full);
    if (read === undefined) published?.close();
    else this.#services.presence.send(published ?? this.#publisher(device), atBack(read));
  }

  #publisher(device: Jid): Session {
    const host = this.#server.runtime.router.host(device.domain);
    const taken = this.#server.runtime.registry.find(device);
    if (taken !== undefined) return taken;
    const session = new PublishedSession(device, { connection: 'sip_publish', ip: '', port: 0 }, () => {
      this.#published.delete(device.full);
      host?.unbind(session);
    });
    this.#published.set(device.full, session);
    host?.bind(session);
    return session;
  }

  /** What a phone published goes with its registration. */
  #sessionEnded({ jid, protocol }: Session): void {
    if (protocol === 'sip') this.publications.forget(jid);
  }
}

/** A browser never listens (RFC 7118 section 7). */
function dialable(uri: SipUri): boolean {
  return uri.transport !== 'ws' && uri.transport !== 'wss' && !uri.host.endsWith('.invalid');
}
