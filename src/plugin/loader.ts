import type { Host } from '#src/router/host.ts';
import type { Router } from '#src/router/router.ts';
import type { AnyModule, ServiceName, Services } from './contracts.ts';
import { Scope } from './scope.ts';

/** Starts modules on virtual hosts, and stops them: one scope per module and host. */
export class Loader implements AsyncDisposable {
  readonly #router: Router;
  readonly #services: Partial<Services>;
  readonly #scopes = new Map<string, Scope>();

  constructor(router: Router, services: Partial<Services>) {
    this.#router = router;
    this.#services = services;
  }

  /**
   * Starts a module on a host.
   * @param settings parsed by the module's own schema
   * @throws Error when it runs there already, or when a part it needs is missing (the text names both)
   */
  start(module: AnyModule, host: Host, settings: unknown): void {
    const key = keyOf(module.name, host);
    if (this.#scopes.has(key)) throw new Error(`module ${module.name} runs on ${host.domain} already`);
    const missing = module.needs.filter((need: ServiceName) => this.#services[need] === undefined);
    if (missing.length > 0) throw new Error(`module ${module.name} needs ${missing.join(', ')}, which nobody provides`);
    const scope = new Scope(module.name, host, this.#router);
    this.#scopes.set(key, scope);
    // Every part that the module named is there; it sees no other.
    try {
      module.start(scope, this.#services as Services, settings);
    } catch (error) {
      this.#scopes.delete(key);
      void scope[Symbol.asyncDispose]();
      throw error;
    }
  }

  running(name: string, host: Host): boolean {
    return this.#scopes.has(keyOf(name, host));
  }

  async stop(name: string, host: Host): Promise<void> {
    const scope = this.#scopes.get(keyOf(name, host));
    this.#scopes.delete(keyOf(name, host));
    await scope?.[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const scopes = [...this.#scopes.values()].toReversed();
    this.#scopes.clear();
    for (const scope of scopes) await scope[Symbol.asyncDispose]();
  }
}

function keyOf(name: string, host: Host): string {
  return `${name} ${host.domain}`;
}
