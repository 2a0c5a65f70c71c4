import { TraceIds, type Hop, TraceRing } from '#src/observe/trace.ts';
import type { Reception, Submission } from '#src/router/events.ts';
import type { Host } from '#src/router/host.ts';
import type { Router } from '#src/router/router.ts';
import './offline.ts';
import type { Session } from '#src/session/session.ts';
import type { Stanza } from '#src/stanza/stanza.ts';

declare module '#src/plugin/contracts.ts' {
  interface Services {
    readonly tracing: Tracing;
  }
}

/** Hops kept, over all traces. */
const HOPS = 10_000;
/** Messages on their way whose trace is remembered. */
const MESSAGES = 2000;
const TRACES = 20;

/** An operator's wish to see where the messages of somebody go. */
export interface Trace {
  readonly id: string;
  /** An address, a device's name, or a conversation. */
  readonly who: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/**
 * Follows messages through the server, whatever protocols they come and go by: one id a message. Costs nothing while nobody asks, since
 * only then it listens to the hooks.
 */
export class Tracing {
  readonly #router: Router;
  readonly #ids = new TraceIds();
  readonly #ring = new TraceRing(HOPS);
  readonly #traces = new Map<string, Trace>();
  /** The id of a message on its way, by what stays the same of it. */
  readonly #messages = new Map<string, string>();
  /** The messages of each trace, oldest first. */
  readonly #followed = new Map<string, string[]>();
  #listening: readonly Disposable[] = [];

  constructor(router: Router) {
    this.#router = router;
  }

  get active(): boolean {
    return this.#listening.length > 0;
  }

  /** @param who a bare or full address, a resource, or the thread of a conversation (the Call-ID of a phone) */
  start(who: string, milliseconds: number): Trace {
    const trace = { id: this.#ids.next(), who, until: Date.now() + milliseconds };
    for (const [oldest] of this.#traces) if (this.#traces.size >= TRACES) this.#forget(oldest);
    this.#traces.set(trace.id, trace);
    this.#followed.set(trace.id, []);
    if (this.#listening.length === 0) this.#listening = [...this.#router.hosts].flatMap((host) => this.#listen(host));
    return trace;
  }

  /** The running and the finished ones, oldest first. */
  get traces(): Iterable<Trace> {
    return this.#traces.values();
  }

  /** What was seen so far, message by message; undefined for an unknown trace. */
  hops(id: string): readonly Hop[] | undefined {
    return this.#followed.get(id)?.flatMap((message) => this.#ring.of(message));
  }

  /** A part that has a message says what it does with it. */
  note(stanza: Stanza, part: string, event: string): void {
    if (!this.active) return;
    const message = this.#messages.get(keyOf(stanza));
    if (message !== undefined) this.#ring.add(message, part, event);
  }

  #listen({ hooks }: Host): readonly Disposable[] {
    return [
      hooks.decision('stanza/outbound').add('guard', (submission) => this.#entered(submission)),
      hooks.notice('message/received').add('last', (reception) => this.#arrived(reception)),
      hooks.notice('message/flushed').add('last', ({ session, stanza }) => {
        this.note(stanza, session.protocol, `out of the store: ${placeOf(session)}`);
      }),
    ];
  }

  #entered({ session, stanza }: Submission): undefined {
    if (stanza.kind !== 'message') return;
    const now = Date.now();
    let running = false;
    for (const { id, until, who } of this.#traces.values()) {
      if (until < now) continue;
      running = true;
      if (!isAbout(who, stanza)) continue;
      const message = this.#follow(stanza);
      this.#followed.get(id)?.push(message);
      this.#ring.add(message, session.protocol, `in: ${placeOf(session)} to ${stanza.to?.full ?? 'itself'}`, now);
    }
    if (!running) this.#stop();
  }

  #follow(stanza: Stanza): string {
    const key = keyOf(stanza);
    const message = this.#ids.next();
    this.#messages.delete(key);
    this.#messages.set(key, message);
    for (const [oldest] of this.#messages) if (this.#messages.size > MESSAGES) this.#messages.delete(oldest);
    return message;
  }

  #arrived({ bare, stanza, to }: Reception): void {
    if (to.length === 0) this.note(stanza, 'store', `kept for ${bare}`);
    for (const session of to) this.note(stanza, session.protocol, `out: ${placeOf(session)}`);
  }

  #forget(id: string): void {
    this.#traces.delete(id);
    this.#followed.delete(id);
  }

  #stop(): void {
    for (const one of this.#listening) one[Symbol.dispose]();
    this.#listening = [];
    this.#messages.clear();
  }
}

/** Addresses may change on the way, and children be added. */
function keyOf({ from, id, kind }: Stanza): string {
  return `${kind} ${from?.full ?? ''} ${id ?? ''}`;
}

function isAbout(who: string, stanza: Stanza): boolean {
  for (const jid of [stanza.from, stanza.to]) {
    if (jid !== undefined && (jid.bare === who || jid.full === who || jid.resource === who)) return true;
  }
  return stanza.id === who || stanza.child('thread')?.getText() === who;
}

const placeOf = ({ jid, origin }: Session): string => `${origin.connection} ${jid.full}`;
