import assert from 'node:assert/strict';
import { type Agent, createClient } from 'stanza';
import type { ReceivedMessage, ReceivedPresence, RosterItem } from 'stanza/protocol/index.js';
import { Events } from './checks.ts';
import type { Account } from './transcript.ts';

export type Event =
  | { readonly kind: 'message'; readonly message: ReceivedMessage }
  | { readonly kind: 'presence'; readonly presence: ReceivedPresence }
  | { readonly kind: 'roster'; readonly item: RosterItem }
  | { readonly kind: 'blocked' | 'unblocked'; readonly jids: readonly string[] }
  | { readonly kind: 'acked'; readonly id: string | undefined }
  | { readonly kind: 'receipt'; readonly id: string }
  | { readonly kind: 'started' | 'resumed' | 'refused' | 'disconnected' };

/** Somebody who is online, or was, with one client. */
export class Person {
  readonly account: Account;
  readonly client: Agent;
  readonly events = new Events<Event>((event) => JSON.stringify(event));

  constructor(who: Account, url: string, resource: string) {
    this.account = who;
    this.client = createClient({
      jid: who.jid,
      resource,
      password: who.password,
      transports: { websocket: url, bosh: false },
      // A lost connection comes back when the transcript says so.
      autoReconnect: false,
    });
    const { client, events } = this;
    client.on('message', (message) => events.push({ kind: 'message', message }));
    client.on('presence', (seen) => events.push({ kind: 'presence', presence: seen }));
    client.on('roster:update', ({ roster: { items } }) =>
      items?.forEach((item) => events.push({ kind: 'roster', item })),
    );
    client.on('block', ({ jids }) => events.push({ kind: 'blocked', jids }));
    client.on('unblock', ({ jids }) => events.push({ kind: 'unblocked', jids }));
    client.on('message:acked', ({ id }) => events.push({ kind: 'acked', id }));
    client.on('receipt', ({ receipt: { id } }) => events.push({ kind: 'receipt', id: String(id) }));
    client.on('session:started', () => events.push({ kind: 'started' }));
    client.on('stream:management:resumed', () => events.push({ kind: 'resumed' }));
    client.on('auth:failed', () => events.push({ kind: 'refused' }));
    client.on('disconnected', () => events.push({ kind: 'disconnected' }));
  }

  get jid(): string {
    return this.client.jid;
  }

  async happens(kind: Event['kind']): Promise<void> {
    await this.events.take(kind, (event) => event.kind === kind);
  }

  async login(): Promise<readonly RosterItem[]> {
    this.client.connect();
    await this.happens('started');
    const { items } = await this.client.getRoster();
    this.client.sendPresence();
    await this.presence(this.jid);
    return items;
  }

  async logout(): Promise<void> {
    this.client.disconnect();
    await this.happens('disconnected');
  }

  say(to: string, body: string): string {
    return this.client.sendMessage({ to, type: 'chat', body });
  }

  async hear(body: string, from: string): Promise<ReceivedMessage> {
    const holds = (event: Event): boolean =>
      event.kind === 'message' && event.message.body === body && event.message.from === from;
    const event = await this.events.take(`message "${body}" from ${from}`, holds);
    assert(event.kind === 'message');
    return event.message;
  }

  async presence(from: string, type?: ReceivedPresence['type']): Promise<ReceivedPresence> {
    const holds = (event: Event): boolean =>
      event.kind === 'presence' && event.presence.from === from && event.presence.type === type;
    const event = await this.events.take(`presence ${type ?? 'available'} from ${from}`, holds);
    assert(event.kind === 'presence');
    return event.presence;
  }

  /** A change that the server tells about this contact. */
  async rosterPush(jid: string, matches: (item: RosterItem) => boolean): Promise<void> {
    await this.events.take(
      `roster push for ${jid}`,
      (event) => event.kind === 'roster' && event.item.jid === jid && matches(event.item),
    );
  }

  async roster(): Promise<readonly RosterItem[]> {
    // Without the version it has, so that the server sends it again.
    this.client.updateConfig({ rosterVer: '' });
    return (await this.client.getRoster()).items;
  }
}
