import { type Command, Commands } from '../commands.ts';
import { accountCommands } from './accounts.ts';
import { backupCommands } from './backup.ts';
import { banCommands } from './bans.ts';
import { messageCommands } from './messages.ts';
import { rosterCommands } from './roster.ts';
import { serverCommands } from './server.ts';
import { sessionCommands } from './sessions.ts';

/** A registry with the commands of the core, in the order in which `help` lists them, and those of front ends after them. */
export function coreCommands(more: readonly Command[] = []): Commands {
  return new Commands([
    ...serverCommands,
    ...accountCommands,
    ...banCommands,
    ...sessionCommands,
    ...rosterCommands,
    ...messageCommands,
    ...backupCommands,
    ...more,
  ]);
}
