/** XEP-0077: In-Band Registration, version 2.4, Final. Making accounts is in `stream/register.ts`; here are changing and ending one's own. */
import { z } from 'zod';
import type { Element } from 'ltx';
import type { Accounts } from '#src/accounts/accounts.ts';
import { defineModule } from '#src/plugin/contracts.ts';
import type { Host } from '#src/router/host.ts';
import type { IqAnswer, IqRequest } from '#src/router/iq.ts';
import { type Refusal, refuse } from '#src/stanza/conditions.ts';
import { escapeText } from '#src/stanza/serialise.ts';
import type { Registry } from '#src/session/registry.ts';
import type { Store } from '#src/store/store.ts';
import { ClientSession } from '../links/client-session.ts';
import { REGISTER, Registration, submitted } from '../stream/register.ts';

export const registration = defineModule({
  name: 'registration',
  description:
    'Lets users change their password and end their account, and strangers make one where the section registration allows it.',
  specs: [
    { document: 'XEP-0077', version: '2.4', title: 'In-Band Registration', status: 'complete' },
    {
      document: 'XEP-0004',
      version: '2.13.2',
      title: 'Data Forms',
      status: 'partial',
      note: 'FORM_TYPE, fields and values, as far as the server uses them',
    },
  ],
  settings: z.strictObject({
    change_password: z.boolean().prefault(true).describe('Users may change their password with their clients.'),
    remove: z.boolean().prefault(true).describe('Users may end their account with their clients.'),
  }),
  needs: ['accounts', 'registry', 'settings', 'store', 'streams'],
  start(scope, { accounts, registry, settings, store, streams }, options) {
    const { host } = scope;
    const own = streams(host);
    scope.feature('both', REGISTER);
    scope.own(own.features.add(new Registration(own, { accounts, settings, store })));
    const account = new OwnAccount(host, accounts, registry, store, options);
    for (const kind of ['host', 'account'] as const) {
      scope.iq(kind, 'get', REGISTER, 'query', (request) => account.judge(request) ?? account.describe(request));
      scope.iq(kind, 'set', REGISTER, 'query', (request) => account.judge(request) ?? account.change(request));
    }
  },
});

interface Options {
  readonly change_password: boolean;
  readonly remove: boolean;
}

/** What the owner of an account does with it. The host's own address stands for the account of whoever asks. */
class OwnAccount {
  readonly #host: Host;
  readonly #accounts: Accounts;
  readonly #registry: Registry;
  readonly #store: Store;
  readonly #options: Options;

  constructor(host: Host, accounts: Accounts, registry: Registry, store: Store, options: Options) {
    this.#host = host;
    this.#accounts = accounts;
    this.#registry = registry;
    this.#store = store;
    this.#options = options;
  }

  /** Who is no user of this host has no account to speak of. */
  judge({ from, own, payload, to }: IqRequest): Refusal | undefined {
    if (to.local !== '' && !own) return refuse('forbidden');
    if (from.domain === this.#host.domain && from.local !== '' && this.#accounts.exists(from.domain, from.local))
      return undefined;
    // Section 3.2: "The entity sending the remove request was not previously registered."
    return refuse(payload.getChild('remove', REGISTER) === undefined ? 'not-allowed' : 'registration-required');
  }

  /** Section 3.1: who is registered is told so. The password stays unsaid. */
  describe({ from, stanza }: IqRequest): IqAnswer {
    return stanza.result(
      `<query xmlns='${REGISTER}'><registered/><username>${escapeText(from.local)}</username><password/></query>`,
    );
  }

  change(request: IqRequest): IqAnswer | Promise<IqAnswer> {
    const { payload } = request;
    return payload.getChild('remove', REGISTER) === undefined
      ? this.#changePassword(request)
      : this.#remove(request, payload);
  }

  /** Section 3.3. */
  async #changePassword({ from, stanza }: IqRequest): Promise<IqAnswer> {
    if (!this.#options.change_password) return refuse('not-allowed', 'passwords are not changed here');
    const { password = '', username } = submitted(stanza);
    // "the server MUST NOT change the password to a null value".
    if (username === undefined || password === '')
      return refuse('bad-request', 'a user name and a password are needed');
    if (this.#accounts.canonical(username) !== from.local)
      return refuse('not-allowed', 'this is the name of somebody else');
    const session = this.#registry.find(from);
    if (session instanceof ClientSession && session.stream?.secureEnough === false)
      return refuse('not-authorized', 'use TLS');
    const change = await this.#accounts.setPassword(from.domain, from.local, password);
    if (!change.ok) return change.refusal;
    await this.#store.durable(change.ticket);
    return stanza.result();
  }

  /** Section 3.2: the account goes, then its sessions, the one that asked after it has been told. */
  async #remove({ from, stanza }: IqRequest, payload: Element): Promise<IqAnswer> {
    if (payload.getChildElements().length > 1) return refuse('bad-request', 'nothing beside the removal');
    if (!this.#options.remove) return refuse('not-allowed', 'accounts are not ended here');
    if (!this.#accounts.supports(from.domain).write) return refuse('not-allowed', 'these accounts are kept elsewhere');
    const session = this.#registry.find(from);
    // Out of the registry, so that it is not closed with the others.
    if (session !== undefined) this.#host.unbind(session);
    const change = this.#accounts.remove(from.domain, from.local);
    if (!change.ok) {
      if (session !== undefined) this.#host.bind(session);
      return change.refusal;
    }
    await this.#store.durable(change.ticket);
    session?.deliver(stanza.result());
    session?.close(refuse('not-authorized', 'the account was removed'));
    return undefined;
  }
}
