import type { ZodType } from 'zod';
import type { Scope } from './scope.ts';

/**
 * The parts that a plugin may ask for by name. A part adds itself by augmentation, in its own file:
 * `declare module '#src/plugin/contracts.ts' { interface Services { roster: Roster } }`.
 */
// oxlint-disable-next-line typescript/no-empty-interface -- filled by augmentation
export interface Services {}
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

/**
 * One feature of a virtual host. `needs` names exactly the parts that `start` gets; a missing one stops the start with both names.
 * What `start` registers through its scope is undone when the plugin leaves.
 */
export interface Module<N extends ServiceName = ServiceName, S = unknown> {
  readonly name: string;
  readonly specs: readonly Spec[];
  /** The module's own section of the settings; absent when it has none. */
  readonly settings?: ZodType<S>;
  readonly needs: readonly N[];
  start(scope: Scope, parts: Pick<Services, N>, settings: S): void;
}

/** Any module, whatever it needs: what lists and the loader hold. */
export interface AnyModule {
  readonly name: string;
  readonly specs: readonly Spec[];
  readonly settings?: ZodType;
  readonly needs: readonly ServiceName[];
  start(scope: Scope, parts: Services, settings: unknown): void;
}

/** Types a module's `start` from its `needs` and its settings. */
export function defineModule<const N extends ServiceName, S = undefined>(module: Module<N, S>): AnyModule {
  // `parts` is wider than what the module declared, and `settings` was parsed by its own schema.
  return module as unknown as AnyModule;
}
