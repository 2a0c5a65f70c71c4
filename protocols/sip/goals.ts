import type { Accounts } from '#src/accounts/accounts.ts';
import type { Jid } from '#src/address/jid.ts';
import type { Addressee, Addresses } from './addresses.ts';
import { type Aliases, numberOf } from './aliases.ts';
import type { SipRequest } from './message/message.ts';
import type { Uri } from './message/uri.ts';

/** What a request is for, by its Request-URI (RFC 3261 section 16.5). */
export type Goal =
  /** A host of this server, or the server itself. */
  | { readonly kind: 'host'; readonly domain: string }
  /** An account that exists. */
  | { readonly kind: 'account'; readonly to: Addressee & { readonly jid: Jid } }
  /** A telephone number that is no account's. */
  | { readonly kind: 'number'; readonly number: string; readonly domain: string | undefined }
  | { readonly kind: 'elsewhere' }
  /** No account can have such a name, or none has. */
  | { readonly kind: 'nobody'; readonly domain: string };

export interface GoalsParts {
  readonly accounts: Pick<Accounts, 'exists'>;
  readonly addresses: Addresses;
  readonly aliases: Aliases;
}

/** The account that a URI means, by its name or by a telephone number. */
export function accountOf(uri: Uri, { accounts, addresses, aliases }: GoalsParts): Jid | undefined {
  const found = uri.kind === 'sip' ? addresses.resolve(uri) : undefined;
  const named = typeof found === 'object' && found.kind !== 'host' ? found.jid.asBare() : undefined;
  if (named !== undefined && accounts.exists(named.domain, named.local)) return named;
  const number = uri.kind === 'tel' || found !== undefined ? numberOf(uri) : undefined;
  return number === undefined ? undefined : aliases.get(number);
}

/** @param request with the routes of this server taken off; undefined for a Request-URI that nothing here understands */
export function goalOf(request: SipRequest, { accounts, addresses, aliases }: GoalsParts): Goal | undefined {
  const uri = request.requestUri;
  if (uri === undefined) return undefined;
  // A route that is not ours is followed, wherever the Request-URI leads (section 16.6 step 7): never in the name of a trunk.
  if (request.headers.has('Route')) return { kind: 'elsewhere' };
  const number = numberOf(uri);
  const owner = number === undefined ? undefined : aliases.get(number);
  const owned = owner === undefined ? undefined : ({ kind: 'account', to: { kind: 'account', jid: owner } } as const);
  if (uri.kind === 'tel') return owned ?? { kind: 'number', number: uri.number, domain: undefined };
  const found = addresses.resolve(uri);
  if (found === undefined) return { kind: 'elsewhere' };
  const domain = addresses.domain(uri) ?? uri.host;
  if (found === 'malformed') return owned ?? { kind: 'nobody', domain };
  if (found.kind === 'host') return found;
  if (accounts.exists(found.jid.domain, found.jid.local)) return { kind: 'account', to: found };
  return owned ?? (number === undefined ? { kind: 'nobody', domain } : { kind: 'number', number, domain });
}
