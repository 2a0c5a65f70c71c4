/** A phone that watches presence: SUBSCRIBE, and the NOTIFY requests of its subscriptions. */
import { sipUriFromJid } from '#src/address/uri.ts';
import { Jid } from '#src/address/jid.ts';
import type { FieldList, SipRequest, SipResponse } from '#protocols/sip/message/message.ts';
import { parseSubscriptionState, type SubscriptionState } from '#protocols/sip/message/subscription-state.ts';
import type { Phone } from '#test/helpers/sip.ts';

export interface SubscribeOptions {
  readonly event?: string;
  /** Seconds; undefined leaves Expires out. */
  readonly expires?: number | undefined;
  readonly fields?: FieldList;
}

/** What a NOTIFY tells. */
export interface Notification {
  readonly request: SipRequest;
  readonly state: SubscriptionState;
  readonly body: string;
}

let serial = 0;

/** One subscription as its phone sees it. */
export class Watcher {
  readonly phone: Phone;
  readonly to: string;
  readonly #callId: string;
  readonly #event: string;
  /** The final response to the last SUBSCRIBE. */
  response: SipResponse | undefined;
  #to: string;
  #uri: string;

  private constructor(phone: Phone, to: string, event: string) {
    this.phone = phone;
    this.to = to;
    this.#event = event;
    this.#callId = `subscription-${(serial += 1)}-${phone.port}`;
    const jid = Jid.parse(to);
    this.#to = jid === undefined ? `sip:${to}` : sipUriFromJid(jid);
    this.#uri = this.#to;
  }

  static async begin(phone: Phone, to: string, options: SubscribeOptions = {}): Promise<Watcher> {
    const watcher = new Watcher(phone, to, options.event ?? 'presence');
    await watcher.subscribe(options);
    return watcher;
  }

  get status(): number {
    return this.response?.status ?? 0;
  }

  /** Subscribes, or refreshes. */
  async subscribe({ expires = 600, fields = [] }: Omit<SubscribeOptions, 'event'> = {}): Promise<number> {
    this.#uri = this.response?.contacts?.[0]?.uri ?? this.#uri;
    const request = this.phone.request('SUBSCRIBE', {
      to: this.#to.includes('<') ? this.#to : `<${this.#to}>`,
      callId: this.#callId,
      uri: this.#uri,
      fields: [
        ['Event', this.#event],
        ['Contact', `<${this.phone.contact}>`],
        ...(expires < 0 ? [] : [['Expires', expires] as const]),
        ...fields,
      ],
    });
    this.response = await this.phone.prove(request);
    if (this.response.status === 200) this.#to = this.response.get('To') ?? this.#to;
    return this.response.status;
  }

  /** The next NOTIFY, which is answered. */
  async notified(status = 200): Promise<Notification> {
    const request = (await this.phone.next(
      (one) => one.kind === 'request' && one.method === 'NOTIFY' && one.callId === this.#callId,
      `NOTIFY about ${this.to}`,
    )) as SipRequest;
    this.phone.answer(request, status);
    const state = parseSubscriptionState(request.get('Subscription-State') ?? '');
    if (state === undefined) throw new Error(`no state in ${request.toBytes().toString()}`);
    return { request, state, body: request.body.toString() };
  }

  /** State and basic statuses of the next NOTIFY: `active open`, `terminated/rejected closed`. */
  async told(): Promise<string> {
    const { body, state } = await this.notified();
    const basics = [...body.matchAll(/<basic>(\w+)<\/basic>/g)].map(([, basic]) => basic);
    const reason = state.reason === undefined ? '' : `/${state.reason}`;
    return [`${state.state}${reason}`, ...basics].join(' ');
  }
}
