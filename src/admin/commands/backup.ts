import { isAbsolute } from 'node:path';
import { verifyBackup } from '#src/store/verify.ts';
import { type Argument, type Command, CommandError, defineCommand } from '../commands.ts';

const tags = ['backup'];

const file = {
  name: 'file',
  type: 'string',
  description: 'File on the machine of the server',
  file: true,
} as const satisfies Argument;

/** The server's working directory is not the operator's. */
function absolute(path: string): string {
  if (!isAbsolute(path)) throw new CommandError(400, 'the file is to be named by its absolute path');
  return path;
}

const backup = defineCommand({
  name: 'backup',
  description: 'Write everything that is stored into one file, while the server serves.',
  tags,
  offline: true,
  arguments: [file],
  result: 'restuple',
  async run({ store }, args) {
    const path = absolute(args.file);
    const { bytes, entries } = await store.backup(path);
    return `${entries} entries, ${bytes} bytes, are in ${path}`;
  },
});

const backupVerify = defineCommand({
  name: 'backup_verify',
  description: 'Read a whole backup and say whether it could be restored.',
  tags,
  offline: true,
  arguments: [file],
  result: 'restuple',
  async run(_parts, args) {
    const path = absolute(args.file);
    const { bytes, entries } = await verifyBackup(path);
    return `${path} is sound: ${entries} entries, ${bytes} bytes`;
  },
});

const restore = defineCommand({
  name: 'restore',
  description:
    'Replace everything that is stored by a backup. A server that runs ends all sessions before, and stops after it: start it again.',
  tags,
  offline: true,
  final: true,
  arguments: [file],
  result: 'restuple',
  async run(parts, args) {
    const path = absolute(args.file);
    const { entries } = await parts.restore(path);
    return `${entries} entries restored from ${path}; the server is stopped, start it again`;
  },
});

export const backupCommands: readonly Command[] = [backup, backupVerify, restore];
