import { SmClient } from '../sm-client.ts';
import { childOf } from '../stream-reader.ts';
import { MqttClient } from '../mqtt-client.ts';
import type { End, EndOptions, Kind } from './end.ts';
import { SipEnd } from './sip-end.ts';

/** XMPP: with stream management (XEP-0198) where the session is to be durable. */
class XmppEnd implements End {
  readonly kind = 'xmpp';
  readonly #client: SmClient;
  /** In the order of sending: acknowledged in that order. */
  readonly #pending: (() => void)[] = [];
  #acknowledged = 0;
  #serial = 0;

  constructor({ domain, durable, onText, password, ports, user }: EndOptions) {
    this.#client = new SmClient({
      port: ports.xmpp,
      domain,
      user,
      password,
      resource: 'end',
      managed: durable,
      acknowledgeEvery: 20,
      onStanza: (node) => {
        const body = node.name === 'message' ? childOf(node, 'body') : undefined;
        if (body !== undefined && node.attributes.get('type') !== 'error') onText(body.text);
      },
    });
  }

  get waiting(): number {
    return this.#pending.length;
  }

  async connect(): Promise<void> {
    await this.#client.connect();
  }

  send(to: string, text: string, accepted: () => void): void {
    this.#serial += 1;
    this.#client.send(`<message to='${to}' type='chat' id='e${this.#serial}'><body>${text}</body></message>`);
    if (this.#client.options.managed) this.#pending.push(accepted);
    else accepted();
  }

  ask(): void {
    this.#client.ask();
    // The first stanza of the session was its presence.
    const done = this.#client.acknowledged - 1 - this.#acknowledged;
    for (const accepted of this.#pending.splice(0, Math.max(0, done))) {
      this.#acknowledged += 1;
      accepted();
    }
  }

  drop(): void {
    this.#client.drop();
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

/** MQTT 5: publishes at QoS 2 and subscribes at QoS 2 where the session is durable, else at QoS 1. */
class MqttEnd implements End {
  readonly kind = 'mqtt';
  readonly #client: MqttClient;
  readonly #qos: 1 | 2;
  readonly #later: (() => void)[] = [];

  constructor({ domain, durable, onText, password, ports, user }: EndOptions) {
    this.#qos = durable ? 2 : 1;
    this.#client = new MqttClient({
      port: ports.mqtt,
      clientId: 'end',
      username: `${user}@${domain}`,
      password,
      version: 5,
      durable,
      window: 100,
      onMessage: ({ payload }) => {
        const { body, type } = JSON.parse(payload.toString('utf8')) as {
          readonly body?: string;
          readonly type: string;
        };
        if (body !== undefined && type !== 'error') onText(body);
      },
    });
  }

  get waiting(): number {
    return this.#client.unacknowledged + this.#later.length;
  }

  async connect(): Promise<void> {
    if (!(await this.#client.connect())) await this.#client.subscribe('xmpp/inbox', this.#qos);
    for (const send of this.#later.splice(0)) send();
  }

  send(to: string, text: string, accepted: () => void): void {
    const publish = (): void => {
      this.#client.publish(`xmpp/send/${to}`, text, this.#qos, false, (reason) => {
        if (reason >= 0x80) throw new Error(`PUBACK with reason ${reason}`);
        accepted();
      });
    };
    if (this.#client.up) publish();
    else this.#later.push(publish);
  }

  ask(): void {}

  drop(): void {
    this.#client.drop();
  }

  async close(): Promise<void> {
    await this.#client.close();
  }
}

export function makeEnd(kind: Kind, options: EndOptions): End {
  if (kind === 'xmpp') return new XmppEnd(options);
  return kind === 'mqtt' ? new MqttEnd(options) : new SipEnd(options);
}
