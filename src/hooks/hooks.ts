/**
 * Typed events in three verbs. `decide` may answer, and the first answer wins; `transform` returns a new value; `watch` sees and
 * cannot change. A part declares its events by augmenting the three interfaces below, so an unknown name does not compile.
 *
 * Callers hold a *point* and test its `idle` flag: an event that nobody listens to costs that one test.
 */
export interface Decisions {}
export interface Transforms {}
export interface Notices {}

/** Named phases instead of priorities; inside a phase the order of registration holds. */
export const phases = ['guard', 'before', 'main', 'after', 'last'] as const;
export type Phase = (typeof phases)[number];

interface Entry<F> {
  readonly phase: Phase;
  readonly fn: F;
}

abstract class Point<F> {
  readonly event: string;
  /** True while nobody listens. */
  idle = true;
  protected handlers: readonly F[] = [];
  #entries: readonly Entry<F>[] = [];

  constructor(event: string) {
    this.event = event;
  }

  get size(): number {
    return this.handlers.length;
  }

  add(phase: Phase, fn: F): Disposable {
    const entry: Entry<F> = { phase, fn };
    this.#set([...this.#entries, entry]);
    return { [Symbol.dispose]: () => this.#set(this.#entries.filter((other) => other !== entry)) };
  }

  #set(entries: readonly Entry<F>[]): void {
    this.#entries = entries;
    this.handlers = phases.flatMap((phase) => entries.filter((entry) => entry.phase === phase)).map(({ fn }) => fn);
    this.idle = this.handlers.length === 0;
  }
}

export class DecisionPoint<I, A> extends Point<(input: I) => A | undefined> {
  /** Asks in phase order; the first answer that is not undefined wins. */
  ask(input: I): A | undefined {
    for (const handler of this.handlers) {
      const answer = handler(input);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }
}

export class TransformPoint<I, V> extends Point<(value: V, input: I) => V> {
  apply(value: V, input: I): V {
    let result = value;
    for (const handler of this.handlers) result = handler(result, input);
    return result;
  }
}

export class NoticePoint<I> extends Point<(input: I) => void> {
  tell(input: I): void {
    for (const handler of this.handlers) handler(input);
  }
}

type Input<T> = T extends { readonly input: infer I } ? I : never;
type Answer<T> = T extends { readonly answer: infer A } ? A : never;
type Value<T> = T extends { readonly value: infer V } ? V : never;

/** The events of one virtual host. */
export class Hooks {
  readonly #decisions = new Map<string, unknown>();
  readonly #transforms = new Map<string, unknown>();
  readonly #notices = new Map<string, unknown>();

  decision<E extends keyof Decisions & string>(event: E): DecisionPoint<Input<Decisions[E]>, Answer<Decisions[E]>> {
    return pointOf(this.#decisions, event, DecisionPoint<Input<Decisions[E]>, Answer<Decisions[E]>>);
  }

  transformation<E extends keyof Transforms & string>(
    event: E,
  ): TransformPoint<Input<Transforms[E]>, Value<Transforms[E]>> {
    return pointOf(this.#transforms, event, TransformPoint<Input<Transforms[E]>, Value<Transforms[E]>>);
  }

  notice<E extends keyof Notices & string>(event: E): NoticePoint<Notices[E]> {
    return pointOf(this.#notices, event, NoticePoint<Notices[E]>);
  }
}

function pointOf<P>(points: Map<string, unknown>, event: string, Kind: new (event: string) => P): P {
  let point = points.get(event);
  if (point === undefined) {
    point = new Kind(event);
    points.set(event, point);
  }
  // The map holds under each event only what this function made for that event's own types.
  return point as P;
}
