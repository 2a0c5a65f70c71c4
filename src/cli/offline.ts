import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { plugins } from '#src/server/program.ts';
import { type Command, CommandError } from '#src/admin/commands.ts';
import { failureOf, type Reply } from '#src/admin/protocol.ts';
import { runCommand } from '#src/admin/run.ts';
import { createLog } from '#src/observe/log.ts';
import { adminParts } from '#src/server/admin.ts';
import { openCore } from '#src/server/core.ts';
import { Server } from '#src/server/server.ts';
import { dataSection } from '#src/settings/schema.ts';
import type { Settings } from '#src/settings/settings.ts';
import { StoreLocked } from '#src/store/errors.ts';
import { complain } from './output.ts';

/** Commands that may begin with nothing. */
const MAKES_DATA: ReadonlySet<string> = new Set(['register', 'restore', 'backup_verify']);

/**
 * Carries a command out on the data of a server that is stopped: the same parts as in one that runs, without a socket.
 * @throws StoreLocked when another process has the data
 */
export async function runOffline(settings: Settings, command: Command, given: readonly string[]): Promise<Reply> {
  const { directory } = settings.of(dataSection);
  if (!MAKES_DATA.has(command.name) && !existsSync(directory)) {
    return failureOf(new CommandError(404, `there is no data in ${directory}, and no server that runs`));
  }
  actAsOwner(join(directory, 'store'));
  const log = createLog({ level: 'error', format: 'pretty', sink: { write: (text) => complain(text.trimEnd()) } });
  try {
    const core = await openCore(() => settings, complain);
    const server = await Server.open({ settings, core, log, frontEnds: plugins, reread: () => settings });
    try {
      return { ok: true, ...(await runCommand(command, adminParts(server), given)) };
    } finally {
      await server.stop('');
    }
  } catch (error) {
    if (error instanceof StoreLocked) throw error;
    return failureOf(
      error instanceof CommandError
        ? error
        : new CommandError(500, error instanceof Error ? error.message : String(error)),
    );
  }
}

/** Becomes the user that the data belongs to, when root asks: the server could not open what root writes. */
function actAsOwner(place: string): void {
  const owner = process.getuid?.() === 0 ? statSync(place, { throwIfNoEntry: false }) : undefined;
  if (owner === undefined || owner.uid === 0) return;
  process.setgroups?.([owner.gid]);
  process.setgid?.(owner.gid);
  process.setuid?.(owner.uid);
}
