/** XEP-0215: External Service Discovery, version 1.0.0, Stable. Credentials are made for each request. */
import { createHmac } from 'node:crypto';
import { z } from 'zod';
import type { Accounts } from '#src/accounts/accounts.ts';
import type { Jid } from '#src/address/jid.ts';
import { defineModule } from '#src/plugin/contracts.ts';
import type { RelayCredentials, RelayService } from '#src/plugin/relay-services.ts';
import type { Host } from '#src/router/host.ts';
import type { IqAnswer, IqRequest } from '#src/router/iq.ts';
import { refuse } from '#src/stanza/conditions.ts';
import { escapeAttribute } from '#src/stanza/serialise.ts';
import { count, duration, secret } from '#src/settings/types.ts';

export const EXTDISCO = 'urn:xmpp:extdisco:2';

const word = (about: string) => z.string().min(1).max(255).describe(about);

const listed = z
  .strictObject({
    type: z
      .string()
      .regex(/^[a-z][a-z\d]{0,31}$/)
      .meta({ expects: 'a type such as turn' })
      .describe('Type of the service: stun, stuns, turn, turns, …'),
    host: word('Domain name or IP address.'),
    port: count(1, 65535).describe('Port.'),
    transport: z.enum(['udp', 'tcp']).prefault('udp').describe('Transport protocol.'),
    name: word('Name for people.').optional(),
    username: word('User name that everybody gets.').optional(),
    password: secret().optional().describe('Password that everybody gets.'),
    secret: secret()
      .optional()
      .describe('Secret shared with the service, from which credentials are made that expire (TURN REST API).'),
    ttl: duration({ min: '1m', max: '4w' }).prefault('1d').describe('How long credentials made from the secret last.'),
  })
  .refine(
    (given) => (given.username === undefined) === (given.password === undefined),
    'give both username and password, or none of them',
  )
  .refine(
    (given) => given.secret === undefined || given.username === undefined,
    'give secret, or username and password',
  );

/** One service as a client is told of it. */
interface Offer {
  readonly type: string;
  readonly host: string;
  readonly port: number;
  readonly transport: string;
  readonly name: string | undefined;
  /** Undefined when the service asks for none. */
  readonly credentials: ((user: Jid) => Given) | undefined;
}
type Given = Omit<RelayCredentials, 'expires'> & { readonly expires: number | undefined };

export const externalServices = defineModule({
  name: 'external_services',
  description: 'Tells clients which STUN and TURN servers they can use, with credentials of their own.',
  specs: [
    {
      document: 'XEP-0215',
      version: '1.0.0',
      title: 'External Service Discovery',
      status: 'complete',
      note: 'without pushes: the list changes with the settings only',
    },
  ],
  settings: z.strictObject({
    services: z
      .array(listed)
      .max(100)
      .prefault([])
      .describe('Services of others, besides the relays of this server.')
      .meta({ sample: '- { type: turn, host: turn.example.org, port: 3478, secret: { file: turn.secret } }' }),
  }),
  needs: ['accounts', 'relays'],
  start(scope, { accounts, relays }, { services }) {
    const { host } = scope;
    const others = services.map(offerOf);
    const offers = (): readonly Offer[] => [...relays.of(host.domain).map(relayOffer), ...others];
    scope.feature('host', EXTDISCO);
    scope.iq('host', 'get', EXTDISCO, 'services', (request) => listServices(request, host, accounts, offers()));
    scope.iq('host', 'get', EXTDISCO, 'credentials', (request) => giveCredentials(request, host, accounts, offers()));
  },
});

function relayOffer({ name, ...service }: RelayService): Offer {
  return { credentials: undefined, ...service, name };
}

function offerOf({
  host,
  name,
  password,
  port,
  secret: shared,
  transport,
  ttl,
  type,
  username,
}: z.output<typeof listed>): Offer {
  const credentials =
    shared === undefined ? fixed(username, password) : (user: Jid): Given => timeLimited(shared, user, ttl, Date.now());
  return { type, host, port, transport, name, credentials };
}

function fixed(username: string | undefined, password: string | undefined): Offer['credentials'] {
  if (username === undefined || password === undefined) return undefined;
  return () => ({ username, password, expires: undefined });
}

/** The TURN REST API: the user name begins with the time of expiry in seconds, the password is its HMAC. */
function timeLimited(shared: string, user: Jid, ttl: number, now: number): Given {
  const seconds = Math.floor((now + ttl) / 1000);
  const username = `${seconds}:${user.bare}`;
  const password = createHmac('sha1', shared).update(username).digest('base64');
  return { username, password, expires: seconds * 1000 };
}

/** Only the accounts of the host: credentials are what keeps strangers out of the relays. */
function isOwn({ from }: IqRequest, { domain }: Host, accounts: Accounts): boolean {
  return from.domain === domain && from.local !== '' && accounts.exists(domain, from.local);
}

/** Section 3.1 and 3.2: all services, or those of one type. */
function listServices(request: IqRequest, host: Host, accounts: Accounts, offers: readonly Offer[]): IqAnswer {
  if (!isOwn(request, host, accounts)) return refuse('forbidden');
  const { from, payload, stanza } = request;
  const type: unknown = payload.attrs['type'];
  const wanted = typeof type === 'string' ? offers.filter((offer) => offer.type === type) : offers;
  const mirrored = typeof type === 'string' ? ` type='${escapeAttribute(type)}'` : '';
  return stanza.result(`<services xmlns='${EXTDISCO}'${mirrored}>${write(wanted, from)}</services>`);
}

/** Section 3.3: the service is named by host and type, and by its port where there are several. */
function giveCredentials(request: IqRequest, host: Host, accounts: Accounts, offers: readonly Offer[]): IqAnswer {
  if (!isOwn(request, host, accounts)) return refuse('forbidden');
  const { from, payload, stanza } = request;
  const asked = payload.getChild('service', EXTDISCO);
  if (asked === undefined) return refuse('bad-request');
  const { host: name, port, type }: Record<string, unknown> = asked.attrs;
  if (typeof name !== 'string' || typeof type !== 'string') return refuse('bad-request');
  const matches = offers.filter(
    (offer) => offer.type === type && offer.host === name && (port === undefined || String(offer.port) === port),
  );
  if (matches.length === 0) return refuse('item-not-found');
  return stanza.result(`<credentials xmlns='${EXTDISCO}'>${write(matches, from)}</credentials>`);
}

function write(offers: readonly Offer[], user: Jid): string {
  return offers.map((offer) => writeService(offer, offer.credentials?.(user))).join('');
}

function writeService({ host, name, port, transport, type }: Offer, given: Given | undefined): string {
  const attributes: readonly (readonly [string, string | undefined])[] = [
    ['type', type],
    ['host', host],
    ['port', String(port)],
    ['transport', transport],
    ['name', name],
    ['username', given?.username],
    ['password', given?.password],
    // XEP-0082: UTC.
    ['expires', given?.expires === undefined ? undefined : new Date(given.expires).toISOString()],
    ['restricted', given === undefined ? undefined : 'true'],
  ];
  const written = attributes.map(([key, value]) => (value === undefined ? '' : ` ${key}='${escapeAttribute(value)}'`));
  return `<service${written.join('')}/>`;
}
