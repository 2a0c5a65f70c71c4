import type { Command } from '#src/admin/commands.ts';
import { operationCommands } from './operation.ts';
import { sessionCommands } from './sessions.ts';

/** The operator commands of the relay. */
export const turnCommands: readonly Command[] = [...sessionCommands, ...operationCommands];
