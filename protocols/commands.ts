import type { Command } from '#src/admin/commands.ts';
import { mqttCommands } from './mqtt/commands/index.ts';
import { proxy65Commands } from './proxy65/commands/index.ts';
import { sipCommands } from './sip/commands/index.ts';
import { turnCommands } from './turn/commands/index.ts';

/** The operator commands that front ends bring; each finds its front end among the services. */
export const commands: readonly Command[] = [...mqttCommands, ...proxy65Commands, ...sipCommands, ...turnCommands];
