import type { Access } from '#src/accounts/access.ts';
import type { BanPolicy } from '#src/accounts/bans.ts';
import { parseIp } from '#src/address/ip.ts';
import type { ConnectionLimits } from '#src/net/listeners.ts';
import { bansSection, limitsSection, quotasSection } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import type { ImLimits } from './im.ts';

const OFFLINE_MESSAGES = 1000;

export function banPolicy(settings: Settings): Partial<BanPolicy> {
  const { failures, lifetime } = settings.of(bansSection);
  return { threshold: failures, lifetime: lifetime / 1000 };
}

export function connectionLimits(settings: Settings): ConnectionLimits {
  const { per_ip: perIp, per_ip_before_auth: perIpBeforeAuth, total } = settings.of(limitsSection).connections;
  return { perIp, perIpBeforeAuth, total };
}

/** May an address come to a listener with this rule? */
export function passes(access: Access, rule: string, ip: string, listener: string): boolean {
  const address = parseIp(ip);
  return access.allows(rule, address === undefined ? { listener } : { address, listener });
}

/** What accounts may store, by the settings in force at the time. */
export function imLimits(settings: () => Settings, access: (host: string) => Access): ImLimits {
  const quotas = (host: string) => settings().of(quotasSection, host);
  return {
    roster_items: (host) => quotas(host).roster_items,
    blocked: (host) => quotas(host).blocked,
    documents: (host) => quotas(host).private_storage,
    offline_messages: (host) => access(host).limit('max_offline', { domain: host }, OFFLINE_MESSAGES),
  };
}
