import type { Element } from 'ltx';
import type { Jid } from '#src/address/jid.ts';
import { refuse, type Refusal } from '#src/stanza/conditions.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import type { Store } from '#src/store/store.ts';

/** Who answers: the host itself (`to` its domain), or the host on behalf of an account (`to` a bare JID). */
export type IqScope = 'host' | 'account';

export interface IqRequest {
  readonly stanza: Stanza;
  readonly payload: Element;
  readonly from: Jid;
  readonly to: Jid;
  /** The requester is the account that is asked. Always false at host scope. */
  readonly own: boolean;
}

/** A reply (normally `request.stanza.result(…)`), a refusal, or undefined when the handler answers by other means. */
export type IqAnswer = Stanza | Written | Refusal | undefined;
export type IqHandler = (request: IqRequest) => IqAnswer | Promise<IqAnswer>;

/** A reply that says that a write is done: its requester has it no sooner than the write is durable. */
export class Written {
  readonly reply: Stanza;
  readonly durable: Promise<void>;

  constructor(reply: Stanza, durable: Promise<void>) {
    this.reply = reply;
    this.durable = durable;
  }
}

/** The reply to a request whose writes are in the store's open group, or were made before. */
export function written(store: Store, reply: Stanza): Stanza | Written {
  const durable = store.barrier();
  return durable === undefined ? reply : new Written(reply, durable);
}

/** The iq requests that a host answers, by scope, type and qualified name of the payload. */
export class IqTable {
  readonly #handlers = new Map<string, IqHandler>();

  /** Throws when the place is taken: two modules answering one request is a mistake of the configuration. */
  add(scope: IqScope, type: 'get' | 'set', xmlns: string, name: string, handler: IqHandler): Disposable {
    const key = keyOf(scope, type, xmlns, name);
    if (this.#handlers.has(key)) throw new Error(`two handlers for ${key}`);
    this.#handlers.set(key, handler);
    return { [Symbol.dispose]: () => void this.#handlers.delete(key) };
  }

  /** RFC 6120 section 8.2.3: exactly one child; section 8.4: an unknown namespace gets service-unavailable. */
  answer(scope: IqScope, stanza: Stanza): IqAnswer | Promise<IqAnswer> {
    const { from, to, payload } = stanza;
    if (from === undefined || to === undefined) return undefined;
    if (payload === undefined || stanza.element.getChildElements().length !== 1) return refuse('bad-request');
    const type = stanza.type === 'set' ? 'set' : 'get';
    const handler = this.#handlers.get(keyOf(scope, type, payload.getNS() ?? '', payload.getName()));
    if (handler === undefined) return refuse('service-unavailable');
    return handler({ stanza, payload, from, to, own: scope === 'account' && from.bare === to.bare });
  }
}

function keyOf(scope: IqScope, type: string, xmlns: string, name: string): string {
  return `${scope} ${type} {${xmlns}}${name}`;
}
