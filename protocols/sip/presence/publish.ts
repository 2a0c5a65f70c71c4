import { createHash } from 'node:crypto';
import type { Jid } from '#src/address/jid.ts';
import type { Store } from '#src/store/store.ts';
import type { PresenceEdge } from '../edge.ts';
import { type FieldList, SipResponse } from '../message/message.ts';
import type { MethodHandler, Received } from '../received.ts';
import { EVENT_PACKAGES, packageOf, PIDF } from './packages.ts';
import type { Publications } from './publications.ts';
import { grantedExpires, type PresenceOptions } from './settings.ts';

export interface PublishParts {
  readonly publications: Publications;
  readonly store: Store;
  edge(): PresenceEdge | undefined;
  options(host: string): PresenceOptions;
}

type Answer = { readonly status: number; readonly reason?: string; readonly fields?: FieldList };

/** PUBLISH: a phone tells what its presence is (RFC 3903 section 6). */
export class PublishHandler implements MethodHandler {
  readonly #parts: PublishParts;
  /** Plain numbers: read by the metrics. */
  readonly counters = { accepted: 0, refused: 0 };

  constructor(parts: PublishParts) {
    this.#parts = parts;
  }

  handle(received: Received): void {
    const answer = this.#publish(received);
    if (answer.status !== 200) return this.#respond(received, answer);
    const durable = this.#parts.store.barrier();
    if (durable === undefined) return this.#respond(received, answer);
    durable.then(
      () => this.#respond(received, answer),
      () => this.#respond(received, { status: 500, reason: 'Not Stored' }),
    );
  }

  #respond(received: Received, { fields = [], reason, status }: Answer): void {
    this.counters[status === 200 ? 'accepted' : 'refused'] += 1;
    received.respond(SipResponse.to(received.request, status, { ...(reason === undefined ? {} : { reason }), fields }));
  }

  /** Steps 1 to 5. */
  #publish(received: Received): Answer {
    const { request, sender, to } = received;
    if (to.kind === 'host') return { status: 404 };
    // 2. "If not, the ESC MUST return a 489 (Bad Event) response"
    if (packageOf(request)?.name !== 'presence' || this.#parts.edge() === undefined) {
      return { status: 489, fields: [['Allow-Events', EVENT_PACKAGES.join(', ')]] };
    }
    if (sender.kind !== 'local' || sender.account.bare !== to.jid.bare) return { status: 403 };
    const options = this.#parts.options(to.jid.domain);
    const expires = grantedExpires(request.expires, options);
    // 4. "423 (Interval Too Brief)"
    if (expires === 'brief') return { status: 423, fields: [['Min-Expires', String(options.minExpires)]] };
    const tags = request.list('SIP-If-Match');
    // 3. "If the request contains multiple SIP-If-Match header fields … 400"
    if (tags.length > 1) return { status: 400, reason: 'Several Entity-Tags' };
    const [tag] = tags;
    return tag === undefined
      ? this.#initial(received, to.jid, expires, options)
      : this.#next(received, to.jid, tag, expires);
  }

  #initial({ flow, request, sender }: Received, account: Jid, expires: number, options: PresenceOptions): Answer {
    const { publications } = this.#parts;
    const registered = sender.kind === 'local' ? sender.device : undefined;
    // A device that is not registered is known again by where it publishes from.
    const device = registered ?? account.withResource(`sip-pub-${digest(request.from?.uri ?? '', flow.remoteAddress)}`);
    if (device === undefined) return { status: 500 };
    const read = this.#document(request.body, request.contentType?.type, device);
    if (typeof read === 'object' && 'status' in read) return read;
    if (publications.count(account) >= options.maxPublications) return { status: 403, reason: 'Too Many Publications' };
    // One that expires at once has been seen by nobody.
    const tag = expires === 0 ? digest('expired', String(request.callId)) : publications.publish(device, read, expires);
    return published(tag, expires);
  }

  /** Refreshing, modifying, removing: sections 4.3 to 4.5. */
  #next({ request }: Received, account: Jid, tag: string, expires: number): Answer {
    const { publications } = this.#parts;
    const device = publications.device(account, tag);
    // "If no match is found, the ESC MUST reject the publication with a response of 412 (Conditional Request Failed)"
    if (device === undefined) return { status: 412, reason: 'Conditional Request Failed' };
    if (expires === 0) {
      publications.remove(account, tag);
      return published(tag, 0);
    }
    const empty = request.body.length === 0;
    const read = empty ? undefined : this.#document(request.body, request.contentType?.type, device);
    if (typeof read === 'object' && 'status' in read) return read;
    const next = publications.renew(account, tag, read, expires);
    return next === undefined ? { status: 412 } : published(next, expires);
  }

  /** 5. "If the content type is not supported … 415", "a PUBLISH … without a body … 400". */
  #document(body: Buffer, type: string | undefined, device: Jid): Buffer | Answer {
    if (body.length === 0) return { status: 400, reason: 'No Document' };
    if (type !== PIDF) return { status: 415, fields: [['Accept', PIDF]] };
    return this.#parts.edge()?.read(body, device) === undefined
      ? { status: 400, reason: 'Not A Presence Document' }
      : body;
  }
}

function published(tag: string, expires: number): Answer {
  return {
    status: 200,
    fields: [
      ['SIP-ETag', tag],
      ['Expires', String(expires)],
    ],
  };
}

const digest = (...words: readonly string[]): string =>
  createHash('sha256').update(words.join('\0')).digest('hex').slice(0, 8);
