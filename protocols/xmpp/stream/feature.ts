import type { Frame } from '#src/stanza/frame.ts';
import type { ClientStream } from '../links/client-stream.ts';

/** What has been negotiated on a stream, as bits: a feature states what it requires and what forbids it. */
export const SECURED = 1;
export const AUTHENTICATED = 2;
export const BOUND = 4;

/**
 * One step or extension of stream negotiation (RFC 6120 section 4.3) as a value: when it is offered, how it is announced, and
 * which first-level elements it answers.
 */
export interface StreamFeature {
  readonly name: string;
  /** All of these bits must be set for it to be offered or used. */
  readonly requires: number;
  /** None of these bits may be set for it to be offered or used. */
  readonly forbids: number;
  /** Qualified names of the first-level elements that it answers, as `{namespace}name`. */
  readonly elements: readonly string[];
  /** The XML that announces it inside `<stream:features/>`; undefined when it is not offered on this stream now. */
  offer(stream: ClientStream): string | undefined;
  /** Answers one of its elements. Called only in a state that `requires` and `forbids` allow. */
  handle?(stream: ClientStream, frame: Frame): void;
}

/** A feature that is only announced, to clients that have authenticated. */
export function informative(name: string, xml: string): StreamFeature {
  // Also to one who has bound a resource with Bind 2: the features that follow SASL2 are the only ones that it sees.
  return { name, requires: AUTHENTICATED, forbids: 0, elements: [], offer: () => xml };
}

export function qualified(xmlns: string, name: string): string {
  return `{${xmlns}}${name}`;
}

/** The features of one virtual host, in the order in which they are announced. */
export class StreamFeatures {
  readonly #features: StreamFeature[] = [];
  /** An element may have several answerers, of which the state of a stream allows one at most. */
  readonly #elements = new Map<string, readonly StreamFeature[]>();

  /** @throws Error when another feature answers one of its elements in the same state */
  add(feature: StreamFeature): Disposable {
    for (const element of feature.elements) {
      const rival = this.#elements.get(element)?.find((other) => !exclusive(feature, other));
      if (rival !== undefined) throw new Error(`${feature.name} and ${rival.name} both answer ${element}`);
    }
    this.#features.push(feature);
    for (const element of feature.elements) {
      this.#elements.set(element, [...(this.#elements.get(element) ?? []), feature]);
    }
    return {
      [Symbol.dispose]: () => {
        this.#features.splice(this.#features.indexOf(feature), 1);
        for (const element of feature.elements) this.#leave(element, feature);
      },
    };
  }

  #leave(element: string, feature: StreamFeature): void {
    const left = this.#elements.get(element)?.filter((other) => other !== feature) ?? [];
    if (left.length === 0) this.#elements.delete(element);
    else this.#elements.set(element, left);
  }

  /** Who answers an element in this state; failing that, somebody who would in another one. */
  answering(xmlns: string, name: string, state: number): StreamFeature | undefined {
    const answerers = this.#elements.get(qualified(xmlns, name));
    return answerers?.find((feature) => usable(feature, state)) ?? answerers?.[0];
  }

  named(name: string): StreamFeature | undefined {
    return this.#features.find((feature) => feature.name === name);
  }

  /** The children of `<stream:features/>` for a stream in its present state. */
  offers(stream: ClientStream): string {
    let offers = '';
    for (const feature of this.#features) if (usable(feature, stream.state)) offers += feature.offer(stream) ?? '';
    return offers;
  }
}

export function usable(feature: StreamFeature, state: number): boolean {
  return (state & feature.requires) === feature.requires && (state & feature.forbids) === 0;
}

/** No state of a stream allows both. */
function exclusive(one: StreamFeature, other: StreamFeature): boolean {
  return (one.requires & other.forbids) !== 0 || (other.requires & one.forbids) !== 0;
}
