import type { Jid } from '#src/address/jid.ts';
import type { Decisions, NoticePoint, Notices, Phase, Transforms } from '#src/hooks/hooks.ts';
import type { Host } from '#src/router/host.ts';
import type { IqHandler, IqScope } from '#src/router/iq.ts';
import type { Router, Target } from '#src/router/router.ts';

type DecisionOf<E extends keyof Decisions & string> = Decisions[E] extends {
  readonly input: infer I;
  readonly answer: infer A;
}
  ? (input: I) => A | undefined
  : never;
type TransformOf<E extends keyof Transforms & string> = Transforms[E] extends {
  readonly input: infer I;
  readonly value: infer V;
}
  ? (value: V, input: I) => V
  : never;

/** A point of whatever event: that event and handler belong together is what the callers' types say. */
interface Registrar {
  // A method, so that a point of one event may stand for it.
  add(phase: Phase, fn: unknown): Disposable;
}

/**
 * What a module sees of its virtual host. Everything registered through a scope is recorded, and leaving the scope undoes it in
 * reverse order: a module has no unload code.
 */
export class Scope implements AsyncDisposable {
  readonly name: string;
  readonly host: Host;
  readonly #router: Router;
  readonly #owned: (Disposable | AsyncDisposable)[] = [];

  constructor(name: string, host: Host, router: Router) {
    this.name = name;
    this.host = host;
    this.#router = router;
  }

  /** May answer; the first answer wins. */
  decide<E extends keyof Decisions & string>(event: E, phase: Phase, fn: DecisionOf<E>): void {
    const point: Registrar = this.host.hooks.decision(event);
    this.own(point.add(phase, fn));
  }

  /** Returns a new value. */
  transform<E extends keyof Transforms & string>(event: E, phase: Phase, fn: TransformOf<E>): void {
    const point: Registrar = this.host.hooks.transformation(event);
    this.own(point.add(phase, fn));
  }

  /** Sees, cannot change. */
  watch<E extends keyof Notices & string>(event: E, fn: (input: Notices[E]) => void): void {
    const point: NoticePoint<Notices[E]> = this.host.hooks.notice(event);
    this.own(point.add('main', fn));
  }

  /** Answers iq requests of one type and payload, at the host or on behalf of its accounts. */
  iq(scope: IqScope, type: 'get' | 'set', xmlns: string, name: string, handler: IqHandler): void {
    this.own(this.host.iq.add(scope, type, xmlns, name, handler));
  }

  /** Announces a feature of the host, of its accounts, or of both (service discovery). */
  feature(scope: IqScope | 'both', feature: string): void {
    if (scope !== 'account') this.own(this.host.features.add('host', feature));
    if (scope !== 'host') this.own(this.host.features.add('account', feature));
  }

  /** Puts a target behind a domain of its own, such as `conference.<host>`. */
  attach(address: Jid, target: Target): void {
    this.own(this.#router.attach(address, target));
  }

  /** Disposes of the thing when the scope is left. */
  own(thing: Disposable | AsyncDisposable): void {
    this.#owned.push(thing);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const thing of this.#owned.splice(0).toReversed()) {
      if (Symbol.asyncDispose in thing) await thing[Symbol.asyncDispose]();
      else thing[Symbol.dispose]();
    }
  }
}
