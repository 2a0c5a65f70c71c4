import { readBackup } from './backup.ts';
import { assertKnown, MIGRATIONS } from './migrate.ts';
import type { BackupResult } from './store.ts';

/**
 * Reads a whole backup without using it.
 * @throws BackupInvalid, StoreTooNew or the file system's error where `Store.restore` would
 */
export async function verifyBackup(file: string): Promise<BackupResult> {
  const backup = await readBackup(file);
  try {
    assertKnown(file, backup.schema, MIGRATIONS);
    const blocks = backup.blocks[Symbol.asyncIterator]();
    while ((await blocks.next()).done !== true);
    return backup.result();
  } finally {
    await backup.close();
  }
}
