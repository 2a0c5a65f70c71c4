/** What commands of several groups share: arguments that they all have, and how a refusal becomes an error. */
import type { Change } from '#src/accounts/accounts.ts';
import { Jid } from '#src/address/jid.ts';
import type { Condition, Refusal } from '#src/stanza/conditions.ts';
import { type Argument, CommandError } from '../commands.ts';
import type { AdminParts } from '../parts.ts';

export const user = {
  name: 'user',
  type: 'string',
  description: 'User name, the part of the address before the @',
} as const satisfies Argument;
export const host = { name: 'host', type: 'string', description: 'Virtual host' } as const satisfies Argument;
/** An account: what most commands begin with. */
export const account = [user, host] as const;

/** The virtual host of that name. @throws CommandError 404 when it is not served */
export function hostOf({ router }: Pick<AdminParts, 'router'>, name: string): string {
  const domain = Jid.make('', name)?.domain;
  if (domain === undefined || router.host(domain) === undefined)
    throw new CommandError(404, `the host ${quoted(name)} is not served`);
  return domain;
}

/** The bare address of an account that may exist. @throws CommandError 400, 404 */
export function addressOf(parts: Pick<AdminParts, 'router'>, name: string, domain: string): Jid {
  const served = hostOf(parts, domain);
  const jid = name === '' ? undefined : Jid.make(name, served);
  if (jid === undefined) throw new CommandError(400, `${quoted(name)} is no user name`);
  return jid;
}

/** The bare address of an account that exists. @throws CommandError 400, 404 */
export function accountOf(parts: Pick<AdminParts, 'router' | 'accounts'>, name: string, domain: string): Jid {
  const jid = addressOf(parts, name, domain);
  if (!parts.accounts.exists(jid.domain, jid.local)) throw new CommandError(404, `there is no account ${jid.bare}`);
  return jid;
}

/** Any address. @throws CommandError 400 */
export function jidOf(text: string, what: string): Jid {
  const jid = Jid.parse(text);
  if (jid === undefined) throw new CommandError(400, `${what} ${quoted(text)} is no address`);
  return jid;
}

/** Waits for everything written so far, then gives the answer: nothing is acknowledged before it is on the disk. */
export async function durably<T>({ store }: Pick<AdminParts, 'store'>, answer: T): Promise<T> {
  await store.barrier();
  return answer;
}

/** @throws CommandError when the change was refused */
export function assertChanged(change: Change): void {
  if (!change.ok) throw refusalError(change.refusal);
}

const codes: Partial<Record<Condition, CommandError['code']>> = {
  'bad-request': 400,
  'jid-malformed': 400,
  'not-acceptable': 400,
  'not-allowed': 403,
  forbidden: 403,
  'item-not-found': 404,
  'remote-server-not-found': 404,
  conflict: 409,
  'service-unavailable': 503,
  'resource-constraint': 503,
};

export function refusalError({ condition, text }: Refusal): CommandError {
  return new CommandError(codes[condition] ?? 500, text === undefined ? condition : `${condition}: ${text}`);
}

/** What an operator wrote, shortened, in quotes. */
export function quoted(text: string): string {
  return JSON.stringify(text.length <= 80 ? text : `${text.slice(0, 79)}…`);
}
