import type { Command } from '#src/admin/commands.ts';
import { aclCommands } from './acl.ts';
import { clientCommands } from './clients.ts';
import { importCommands } from './import.ts';
import { topicCommands } from './topics.ts';
import { uplinkCommands } from './uplinks.ts';

/** The operator commands of the broker. */
export const mqttCommands: readonly Command[] = [
  ...clientCommands,
  ...topicCommands,
  ...aclCommands,
  ...importCommands,
  ...uplinkCommands,
];
