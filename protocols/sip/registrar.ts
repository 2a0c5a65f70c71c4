import { randomUUID } from 'node:crypto';
import type { Jid } from '#src/address/jid.ts';
import type { Registry } from '#src/session/registry.ts';
import type { Store } from '#src/store/store.ts';
import type { Addresses } from './addresses.ts';
import type { Binding, BindingFlow } from './binding.ts';
import type { Bindings } from './bindings.ts';
import { SipResponse, type SipRequest } from './message/message.ts';
import { SipUri } from './message/uri.ts';
import { contactOf, type ReadRegister, readRegister } from './register-request.ts';
import { type Denied, register } from './registration.ts';
import type { Incoming } from './incoming.ts';
import type { SipHostOptions } from './settings.ts';
import type { SipSessions } from './sessions.ts';
import type { Flow } from './transport/flow.ts';

export interface RegistrarParts {
  readonly addresses: Addresses;
  readonly bindings: Bindings;
  readonly sessions: SipSessions;
  readonly registry: Registry;
  readonly store: Store;
  options(host: string): SipHostOptions;
  /** Sessions that an account may have. */
  sessionLimit(account: Jid): number;
  /** URI of this server as peers of a flow reach it. */
  ownUri(flow: Flow): SipUri;
  /** Bindings were made over a flow. */
  carried(account: Jid, bindings: readonly Binding[], flow: Flow): void;
}

/** Option tags that a REGISTER may require (RFC 3261 section 8.2.2.3). */
const UNDERSTOOD: ReadonlySet<string> = new Set(['path', 'outbound', 'gruu']);
const SUPPORTED = [...UNDERSTOOD].join(', ');

/** Seconds after which a client may try again (RFC 3261 section 21.5.4). */
const BUSY: Denied = { status: 503, reason: 'Service Unavailable', fields: [['Retry-After', '5']] };

/** RFC 3261 section 10.3, with RFC 3327 (Path), 3608 (Service-Route), 5626 (outbound) and 5627 (GRUU). */
export class Registrar {
  readonly #parts: RegistrarParts;
  #date = { second: 0, text: '' };
  /** Plain numbers: read by the metrics. */
  readonly counters = { accepted: 0, denied: 0 };

  constructor(parts: RegistrarParts) {
    this.#parts = parts;
  }

  /** Steps 2 and 5 as far as they need no proof: the account whose bindings are meant, or why not. */
  addressee(request: SipRequest, domain: string): Jid | Denied {
    // "the registrar MUST process the Require header field values as described for UASs in Section 8.2.2"
    const unknown = request.tokens('Require').filter((tag) => !UNDERSTOOD.has(tag));
    if (unknown.length > 0)
      return { status: 420, reason: 'Bad Extension', fields: [['Unsupported', unknown.join(', ')]] };
    const to = request.to?.sipUri;
    const found = to === undefined ? undefined : this.#parts.addresses.resolve(to);
    // "If the address-of-record is not valid for the domain in the Request-URI, the registrar MUST send a 404 (Not Found) response"
    if (found === undefined || found === 'malformed' || found.kind !== 'account' || found.jid.domain !== domain) {
      return { status: 404, reason: 'Not Found', fields: [] };
    }
    return found.jid.asBare();
  }

  /** Steps 6 to 8, for a client that has proved to be the account. */
  handle(tx: Incoming, account: Jid): void {
    const { flow, request } = tx;
    const read = readRegister(request, bindingFlow(flow));
    if ('denied' in read) return this.#deny(tx, read.denied);
    const loop = this.#loops(account, read);
    if (loop !== undefined) return this.#deny(tx, loop);
    // The disk is behind: what is not taken now needs not be kept.
    if (this.#parts.store.pressure) return this.#deny(tx, BUSY);
    const { contacts } = read.asked;
    if (contacts !== '*' && contacts.length === 0) return this.#answer(tx, account, read);
    const denial = this.#register(tx, account, read);
    if (denial !== undefined) return this.#deny(tx, denial);
    flow.authenticated();
    this.#answer(tx, account, read);
  }

  #register({ flow }: Incoming, account: Jid, { asked }: ReadRegister): Denied | undefined {
    const { bindings, sessions } = this.#parts;
    const current = bindings.of(account.bare);
    const done = register(current, asked, {
      now: Date.now(),
      limits: this.#parts.options(account.domain).limits,
      same: sameUri,
      resource: (device) => sessions.resource(account, current, device),
      // 48 random bits, of a supply that Node keeps.
      gruu: () => randomUUID().replace('-', '').slice(0, 12),
    });
    if ('denied' in done) return done.denied;
    if (this.#tooMany(account, current, done.bindings)) return { status: 403, reason: 'Too Many Devices', fields: [] };
    const fresh = done.bindings.filter((binding) => !current.includes(binding));
    if (asked.flow !== undefined) this.#parts.carried(account, fresh, flow);
    bindings.put(account, done.bindings);
    return undefined;
  }

  /** New devices beyond what the rule max_sessions gives the account. */
  #tooMany(account: Jid, before: readonly Binding[], after: readonly Binding[]): boolean {
    if (after.every(({ resource }) => before.some((one) => one.resource === resource))) return false;
    const known = new Set(before.map(({ resource }) => resource));
    const added = new Set(after.map(({ resource }) => resource).filter((resource) => !known.has(resource)));
    if (added.size === 0) return false;
    const devices = this.#parts.registry.of(account.bare).filter(({ protocol }) => protocol === 'sip');
    return devices.length + added.size > this.#parts.sessionLimit(account);
  }

  /**
   * RFC 5627 section 5.1: "If the contact URI is equivalent … to the AOR, the registrar MUST reject the request with a 403, since this would
   * cause a routing loop", a GRUU of the AOR and "not a SIP URI" likewise.
   */
  #loops(account: Jid, { asked }: ReadRegister): Denied | undefined {
    if (asked.contacts === '*') return undefined;
    for (const { uri } of asked.contacts) {
      const parsed = SipUri.parse(uri);
      const found = parsed === undefined ? undefined : this.#parts.addresses.resolve(parsed);
      const own = typeof found === 'object' && found.kind !== 'host' && found.jid.bare === account.bare;
      if (parsed === undefined || own) return { status: 403, reason: 'Forbidden Contact', fields: [] };
    }
    return undefined;
  }

  /** Step 8, once what it says is on the disk. */
  #answer(tx: Incoming, account: Jid, read: ReadRegister): void {
    const durable = this.#parts.store.barrier();
    if (durable === undefined) return this.#accept(tx, account, read);
    durable.then(
      () => this.#accept(tx, account, read),
      // "if the back-end database commit failed, the request MUST fail with a 500 (Server Error) response"
      () => tx.respond(SipResponse.to(tx.request, 500, { reason: 'Not Stored' })),
    );
  }

  #accept(tx: Incoming, account: Jid, { outbound }: ReadRegister): void {
    const { flow, request } = tx;
    const now = Date.now();
    const knowsGruu = request.tokens('Supported').includes('gruu');
    const { flowTimer, serviceRoute } = this.#parts.options(account.domain);
    const fields: (readonly [string, string])[] = this.#parts.bindings
      .of(account.bare)
      .map((binding) => ['Contact', contactOf(binding, now, knowsGruu ? this.#gruus(account, binding) : [])]);
    fields.push(['Date', this.#dateOf(now)], ['Supported', SUPPORTED]);
    for (const path of request.all('Path')) fields.push(['Path', path]);
    if (serviceRoute) fields.push(['Service-Route', `<${String(this.#parts.ownUri(flow))}>`]);
    if (outbound) {
      fields.push(['Require', 'outbound']);
      if (flowTimer > 0) {
        fields.push(['Flow-Timer', String(flowTimer)]);
        flow.keptAlive(flowTimer);
      }
    }
    this.counters.accepted += 1;
    tx.respond(SipResponse.to(request, 200, { fields }));
  }

  /** SIP-date, written anew every second. */
  #dateOf(now: number): string {
    const second = Math.floor(now / 1000);
    if (second !== this.#date.second) this.#date = { second, text: new Date(now).toUTCString() };
    return this.#date.text;
  }

  #gruus(account: Jid, { gruu, instance, resource }: Binding): readonly (readonly [string, string])[] {
    const jid = instance === undefined ? undefined : account.withResource(resource);
    if (jid === undefined) return [];
    const { addresses } = this.#parts;
    return [
      ['pub-gruu', addresses.uri(jid)],
      ['temp-gruu', addresses.temporary(jid, gruu)],
    ];
  }

  #deny(tx: Incoming, { fields, reason, status }: Denied): void {
    this.counters.denied += 1;
    tx.respond(SipResponse.to(tx.request, status, { reason, fields }));
  }
}

function bindingFlow({ listener, remoteAddress, remotePort, transport }: Flow): BindingFlow {
  return { transport, address: remoteAddress, port: remotePort, listener };
}

/** RFC 3261 section 19.1.4. */
function sameUri(one: string, other: string): boolean {
  if (one === other) return true;
  const [first, second] = [SipUri.parse(one), SipUri.parse(other)];
  return first !== undefined && second !== undefined && first.equals(second);
}
