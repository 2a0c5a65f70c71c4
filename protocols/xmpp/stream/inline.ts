import type { Element } from 'ltx';
import type { Jid } from '#src/address/jid.ts';
import type { ClientSession } from '../links/client-session.ts';
import type { ClientStream } from '../links/client-stream.ts';
import { BOUND } from './feature.ts';
import type { Sasl2Authenticate, SaslExchange, SaslMechanism } from './sasl-mechanism.ts';

/** An `<authenticate/>` of XEP-0388 whose exchange succeeded. */
export interface Sasl2Request extends Sasl2Authenticate {
  readonly stream: ClientStream;
  /** The account that authenticated; `stream.account` too, but not yet in stage `token`. */
  readonly account: Jid;
  /** The mechanism that succeeded, such as `SCRAM-SHA-256-PLUS`, and its run. */
  readonly mechanism: string;
  readonly exchange: SaslExchange;
}

/** What a feature adds to `<success/>` or to `<bound/>`. */
export interface Inlined {
  readonly xml: string;
  /** What has to be durable before the peer reads this. */
  readonly stored?: Promise<unknown> | undefined;
  /** Called when `<success/>` is written, and the stream features where they follow it: such as to send again what was lost. */
  written?(): void;
}

interface Inline {
  readonly name: string;
  /** The XML that announces it inside `<inline/>` (XEP-0388 section 2.1); undefined when it is not offered on this stream. */
  offer(stream: ClientStream): string | undefined;
}

/** Works before there is a session, and may wait for a write; nothing more is read from the peer meanwhile. */
export interface EarlyInline extends Inline {
  readonly stage: 'token';
  /** Mechanisms of its own, which `offer` announces. */
  readonly mechanisms?: readonly SaslMechanism[];
  apply(request: Sasl2Request): Inlined | undefined | Promise<Inlined | undefined>;
}

/**
 * Gives the stream a session, all in one turn of the event loop. Stage `resume` comes first; when it has given the
 * stream its session, stage `bind` is skipped (XEP-0198, "SASL2 And BIND2 Interaction").
 */
export interface SessionInline extends Inline {
  readonly stage: 'resume' | 'bind';
  apply(request: Sasl2Request): Inlined | undefined;
}

/** A stream feature that a client negotiates inside its authentication. */
export type InlineFeature = EarlyInline | SessionInline;

/** The inline features of a virtual host, in the order in which they are announced. */
export class InlineFeatures {
  #features: readonly InlineFeature[] = [];

  /** @throws Error when one of the same name is there */
  add(feature: InlineFeature): Disposable {
    if (this.#features.some(({ name }) => name === feature.name))
      throw new Error(`inline feature ${feature.name} twice`);
    this.#features = [...this.#features, feature];
    return { [Symbol.dispose]: () => void (this.#features = this.#features.filter((other) => other !== feature)) };
  }

  /** The children of `<inline/>`; '' when there is none. */
  offers(stream: ClientStream): string {
    let offers = '';
    for (const feature of this.#features) offers += feature.offer(stream) ?? '';
    return offers;
  }

  /** Runs the stage that may wait. */
  async early(request: Sasl2Request): Promise<readonly Inlined[]> {
    const results: Inlined[] = [];
    for (const feature of this.#features) {
      if (feature.stage !== 'token') continue;
      const result = await feature.apply(request);
      if (result !== undefined) results.push(result);
    }
    return results;
  }

  /** A mechanism that an inline feature brings. */
  mechanism(name: string): SaslMechanism | undefined {
    for (const feature of this.#features) {
      const mechanisms = feature.stage === 'token' ? (feature.mechanisms ?? []) : [];
      for (const mechanism of mechanisms) if (mechanism.name === name) return mechanism;
    }
    return undefined;
  }

  /** Runs the stages that give the stream a session. */
  establish(request: Sasl2Request): { readonly results: readonly Inlined[]; readonly resumed: boolean } {
    const results = this.#run('resume', request);
    if (request.stream.has(BOUND)) return { results, resumed: true };
    return { results: [...results, ...this.#run('bind', request)], resumed: false };
  }

  #run(stage: 'resume' | 'bind', request: Sasl2Request): readonly Inlined[] {
    return this.#features.flatMap((feature) => (feature.stage === stage ? (feature.apply(request) ?? []) : []));
  }
}

/** What a client can switch on while it binds with Bind 2 (XEP-0386): carbons, stream management, client state. */
export interface BindFeature {
  /** The `var` under which it is announced. */
  readonly feature: string;
  /**
   * Looks for its own element in the client's `<bind/>`; the session is bound, and `<success/>` not yet written.
   * @returns what it adds to `<bound/>`
   */
  apply(session: ClientSession, bind: Element): Inlined | undefined;
}

/** The features of a virtual host that Bind 2 can switch on. */
export class BindFeatures {
  #features: readonly BindFeature[] = [];

  /** @throws Error when one of the same name is there */
  add(feature: BindFeature): Disposable {
    if (this.#features.some((other) => other.feature === feature.feature)) throw new Error(`${feature.feature} twice`);
    this.#features = [...this.#features, feature];
    return { [Symbol.dispose]: () => void (this.#features = this.#features.filter((other) => other !== feature)) };
  }

  /** The values of `var`. */
  get names(): readonly string[] {
    return this.#features.map(({ feature }) => feature);
  }

  apply(session: ClientSession, bind: Element): readonly Inlined[] {
    return this.#features.flatMap((feature) => feature.apply(session, bind) ?? []);
  }
}
