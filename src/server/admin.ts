import { bridgeCommands } from '#bridges/commands/index.ts';
import { commands } from '#protocols/commands.ts';
import { coreCommands } from '#src/admin/commands/index.ts';
import type { Commands } from '#src/admin/commands.ts';
import type { AdminParts } from '#src/admin/parts.ts';
import { VERSION } from '#src/observe/version.ts';
import type { Server } from './server.ts';

/** The commands that this program knows: those of the core and those of its front ends. */
export const serverCommands = (): Commands => coreCommands([...commands, ...bridgeCommands]);

/** What the commands see of a server. */
export function adminParts(server: Server): AdminParts {
  const { bans, core, im, log, registry, router, services, started } = server;
  const { last, offline, presence, roster, subscriptions } = im;
  return {
    accounts: core.accounts,
    bans,
    last,
    log,
    offline,
    presence,
    registry,
    roster,
    router,
    services,
    store: core.store,
    subscriptions,
    version: VERSION,
    started,
    listeners: () => server.listeners.bound,
    reload: () => server.reload(),
    stop: () => server.requestStop(),
    restore: (file) => server.restore(file),
  };
}
