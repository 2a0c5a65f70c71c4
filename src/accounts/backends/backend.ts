/** Where accounts live: the contract that every backend keeps, and what each promises beyond it. */
import type { Ticket } from '#src/store/store.ts';
import type { Credential, Ha1, ScramHash, ScramVerifier } from '../verifiers.ts';

/** What a backend can do besides checking a password. Callers read this; they never ask which backend it is. */
export interface BackendSupports {
  /** Verifiers for SCRAM. */
  readonly scram: boolean;
  /** H(A1) for digest authentication and the long-term key of RFC 8489. */
  readonly ha1: boolean;
  /** Accounts are made, changed and removed here. */
  readonly write: boolean;
  /** All accounts can be listed. */
  readonly list: boolean;
}

export interface Page {
  /** Only local parts after this one, by their UTF-8 bytes. */
  readonly after?: string;
  readonly limit: number;
}

/**
 * `host` and `local` are canonical (RFC 7622) in every call; passwords are as the client gave them. A backend that must ask
 * another machine answers `exists` from what it already knows, since routing does not wait.
 */
export interface Backend {
  readonly name: string;
  readonly supports: BackendSupports;
  exists(host: string, local: string): boolean;
  /** In constant time for a given account. Rejects when the backend cannot be reached: that is no wrong password. */
  checkPassword(host: string, local: string, password: string): Promise<boolean>;
}

export interface VerifierBackend extends Backend {
  scram(host: string, local: string, hash: ScramHash): ScramVerifier | undefined;
  /** Undefined for an account that is not known here, and for one whose H(A1) is not kept. */
  ha1(host: string, local: string): Ha1 | undefined;
  /** The user name that a userhash (RFC 7616 section 3.4.4) stands for. */
  userOf(host: string, userhash: string): string | undefined;
}

export type Written =
  | { readonly ok: true; readonly ticket: Ticket }
  | { readonly ok: false; readonly reason: 'exists' | 'missing' | 'bad-password' };

export interface WritableBackend extends Backend {
  create(host: string, local: string, password: string): Promise<Written>;
  setPassword(host: string, local: string, password: string): Promise<Written>;
  remove(host: string, local: string): Written;
  /** Stores a credential that came from elsewhere, such as an import. */
  adopt(host: string, local: string, credential: Credential): Ticket;
}

export interface ListableBackend extends Backend {
  /** In order of the UTF-8 bytes. */
  list(host: string, page: Page): Promise<readonly string[]>;
  count(host: string): Promise<number>;
}

export function givesVerifiers(backend: Backend): backend is VerifierBackend {
  return backend.supports.scram || backend.supports.ha1;
}

export function isWritable(backend: Backend): backend is WritableBackend {
  return backend.supports.write;
}

export function isListable(backend: Backend): backend is ListableBackend {
  return backend.supports.list;
}
