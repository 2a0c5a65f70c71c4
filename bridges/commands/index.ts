import type { Command } from '#src/admin/commands.ts';
import { devices } from './devices.ts';
import { resolve } from './resolve.ts';
import { traceCommands } from './trace.ts';

/** The operator commands about what joins the protocols. */
export const bridgeCommands: readonly Command[] = [resolve, devices, ...traceCommands];
