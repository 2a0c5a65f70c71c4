import type { Accounts } from '#src/accounts/accounts.ts';
import { originOf, parseIp } from '#src/address/ip.ts';
import { registrationSection } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import { refuse, type Refusal } from '#src/stanza/conditions.ts';
import type { Frame } from '#src/stanza/frame.ts';
import { escapeText } from '#src/stanza/serialise.ts';
import { Stanza } from '#src/stanza/stanza.ts';
import type { Store } from '#src/store/store.ts';
import { type DataForm, readForm, valueOf, writeForm } from '../data-form.ts';
import type { ClientStream } from '../links/client-stream.ts';
import type { XmppHost } from '../server.ts';
import { AUTHENTICATED, qualified, type StreamFeature } from './feature.ts';
import { NS } from './namespaces.ts';

export const REGISTER = 'jabber:iq:register';

/** Requests about registration on one stream before it authenticates (XEP-0077 section 3.1.1). */
const REQUESTS = 10;
/** Origins whose last registration is remembered. */
const ORIGINS = 10_000;

export interface RegistrationParts {
  readonly accounts: Accounts;
  readonly settings: () => Settings;
  readonly store: Store;
}

/** What a request carries: from the data form if there is one (XEP-0077 section 6), else from the plain elements. */
export function submitted(request: Stanza): {
  readonly username: string | undefined;
  readonly password: string | undefined;
} {
  const query = request.child('query', REGISTER);
  const form = query === undefined ? undefined : readForm(query);
  if (form !== undefined) return { username: valueOf(form, 'username'), password: valueOf(form, 'password') };
  return {
    username: query?.getChildText('username', REGISTER) ?? undefined,
    password: query?.getChildText('password', REGISTER) ?? undefined,
  };
}

/** Making an account before authentication (XEP-0077 section 3.1.1), where the operator allows it: off by default. */
export class Registration implements StreamFeature {
  readonly name = 'register';
  readonly requires = 0;
  readonly forbids = AUTHENTICATED;
  /** Before authentication this is the only stanza that is answered. */
  readonly elements = [qualified(NS.client, 'iq')];
  readonly #host: XmppHost;
  readonly #parts: RegistrationParts;
  readonly #requests = new WeakMap<ClientStream, number>();
  /** When somebody registered from an origin, milliseconds since the epoch; oldest first. */
  readonly #latest = new Map<string, number>();

  constructor(host: XmppHost, parts: RegistrationParts) {
    this.#host = host;
    this.#parts = parts;
  }

  offer(stream: ClientStream): string | undefined {
    if (!stream.secureEnough || this.#refusal(stream) !== undefined) return undefined;
    return "<register xmlns='http://jabber.org/features/iq-register'/>";
  }

  handle(stream: ClientStream, frame: Frame): void {
    const request = this.#requestOf(frame);
    const query = request.isRequest && request.id !== undefined ? request.child('query', REGISTER) : undefined;
    // RFC 6120 section 4.9.3.12: anything else is data before authentication.
    if (query === undefined) return stream.fail('not-authorized');
    if (!stream.secureEnough) return stream.fail('policy-violation', 'use TLS first');
    const requests = (this.#requests.get(stream) ?? 0) + 1;
    this.#requests.set(stream, requests);
    // Section 3.1.1: too many attempts before authenticating.
    if (requests > REQUESTS) return stream.fail('policy-violation', 'too many requests before authentication');
    const refusal = this.#refusal(stream);
    if (refusal !== undefined) return stream.transport.writeStanza(request.error(refusal));
    if (request.type === 'get') return stream.transport.writeStanza(request.result(this.#form()));
    void this.#answer(stream, request);
  }

  /** Nothing more is read until the account is made and kept. */
  async #answer(stream: ClientStream, request: Stanza): Promise<void> {
    stream.hold();
    const answer = await this.#register(stream, request);
    if (!stream.ended) stream.transport.writeStanza(answer);
    stream.release();
  }

  #requestOf({ attributes, content, declarations }: Frame): Stanza {
    const { jid } = this.#host.host;
    return new Stanza(
      'iq',
      jid,
      undefined,
      attributes.get('id'),
      attributes.get('type'),
      undefined,
      content,
      declarations,
    );
  }

  /** Why nobody registers on this stream, if so: service-unavailable when registration is off, forbidden by the access rule. */
  #refusal(stream: ClientStream): Refusal | undefined {
    const { domain } = this.#host.host;
    const { access, enabled } = this.#parts.settings().of(registrationSection, domain);
    if (!enabled || !this.#parts.accounts.supports(domain).write) return refuse('service-unavailable');
    const address = parseIp(stream.transport.ip);
    const allowed = this.#host.server.access(domain).allows(access, address === undefined ? {} : { address });
    return allowed ? undefined : refuse('forbidden');
  }

  #form(): string {
    const { instructions } = this.#parts.settings().of(registrationSection, this.#host.host.domain);
    const form: DataForm = {
      type: 'form',
      formType: REGISTER,
      title: this.#host.host.domain,
      instructions,
      fields: [
        { name: 'username', type: 'text-single', label: 'User name', required: true, values: [] },
        { name: 'password', type: 'text-private', label: 'Password', required: true, values: [] },
      ],
    };
    const plain = `<instructions>${escapeText(instructions)}</instructions><username/><password/>`;
    return `<query xmlns='${REGISTER}'>${plain}${writeForm(form)}</query>`;
  }

  async #register(stream: ClientStream, request: Stanza): Promise<Stanza> {
    const { domain } = this.#host.host;
    const { password = '', username = '' } = submitted(request);
    // Section 3.1: whatever is missing or empty.
    if (username === '' || password === '')
      return request.error(refuse('not-acceptable', 'a user name and a password are needed'));
    const origin = originOfStream(stream);
    const before = this.#latest.get(origin);
    const limited = this.#limited(origin);
    if (limited !== undefined) return request.error(limited);
    // Taken before anything waits, so that two requests at once do not both pass.
    this.#note(origin, Date.now());
    try {
      const change = await this.#parts.accounts.create(domain, username, password);
      if (change.ok) {
        await this.#parts.store.durable(change.ticket);
        this.#host.server.log.info('account registered', { host: domain, username, ip: stream.transport.ip });
        return request.result();
      }
      this.#note(origin, before);
      return request.error(change.refusal);
    } catch (error) {
      this.#note(origin, before);
      this.#host.router.fault(error, request);
      return request.error(refuse('internal-server-error'));
    }
  }

  #limited(origin: string): Refusal | undefined {
    const { interval } = this.#parts.settings().of(registrationSection, this.#host.host.domain);
    const latest = this.#latest.get(origin);
    if (latest === undefined || Date.now() - latest >= interval) return undefined;
    return refuse('resource-constraint', 'somebody has registered from there a moment ago');
  }

  #note(origin: string, at: number | undefined): void {
    this.#latest.delete(origin);
    if (at === undefined) return;
    this.#latest.set(origin, at);
    if (this.#latest.size > ORIGINS) for (const oldest of this.#latest.keys()) return void this.#latest.delete(oldest);
  }
}

/** An IPv4 address, or the /64 of an IPv6 one, which is one subscriber's. */
function originOfStream({ transport }: ClientStream): string {
  const address = parseIp(transport.ip);
  return address === undefined ? transport.ip : originOf(address);
}
