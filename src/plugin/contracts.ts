import type { output, ZodObject } from 'zod';
import type { Accounts } from '#src/accounts/accounts.ts';
import type { Router } from '#src/router/router.ts';
import type { Registry } from '#src/session/registry.ts';
import type { Settings } from '#src/settings/settings.ts';
import type { Store } from '#src/store/store.ts';
import type { Scope } from './scope.ts';

/**
 * The parts that a plugin may ask for by name. Parts of the layers above add themselves by augmentation, in their own file:
 * `declare module '#src/plugin/contracts.ts' { interface Services { readonly roster: Rosters } }`.
 */
export interface Services {
  readonly accounts: Accounts;
  readonly registry: Registry;
  readonly router: Router;
  readonly store: Store;
  /** The settings in force. */
  readonly settings: () => Settings;
}
export type ServiceName = keyof Services & string;

/** A document that a plugin implements: printed by `trivium features`, the docs and the conformance table. */
export interface Spec {
  /** `RFC 6121`, `XEP-0199`. */
  readonly document: string;
  /** The XEP's version, or the RFC's sections. */
  readonly version: string;
  readonly title: string;
  readonly status: 'complete' | 'partial';
  readonly note?: string;
}

/** A document that is implemented in whole, or as far as the note says. */
export const specOf = (document: string, title: string, version: string, note?: string): Spec => ({
  document,
  title,
  version,
  status: note === undefined ? 'complete' : 'partial',
  ...(note === undefined ? {} : { note }),
});

/**
 * One feature of a virtual host. `needs` names exactly the parts that `start` gets; a missing one stops the start with both names.
 * What `start` registers through its scope is undone when the plugin leaves.
 */
export interface Module<N extends ServiceName, Z extends ZodObject> {
  /** The name under `modules` in the settings. */
  readonly name: string;
  /** One line for the reference of the settings. */
  readonly description: string;
  /** Set on a module that runs only where the operator lists it. */
  readonly optional?: true;
  readonly specs: readonly Spec[];
  /** The module's own options; absent when it has none. */
  readonly settings?: Z;
  readonly needs: readonly N[];
  start(scope: Scope, parts: Pick<Services, N>, settings: output<Z>): void;
}

/** Any module, whatever it needs: what lists and the loader hold. */
export interface AnyModule extends Omit<Module<ServiceName, ZodObject>, 'start'> {
  start(scope: Scope, parts: Services, settings: unknown): void;
}

/** Types a module's `start` from its `needs` and its settings. */
export function defineModule<const N extends ServiceName, Z extends ZodObject>(module: Module<N, Z>): AnyModule {
  // `parts` is wider than what the module declared, and `settings` was parsed by its own schema.
  return module;
}
