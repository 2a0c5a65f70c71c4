import { type Client, client, xml } from '@xmpp/client';
import type { Element } from 'ltx';
import { Events } from './checks.ts';
import { DOMAIN } from './server.ts';
import type { Account } from './transcript.ts';

export const NS = {
  blocking: 'urn:xmpp:blocking',
  carbons: 'urn:xmpp:carbons:2',
  delay: 'urn:xmpp:delay',
  disco: 'http://jabber.org/protocol/disco#info',
  forward: 'urn:xmpp:forward:0',
  ping: 'urn:xmpp:ping',
  private: 'jabber:iq:private',
  register: 'jabber:iq:register',
  roster: 'jabber:iq:roster',
  vcard: 'vcard-temp',
  version: 'jabber:iq:version',
} as const;

/** Somebody who is online, or was, with one client. */
export class Person {
  readonly account: Account;
  readonly client: Client;
  readonly stanzas = new Events<Element>();
  /** `online`, and errors in words. */
  readonly states = new Events<string>();

  constructor(who: Account, service: string, resource: string) {
    this.account = who;
    this.client = client({ service, domain: DOMAIN, resource, username: who.user, password: who.password });
    this.client.on('element', (element: Element) => this.stanzas.push(element));
    this.client.on('error', (error: Error) => this.states.push(String(error)));
    this.client.on('online', () => this.states.push('online'));
    // A lost connection comes back when the transcript says so.
    this.client.reconnect.stop();
  }

  get jid(): string {
    return String(this.client.jid);
  }

  start(): void {
    // What it returns is not to be waited for: it misses a stream header that comes before the callback of its own write.
    this.client.start().catch(() => undefined);
  }

  async login(): Promise<void> {
    this.start();
    await this.states.take('online', (state) => state === 'online');
    // It counts wrong when stanzas come between its <enable/> and the answer.
    if (!this.client.streamManagement.enabled) await this.stanzas.take('<enabled>', ({ name }) => name === 'enabled');
    await this.client.iqCaller.get(xml('ping', { xmlns: NS.ping }));
    await this.client.send(xml('presence'));
    await this.presence(this.jid);
  }

  async say(to: string, body: string): Promise<void> {
    await this.client.send(xml('message', { to, type: 'chat' }, xml('body', {}, body)));
  }

  async hear(body: string, from: string): Promise<Element> {
    const holds = (stanza: Element): boolean =>
      stanza.is('message') && stanza.getChildText('body') === body && (stanza.attrs['from'] as string) === from;
    return await this.stanzas.take(`message "${body}" from ${from}`, holds);
  }

  async show(...children: readonly Element[]): Promise<void> {
    await this.client.send(xml('presence', {}, ...children));
  }

  async presence(from: string, type?: string): Promise<Element> {
    const holds = (stanza: Element): boolean =>
      stanza.is('presence') && stanza.attrs['from'] === from && stanza.attrs['type'] === type;
    return await this.stanzas.take(`presence ${type ?? 'available'} from ${from}`, holds);
  }

  /** Asks for a subscription, or answers. */
  async subscription(type: string, to: string): Promise<void> {
    await this.client.send(xml('presence', { type, to }));
  }

  async setRoster(item: Element): Promise<void> {
    await this.client.iqCaller.set(xml('query', { xmlns: NS.roster }, item));
  }

  async roster(): Promise<readonly Element[]> {
    return (await this.client.iqCaller.get(xml('query', { xmlns: NS.roster })))?.getChildren('item') ?? [];
  }

  /** A change that the server tells about this contact. */
  async rosterPush(jid: string, matches: (item: Element) => boolean): Promise<void> {
    await this.stanzas.take(`roster push for ${jid}`, (stanza) => {
      const item = stanza.is('iq') ? stanza.getChild('query', NS.roster)?.getChild('item') : undefined;
      return stanza.attrs['type'] === 'set' && item?.attrs['jid'] === jid && matches(item);
    });
  }

  async logout(): Promise<void> {
    await this.client.stop();
  }
}
