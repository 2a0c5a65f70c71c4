import { randomBytes } from 'node:crypto';
import { inBlock, parseBlock, parseIp } from '#src/address/ip.ts';
import type { Timed, Timers } from '#src/net/timers.ts';
import { contactExpires } from '../message/contact.ts';
import { SipRequest, type SipResponse } from '../message/message.ts';
import { SipUri } from '../message/uri.ts';
import type { ForwardTarget } from '../proxy/target.ts';
import type { TrunkSettings } from '../settings.ts';
import type { ClientHandler } from '../transaction/client.ts';
import { answerChallenge } from './digest-client.ts';

export interface TrunkParts {
  readonly timers: Timers;
  /** Sends a request to where a URI leads (RFC 3263). */
  send(request: SipRequest, uri: SipUri, handler: ClientHandler): void;
  /** IP addresses that a URI leads to. */
  locate(uri: SipUri): Promise<readonly { readonly address: string }[]>;
  /** The URI at which the trunk reaches this server, with this user part. */
  contact(user: string, transport: 'udp' | 'tcp' | 'tls'): SipUri;
  log(text: string, fields: Readonly<Record<string, unknown>>): void;
}

export type TrunkState = 'unregistered' | 'registering' | 'registered' | 'failed';

/** Milliseconds until the first attempt: the listeners open meanwhile. */
const START = 500;
/** Milliseconds between attempts that fail: doubled up to the longest (as RFC 5626 section 4.5 does with flows). */
const SHORTEST_WAIT = 30_000;
const LONGEST_WAIT = 1_800_000;
/** Milliseconds after which the name of a trunk is looked up again. */
const FRESH = 60_000;
const PRESET_EXPIRES = 3_600_000;
/** A refresh comes this much of the time after the registration. */
const REFRESH = 0.8;
/** Milliseconds; whatever is granted, a provider that has forgotten is told again within a day. */
const LONGEST_REFRESH = 86_400_000;
/** Challenges answered for one registration: one for credentials, one for a stale nonce. */
const CHALLENGES = 2;

/** A provider of numbers, and our registration there (RFC 3261 section 10.2). */
export class Trunk implements Timed {
  readonly settings: TrunkSettings;
  state: TrunkState = 'unregistered';
  /** The last final status of a REGISTER; 0 when none came. */
  status = 0;
  /** Milliseconds since 1970, while registered. */
  expires = 0;
  /** Plain numbers. */
  readonly counters = { calls: 0, registrations: 0, failures: 0 };
  readonly #parts: TrunkParts;
  readonly #callId = randomBytes(12).toString('hex');
  readonly #blocks;
  /** What the name of the trunk stands for, and when it was asked. */
  #addresses: ReadonlySet<string> = new Set();
  #lookedUp = Number.NEGATIVE_INFINITY;
  #cseq = 0;
  #wait = SHORTEST_WAIT;
  #minimum = 0;
  #stopped = false;

  constructor(settings: TrunkSettings, parts: TrunkParts) {
    this.settings = settings;
    this.#parts = parts;
    this.#blocks = [...(settings.addresses ?? []), settings.host].flatMap((text) => parseBlock(text) ?? []);
  }

  get name(): string {
    return this.settings.name;
  }

  /** Where its requests go. */
  get uri(): SipUri {
    const { host, port, transport } = this.settings;
    return SipUri.make({ host, port, params: transport === undefined ? {} : { transport } });
  }

  /** The domain of its users and numbers. */
  get domain(): string {
    return this.settings.domain ?? this.settings.host;
  }

  /** RFC 3325: it is told who calls, and believed what it tells. */
  get asserts(): boolean {
    return this.settings.asserted !== false;
  }

  /**
   * Where a call to a number goes.
   * @param caller its number; '' for one that has none, undefined for one that is not told
   */
  target(number: string, caller?: string): ForwardTarget {
    const { authorize } = this;
    const from = caller === undefined ? undefined : this.#from(caller);
    const target = {
      uri: this.uri.with({ user: number }).toString(),
      asserts: this.asserts,
      ...(from === undefined ? {} : { from: SipUri.make({ host: this.domain, user: from }).toString() }),
    };
    return authorize === undefined ? target : { ...target, authorize };
  }

  /** Answers its challenges, where it gave us an account. */
  get authorize(): ForwardTarget['authorize'] {
    const { password, user } = this.settings;
    if (user === undefined || password === undefined) return undefined;
    return (request, challenged) => answerChallenge(request, challenged, { username: user, password });
  }

  /** Is a host, or an address, its own? What may send in its name beside that may not have its credentials. */
  isAt(host: string): boolean {
    return host === this.settings.host.toLowerCase() || this.#addresses.has(host);
  }

  /** The user part of what it is told of the caller in From; undefined for what the phone wrote. */
  #from(caller: string): string | undefined {
    const { from = 'phone', user } = this.settings;
    if (from === 'phone') return undefined;
    return from === 'number' && caller !== '' ? caller : user;
  }

  /** Do requests from this address come from it? By the settings, or because its name stands for that address. */
  owns(ip: string): boolean {
    if (performance.now() - this.#lookedUp > FRESH) void this.#lookUp();
    if (this.#addresses.has(ip)) return true;
    const address = parseIp(ip);
    return address !== undefined && this.#blocks.some((block) => inBlock(address, block));
  }

  async #lookUp(): Promise<void> {
    this.#lookedUp = performance.now();
    const found = await this.#parts.locate(this.uri);
    // A resolver that does not answer takes nothing away.
    if (found.length > 0) this.#addresses = new Set(found.map(({ address }) => address));
  }

  /** Begins to register, where the settings say so. */
  start(): void {
    void this.#lookUp();
    if (this.settings.register !== true || this.settings.user === undefined) return;
    this.state = 'registering';
    this.#parts.timers.add(this, START);
  }

  /** Takes the registration back, without waiting for the answer. */
  stop(): void {
    this.#stopped = true;
    this.#parts.timers.remove(this);
    if (this.state === 'registered') this.#send(this.#request(0), CHALLENGES);
  }

  onTimeout(): void {
    this.state = 'registering';
    this.#send(this.#request(Math.max(this.settings.expires ?? PRESET_EXPIRES, this.#minimum)), CHALLENGES);
  }

  #request(expires: number): SipRequest {
    const user = this.settings.user ?? '';
    const own = String(SipUri.make({ host: this.domain, user }));
    const contact = String(this.#parts.contact(user, this.settings.transport ?? 'udp'));
    this.#cseq += 1;
    return SipRequest.make('REGISTER', SipUri.make({ host: this.domain }), [
      ['Max-Forwards', '70'],
      ['From', `<${own}>;tag=${randomBytes(8).toString('hex')}`],
      ['To', `<${own}>`],
      ['Call-ID', this.#callId],
      ['CSeq', `${this.#cseq} REGISTER`],
      ['Contact', `<${contact}>`],
      ['Expires', String(Math.floor(expires / 1000))],
    ]);
  }

  #send(request: SipRequest, challenges: number): void {
    let done = false;
    const once = (act: () => void): void => {
      if (done) return;
      done = true;
      act();
    };
    this.#parts.send(request, this.uri, {
      onResponse: (response) => {
        if (response.status >= 200) once(() => this.#answered(request, response, challenges));
      },
      onTimeout: () => once(() => this.#failed(408)),
      onTransportError: () => once(() => this.#failed(503)),
    });
  }

  #answered(request: SipRequest, response: SipResponse, challenges: number): void {
    const { status } = response;
    if (status < 300) return this.#registered(request, response);
    const { password, user } = this.settings;
    if ((status === 401 || status === 407) && challenges > 0 && user !== undefined && password !== undefined) {
      const answer = answerChallenge(request, response, { username: user, password });
      this.#cseq += 1;
      // Section 22.2: "it MUST increment the CSeq header field value".
      if (answer !== undefined) {
        return this.#send(answer.edit().set('CSeq', `${this.#cseq} REGISTER`).done(), challenges - 1);
      }
    }
    if (status === 423 && this.#raised(response)) return this.onTimeout();
    this.#failed(status);
  }

  /** Section 10.2.8: "it MAY retry the registration after making the expiration interval … equal to or greater than" what Min-Expires says. */
  #raised(response: SipResponse): boolean {
    const minimum = Number(response.get('Min-Expires') ?? 0) * 1000;
    const asked = Math.max(this.settings.expires ?? PRESET_EXPIRES, this.#minimum);
    if (this.#stopped || !(minimum > asked)) return false;
    this.#minimum = minimum;
    return true;
  }

  #registered(request: SipRequest, response: SipResponse): void {
    if (this.#stopped) return;
    const own = SipUri.parse(/<([^>]*)>/.exec(request.get('Contact') ?? '')?.[1] ?? '');
    const { contacts = [] } = response;
    // What is behind a NAT may be written anew on the way, and is known when it is the only one.
    const granted =
      contacts.find(({ sipUri }) => own !== undefined && sipUri?.equals(own) === true) ??
      (contacts.length === 1 ? contacts[0] : undefined);
    const seconds = (granted && contactExpires(granted)) ?? response.expires ?? PRESET_EXPIRES / 1000;
    if (this.state !== 'registered') this.#parts.log('trunk registered', { trunk: this.name });
    this.state = 'registered';
    this.status = response.status;
    this.counters.registrations += 1;
    this.expires = Date.now() + seconds * 1000;
    this.#wait = SHORTEST_WAIT;
    this.#parts.timers.add(this, Math.min(Math.max(seconds * 1000 * REFRESH, 1000), LONGEST_REFRESH));
  }

  #failed(status: number): void {
    if (this.#stopped) return;
    this.#parts.log('trunk not registered', { trunk: this.name, status });
    this.state = 'failed';
    this.status = status;
    this.counters.failures += 1;
    this.#parts.timers.add(this, this.#wait);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
  }
}
