import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Access, compileAccess } from '#src/accounts/access.ts';
import { Accounts, type HostAccounts } from '#src/accounts/accounts.ts';
import { InternalBackend } from '#src/accounts/backends/internal.ts';
import { NodeKey } from '#src/accounts/node-key.ts';
import type { VerifierPolicy } from '#src/accounts/verifiers.ts';
import { accessData, accessSection, aclSection } from '#src/settings/access.ts';
import { accountsSection, dataSection } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import { openLevelStore } from '#src/store/level.ts';
import type { Store } from '#src/store/store.ts';

/** Storage and accounts: what the server stands on, and what the account commands need when no server runs. */
export interface Core {
  readonly directory: string;
  readonly store: Store;
  readonly key: NodeKey;
  readonly accounts: Accounts;
}

/**
 * Opens the data directory, making it when it is missing.
 * @param settings read anew at every use, so that a reload is seen
 * @throws StoreLocked when another process has it open; StoreTooNew when a newer program wrote it
 */
export async function openCore(settings: () => Settings, notice: (text: string) => void): Promise<Core> {
  const { directory } = settings().of(dataSection);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const location = join(directory, 'store');
  const store = await openLevelStore({ location, backups: join(directory, 'backups'), onNotice: notice });
  const key = NodeKey.load(directory);
  const policy = perHost(settings, verifierPolicy);
  const internal = new InternalBackend({ store, key, policy });
  const indexed = await internal.indexUsers();
  if (indexed > 0) notice(`the user names of ${indexed} accounts can be hashed from now on (RFC 7616 section 3.4.4)`);
  const hosts = perHost(settings, (now, host): HostAccounts | undefined => {
    if (!now.hosts.includes(host)) return undefined;
    const { password_min_length: minPassword } = now.of(accountsSection, host);
    return { backends: [internal], iterations: policy(host).iterations, minPassword };
  });
  return { directory, store, key, accounts: new Accounts({ store, key, hosts }) };
}

/** What is made of the settings for a host, asked for at every login: made once, and again after a reload. */
function perHost<T>(settings: () => Settings, make: (now: Settings, host: string) => T): (host: string) => T {
  const made = new Map<string, T>();
  let of = settings();
  return (host) => {
    const now = settings();
    if (now !== of) made.clear();
    of = now;
    const known = made.get(host);
    if (known !== undefined) return known;
    const fresh = make(now, host);
    if (now.hosts.includes(host)) made.set(host, fresh);
    return fresh;
  };
}

function verifierPolicy(settings: Settings, host: string): VerifierPolicy {
  const { digest, scram_iterations: iterations } = settings.of(accountsSection, host);
  return {
    iterations: { 'SHA-1': iterations.sha_1, 'SHA-256': iterations.sha_256, 'SHA-512': iterations.sha_512 },
    ha1: digest,
  };
}

/** The access rules of each host. @throws Error when a rule cannot be used: the settings' own checks find that before */
export function compileRules(settings: Settings, accounts: Accounts): ReadonlyMap<string, Access> {
  const rules = new Map<string, Access>();
  for (const host of settings.hosts) {
    const compiled = compileAccess(accessData(settings.of(aclSection, host), settings.of(accessSection, host)), {
      isLocal: (domain) => settings.hosts.includes(domain),
      exists: (domain, local) => accounts.exists(domain, local),
    });
    if ('problems' in compiled)
      throw new Error(compiled.problems.map(({ path, text }) => `${path.join('.')}: ${text}`).join('; '));
    rules.set(host, compiled.access);
  }
  return rules;
}
