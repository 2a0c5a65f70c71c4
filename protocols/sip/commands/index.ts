import type { Command } from '#src/admin/commands.ts';
import { callCommands } from './calls.ts';
import { numberCommands } from './numbers.ts';
import { registrationCommands } from './registrations.ts';

/** The operator commands of the SIP server. */
export const sipCommands: readonly Command[] = [...registrationCommands, ...numberCommands, ...callCommands];
