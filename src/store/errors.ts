/** Errors of storage. `code` is stable: texts may change. */

export type StoreErrorCode = 'locked' | 'too-new' | 'closed' | 'corrupt' | 'fault' | 'full' | 'backup-invalid';

export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
  }
}

/** Another process holds the directory. */
export class StoreLocked extends StoreError {
  constructor(location: string, cause?: unknown) {
    super('locked', `${location} is in use by another process; stop it first or choose another data directory`, cause);
  }
}

/** The data was written by a later version of this program. */
export class StoreTooNew extends StoreError {
  constructor(what: string, found: number, known: number) {
    super(
      'too-new',
      `${what} has schema version ${found}, this program knows versions up to ${known}; use a newer program`,
    );
  }
}

/** Used after close, or while a restore replaces the content. */
export class StoreClosed extends StoreError {
  constructor(state: string) {
    super('closed', `the store is ${state}`);
  }
}

/** What is stored cannot be read. */
export class StoreCorrupt extends StoreError {
  constructor(message: string, cause?: unknown) {
    super('corrupt', message, cause);
  }
}

/** An attempt to write failed (disk full, I/O error). */
export class StoreFault extends StoreError {
  constructor(message: string, cause?: unknown) {
    super('fault', message, cause);
  }
}

/** More bytes wait to be written than `limit` allows. */
export class StoreFull extends StoreError {
  constructor(pending: number, limit: number) {
    super('full', `${pending} bytes wait to be written, the limit is ${limit}`);
  }
}

/** Not a whole backup of this program. */
export class BackupInvalid extends StoreError {
  constructor(file: string, cause: string) {
    super('backup-invalid', `${file}: ${cause}`);
  }
}
