/** One server with people on XMPP, things on MQTT and phones on SIP: what one side says the others hear. */
import { connect } from 'node:net';
import type { Element } from 'ltx';
import type { IPublishPacket } from 'mqtt-packet';
import type { SubscriptionState } from '#src/im/subscription.ts';
import { type ConnectOptions, connectPacket, MqttTestClient } from '#test/helpers/mqtt.ts';
import { type Phone, type PhoneOptions, SipTestServer } from '#test/helpers/sip.ts';
import { jid } from '#test/helpers/xml.ts';
import { ScriptClient } from '#test/scripts/client.ts';

const LISTENERS = `  - { name: c2s, kind: c2s, address: 127.0.0.1, port: 0, tls: direct }
  - { name: mqtt, kind: mqtt, address: 127.0.0.1, port: 0, tls: 'off' }
`;

export class BridgeStage implements AsyncDisposable {
  readonly sip: SipTestServer;

  private constructor(sip: SipTestServer) {
    this.sip = sip;
  }

  static async open(accounts: readonly string[], settings = ''): Promise<BridgeStage> {
    const stage = new BridgeStage(await SipTestServer.start(settings, LISTENERS));
    await stage.sip.register(...accounts.map((account) => `${account}@localhost`));
    return stage;
  }

  restart(): Promise<void> {
    return this.sip.restart();
  }

  /** A contact of an account, in any state of subscription. */
  relate(one: string, other: string, state: SubscriptionState = 'both'): void {
    const item = { jid: `${other}@localhost`, groups: [], state, listed: true };
    this.sip.server.im.roster.put(jid(`${one}@localhost`), item);
  }

  befriend(one: string, other: string): void {
    this.relate(one, other);
    this.relate(other, one);
  }

  /** A person's client, available, with an empty hand. */
  async person(account: string, resource = 'phone', presence = '<presence/>'): Promise<Person> {
    const client = await ScriptClient.dial(account, { port: this.sip.port('c2s'), direct: true });
    await client.authenticate(account, 'secret');
    await client.bind(resource);
    client.send(`<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>${presence}`);
    await client.settle();
    client.received.length = 0;
    return new Person(client);
  }

  /** A thing's client. */
  async thing(account: string, clientId: string, options: ConnectOptions = {}): Promise<Thing> {
    const socket = connect({ host: '127.0.0.1', port: this.sip.port('mqtt') });
    const client = new MqttTestClient(socket, 5);
    client.send(connectPacket({ username: account, password: Buffer.from('secret'), clientId, ...options }));
    const { reasonCode } = await client.expect('connack');
    if (reasonCode !== 0) throw new Error(`${clientId} was refused: ${reasonCode}`);
    return new Thing(client);
  }

  /** A phone that is registered. */
  phone(account: string, options: PhoneOptions = {}): Promise<Phone> {
    return this.sip.registered(`${account}@localhost`, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sip[Symbol.asyncDispose]();
  }
}

export class Person {
  readonly client: ScriptClient;

  constructor(client: ScriptClient) {
    this.client = client;
  }

  say(xml: string): void {
    this.client.send(xml);
  }

  /** A chat message. */
  chat(to: string, body: string, id = 'c1'): void {
    this.say(`<message to='${to}' id='${id}' type='chat'><body>${body}</body></message>`);
  }

  /** The next stanza of a name. */
  async next(name = 'message'): Promise<Element> {
    for (;;) {
      const element = await this.client.next();
      if (element.getName() === name) return element;
    }
  }

  async quiet(): Promise<readonly string[]> {
    await this.client.settle();
    return this.client.received.splice(0).map(String);
  }

  leave(): void {
    this.client.break();
  }
}

/** What came on a topic. */
export interface Heard {
  readonly topic: string;
  readonly text: string;
  readonly packet: IPublishPacket;
}

export class Thing {
  readonly client: MqttTestClient;
  readonly #early: IPublishPacket[] = [];

  constructor(client: MqttTestClient) {
    this.client = client;
  }

  /** @returns the reasons of SUBACK; what comes before it is heard later (MQTT 5 section 3.8.4) */
  async listen(...topics: readonly string[]): Promise<readonly number[]> {
    const subscriptions = topics.map((topic) => ({ topic, qos: 1 as const }));
    this.client.send({ cmd: 'subscribe', messageId: 1, subscriptions });
    for (;;) {
      const packet = await this.client.next();
      if (packet.cmd === 'suback') return packet.granted as readonly number[];
      if (packet.cmd === 'publish') this.#early.push(packet);
    }
  }

  /** The next publication; acknowledged. */
  async hear(): Promise<Heard> {
    const packet = this.#early.shift() ?? (await this.client.expect('publish'));
    if (packet.qos === 1) this.client.send({ cmd: 'puback', messageId: packet.messageId ?? 0, reasonCode: 0 });
    return { topic: packet.topic, text: String(packet.payload), packet };
  }

  async hearJson(): Promise<Readonly<Record<string, unknown>>> {
    const { text, topic } = await this.hear();
    return { topic, ...(JSON.parse(text) as Record<string, unknown>) };
  }

  /** @returns the reason of PUBACK */
  say(topic: string, payload: string, properties: object = {}): Promise<number | undefined> {
    return this.client.publish(topic, payload, { qos: 1, properties });
  }

  /** Nothing came. */
  async quiet(): Promise<readonly string[]> {
    await this.client.ping();
    return this.client.received.splice(0).map((packet) => JSON.stringify(packet));
  }
}
