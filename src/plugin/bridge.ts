import type { FrontEnd } from './front-end.ts';

/**
 * Joins front ends, or a front end and the core: a naming rule, pure converters and its settings. It starts after all front ends, finds
 * them among the services, and has no connections of its own.
 */
export interface Bridge extends FrontEnd {
  readonly listenerKinds: readonly never[];
}
