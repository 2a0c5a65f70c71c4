import { Buffer } from 'node:buffer';
import { Jid } from '#src/address/jid.ts';
import type { KeptCopy } from '#src/session/copies.ts';
import { Session, type Origin } from '#src/session/session.ts';
import { refuse, type Refusal } from '#src/stanza/conditions.ts';
import type { Frame } from '#src/stanza/frame.ts';
import { parseFrame } from '#src/stanza/parse.ts';
import { escapeText, writeElement } from '#src/stanza/serialise.ts';
import { Stanza, type StanzaKind } from '#src/stanza/stanza.ts';
import { NS } from '../stream/namespaces.ts';
import type { StreamCondition } from '../stream/errors.ts';
import type { Management } from '../stream/management.ts';
import type { XmppHost } from '../server.ts';
import type { ClientStream } from './client-stream.ts';
import { holds } from '../stream/management-copies.ts';

/** Holds stanzas back while the client is inactive (XEP-0352). */
export interface Holding {
  /** True when the stanza is kept for later, or not worth sending at all. */
  keeps(stanza: Stanza): boolean;
  /** Sends what is held back, in order. */
  release(): void;
}

/** An account's session over an XMPP stream. Between two streams (XEP-0198 resumption) it lives on without one. */
export class ClientSession extends Session {
  readonly host: XmppHost;
  stream: ClientStream | undefined = undefined;
  /** Set once the client has enabled stream management (XEP-0198). */
  management: Management | undefined = undefined;
  /** Set while the client is inactive (XEP-0352). */
  holding: Holding | undefined = undefined;
  /** The `id` of the client's user agent (XEP-0388), where it gave one: tells a device that comes back from another one. */
  agent: string | undefined = undefined;
  #origin: Origin;
  #ended = false;

  constructor(jid: Jid, host: XmppHost, origin: Origin, since: number) {
    super(jid, 'xmpp', since);
    this.host = host;
    this.#origin = origin;
  }

  get origin(): Origin {
    return this.#origin;
  }

  /** The session continues on another stream. */
  moved(stream: ClientStream): void {
    const { label, ip, port } = stream.transport;
    this.#origin = { connection: label, ip, port };
    stream.carry(this);
  }

  override keptCopy(message: Stanza, direct: boolean): KeptCopy | 'none' | 'handed over' {
    if (this.management === undefined) return 'handed over';
    const { last } = this.management.queue;
    return last !== undefined && holds(last, message, direct) ? last : 'none';
  }

  deliver(stanza: Stanza): boolean {
    if (this.#ended) return false;
    if (this.holding?.keeps(stanza) === true) return true;
    return this.put(stanza);
  }

  /** Behind all filters: numbers the stanza and writes it. */
  put(stanza: Stanza): boolean {
    const { management, stream } = this;
    if (this.#ended) return false;
    if (management !== undefined) return management.send(stanza);
    if (stream === undefined || stream.ended) return false;
    stream.transport.writeStanza(stanza);
    return true;
  }

  override get kept(): boolean {
    return this.management?.terms.kept ?? false;
  }

  override get crowded(): boolean {
    return this.management?.crowded ?? false;
  }

  /** The client is active, as it is at the beginning of every stream, resumed ones included (XEP-0352 section 5). */
  reactivate(): void {
    const { holding } = this;
    this.holding = undefined;
    holding?.release();
  }

  /** A stanza from the peer (RFC 6120 section 8). */
  receive(frame: Frame): void {
    const kind = frame.name;
    if (kind !== 'message' && kind !== 'presence' && kind !== 'iq') {
      return this.#streamError('unsupported-stanza-type');
    }
    const claimed = frame.attributes.get('from');
    if (claimed !== undefined && !this.#isOwn(claimed)) return this.#streamError('invalid-from');
    this.#accept(frame, kind);
    this.management?.handled(kind);
  }

  #accept(frame: Frame, kind: StanzaKind): void {
    const { attributes, declarations } = frame;
    // A prefixed stanza leaves its content in another default namespace; ours has it in `jabber:client`.
    const content = frame.defaultXmlns === NS.client ? frame.content : rewrite(frame);
    const text = attributes.get('to');
    const to = text === undefined ? undefined : Jid.parse(text);
    const id = attributes.get('id');
    const type = attributes.get('type');
    const lang = attributes.get('xml:lang') ?? this.stream?.lang;
    const stanza = new Stanza(kind, to, this.jid, id, type, lang, content, declarations);
    if (text !== undefined && to === undefined) return this.#bounce(stanza, refuse('jid-malformed'));
    if (kind === 'message') return this.#message(stanza);
    if (kind === 'iq') return this.#iq(stanza);
    this.host.presence.send(this, stanza);
  }

  /** RFC 6120 section 10.3.1: a message without `to` is for the sender's own account. */
  #message(stanza: Stanza): void {
    const addressed = stanza.to === undefined ? stanza.addressed(this.jid.asBare(), this.jid) : stanza;
    this.host.router.submit(this.host.host, this, addressed);
  }

  #iq(stanza: Stanza): void {
    const { id, type } = stanza;
    // RFC 6120 section 8.2.3: `id` is required, the type is one of four, a request has exactly one child.
    const known = type === 'get' || type === 'set' || type === 'result' || type === 'error';
    if (id === undefined || !known) return this.#bounce(stanza, refuse('bad-request'));
    if (stanza.isRequest && stanza.content.length === 0) return this.#bounce(stanza, refuse('bad-request'));
    // Section 10.3.3: without `to`, the server answers on behalf of the account.
    const addressed = stanza.to === undefined ? stanza.addressed(this.jid.asBare(), this.jid) : stanza;
    this.host.router.submit(this.host.host, this, addressed);
  }

  /** Answers a stanza that goes no further; never an error with an error (RFC 6120 section 8.3.1). */
  #bounce(stanza: Stanza, refusal: Refusal): void {
    if (stanza.type === 'error' || (stanza.kind === 'iq' && stanza.type === 'result')) return;
    this.deliver(stanza.error(refusal));
  }

  /** RFC 6120 section 8.1.2.1: a client's `from` is its own full or bare JID. */
  #isOwn(claimed: string): boolean {
    if (claimed === this.jid.full || claimed === this.jid.bare) return true;
    const jid = Jid.parse(claimed);
    return jid !== undefined && (jid.equals(this.jid) || (jid.isBare && jid.bare === this.jid.bare));
  }

  #streamError(condition: StreamCondition): void {
    this.stream?.fail(condition);
  }

  /** The stream was closed on purpose. */
  streamEnded(stream: ClientStream): void {
    if (this.stream === stream) this.finish();
  }

  /** The connection was lost: with stream management the session awaits its next stream. */
  streamLost(stream: ClientStream): void {
    if (this.stream !== stream) return;
    this.stream = undefined;
    if (this.management?.detached() !== true) this.finish();
  }

  /** Leaves the registry; the account sees this device go. */
  finish(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.stream = undefined;
    this.host.sessionEnded(this);
    this.management?.ended();
  }

  close(refusal?: Refusal): void {
    const { stream } = this;
    const told = refusal?.condition;
    const condition = told === 'conflict' || told === 'not-authorized' ? told : 'policy-violation';
    if (stream === undefined) return this.finish();
    if (refusal === undefined) stream.end();
    else stream.fail(condition, refusal.text);
    this.finish();
  }
}

/** The content of a prefixed stanza, written anew for the namespace of our streams. */
function rewrite(frame: Frame): Buffer {
  const children = parseFrame(frame).children.map((child) =>
    typeof child === 'string' ? escapeText(child) : writeElement(child, NS.client),
  );
  return Buffer.from(children.join(''));
}
