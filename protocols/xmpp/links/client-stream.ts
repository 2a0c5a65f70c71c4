import { randomBytes } from 'node:crypto';
import { Jid } from '#src/address/jid.ts';
import type { Timed } from '#src/net/timers.ts';
import type { Frame } from '#src/stanza/frame.ts';
import type { ChannelBindings } from '../stream/channel-binding.ts';
import type { StreamCondition, StreamError } from '../stream/errors.ts';
import { AUTHENTICATED, BOUND, SECURED, usable } from '../stream/feature.ts';
import { NS } from '../stream/namespaces.ts';
import type { XmppHost, XmppServer } from '../server.ts';
import type { ClientSession } from './client-session.ts';
import type { PeerHeader, StreamTransport, TransportHandler } from './transport.ts';

/**
 * One client's stream (RFC 6120 section 4): from the first header through negotiation to the binding of a session, and then the
 * place where its stanzas come in. The transport below frames bytes; the features beside it answer what is no stanza.
 */
export class ClientStream implements TransportHandler, Timed {
  readonly server: XmppServer;
  readonly transport: StreamTransport;
  /** Known once the first header named it. */
  host: XmppHost | undefined = undefined;
  /** What is negotiated: SECURED, AUTHENTICATED, BOUND. */
  state: number;
  /** Unguessable, and never used twice (section 4.7.3). */
  id = '';
  /** The `xml:lang` of the peer's header; the default of its stanzas (section 4.7.4). */
  lang: string | undefined = undefined;
  /** The `from` of the peer's header: whom it wants to be (section 4.7.1). Undefined once it has authenticated. */
  from: string | undefined = undefined;
  /** What its TLS gives to bind authentication to; computed when it is asked for. */
  bindings: ChannelBindings | undefined = undefined;
  /** The authenticated account, a bare JID. */
  account: Jid | undefined = undefined;
  session: ClientSession | undefined = undefined;
  /** What a feature keeps between two of its steps, such as a SASL exchange. */
  exchange: unknown = undefined;
  /** Failed authentication attempts on this connection. */
  failures = 0;
  /** The server's own coarse clock, milliseconds, at the last bytes received. */
  lastReceived: number;
  #ended = false;

  constructor(server: XmppServer, transport: StreamTransport) {
    this.server = server;
    this.transport = transport;
    this.state = transport.secured ? SECURED : 0;
    this.lastReceived = server.timers.now;
    server.opened(this);
    server.timers.add(this, server.options.authTimeout);
  }

  has(bits: number): boolean {
    return (this.state & bits) === bits;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** RFC 7590: TLS before credentials, unless the listener makes it optional or both ends are this machine. */
  get secureEnough(): boolean {
    const { loopback, secured, tlsOptional } = this.transport;
    return secured || tlsOptional || (loopback && !this.server.options.tlsOnLoopback);
  }

  onHeader(header: PeerHeader): void {
    const name = header.to;
    const host = name === undefined ? this.server.defaultHost : this.server.host(name);
    // Section 4.9.1.2: an error about the header itself comes after a response header, from the host that was asked for.
    const refuse = (condition: StreamCondition, text?: string): void => {
      this.#respond(header, host?.host.domain ?? this.server.defaultHost.host.domain);
      this.fail(condition, text);
    };
    if (header.problem !== undefined) return refuse(header.problem.condition, header.problem.text);
    if (host === undefined) return refuse('host-unknown');
    if (!supported(header.version)) return refuse('unsupported-version');
    if (this.host !== undefined && this.host !== host) {
      return refuse('host-unknown', 'a stream does not change its host when it restarts');
    }
    if (isForeign(header.from, host.host.domain)) return refuse('invalid-from');
    this.host = host;
    this.from = this.has(AUTHENTICATED) ? undefined : header.from;
    this.lang = header.lang;
    this.#respond(header, host.host.domain);
    this.sendFeatures();
  }

  #respond(header: PeerHeader, from: string): void {
    this.id = randomBytes(16).toString('hex');
    this.transport.writeHeader({ from, to: header.from, id: this.id, lang: 'en' });
  }

  sendFeatures(): void {
    this.transport.writeFeatures(this.host?.features.offers(this) ?? '');
  }

  /** The hot path begins here: a whole first-level element. */
  onFrame(frame: Frame): void {
    if (this.#ended) return;
    this.lastReceived = this.server.timers.now;
    if (frame.xmlns === NS.client && this.session !== undefined) return this.session.receive(frame);
    const feature = this.host?.features.answering(frame.xmlns, frame.name, this.state);
    if (feature?.handle !== undefined && usable(feature, this.state)) return feature.handle(this, frame);
    this.#unexpected(frame, feature !== undefined);
  }

  /** An element that nobody answers in this state. */
  #unexpected(frame: Frame, known: boolean): void {
    // Section 4.9.3.12: data before authentication.
    if (!this.has(AUTHENTICATED)) return this.fail('not-authorized');
    if (frame.xmlns === NS.client && !this.has(BOUND)) return this.fail('not-authorized', 'bind a resource first');
    if (known) return this.fail('policy-violation', `${frame.name} is not possible now`);
    this.fail('unsupported-stanza-type', `{${frame.xmlns}}${frame.name}`);
  }

  onSecured(): void {
    this.state |= SECURED;
    // Section 5.4.3.3: what was negotiated in the clear does not count.
    this.exchange = undefined;
  }

  /** The account is who it says it is. The caller then restarts the stream (RFC 6120) or sends features (SASL2). */
  authenticated(account: Jid): void {
    this.account = account;
    this.state |= AUTHENTICATED;
    this.exchange = undefined;
    this.bindings = undefined;
    this.from = undefined;
    this.transport.limit(this.server.options.limitsAfter, this.server.shaperOf(account));
    this.server.counters.authenticated += 1;
  }

  /** The stream carries this session from now on: a new one, or one that was resumed. */
  carry(session: ClientSession): void {
    this.session = session;
    this.state |= BOUND;
    session.stream = this;
    this.server.timers.remove(this);
  }

  /** Nothing more is read until `release`: what a feature awaits has to come first. */
  hold(): void {
    this.transport.pause();
  }

  release(): void {
    if (!this.#ended) this.transport.resume();
  }

  write(xml: string): void {
    if (!this.#ended) this.transport.write(xml);
  }

  /** Ends the stream with an error (section 4.9.1.1: errors are not recoverable). */
  fail(condition: StreamCondition, text?: string, detail?: string): void {
    this.end({ condition, ...(text === undefined ? {} : { text }), ...(detail === undefined ? {} : { detail }) });
  }

  /** Ends the stream, and with it its session: nobody resumes what was closed on purpose (XEP-0198 section 5). */
  end(error?: StreamError): void {
    if (this.#ended) return;
    this.#finish();
    if (error !== undefined) this.server.streamFailed(this, error);
    this.transport.close(error);
    this.session?.streamEnded(this);
  }

  /** Takes the stream away from its session, which another stream resumes. */
  abandon(error: StreamError): void {
    if (this.#ended) return;
    this.#finish();
    this.session = undefined;
    this.transport.close(error);
  }

  onFault(error: StreamError): void {
    // A broken stream is no good-bye: the session may be resumed.
    if (this.#ended) return;
    this.#finish();
    this.server.streamFailed(this, error);
    this.transport.close(error);
    this.session?.streamLost(this);
  }

  /** An exception reached the link: a bug, or a store that takes no more. It costs this stream, and no other. */
  broke(error: unknown): void {
    this.server.failed(error);
    this.onFault({ condition: 'internal-server-error' });
  }

  onEnd(): void {
    this.end();
  }

  onClosed(): void {
    this.server.closed(this);
    if (this.#ended) return;
    this.#finish();
    this.session?.streamLost(this);
  }

  onTimeout(): void {
    this.fail('connection-timeout', 'negotiation took too long');
  }

  #finish(): void {
    this.#ended = true;
    this.exchange = undefined;
    this.server.timers.remove(this);
  }
}

/** Section 4.7.5: a missing version means 0.9, which knows no features; only 1.x is spoken here. */
function supported(version: string | undefined): boolean {
  return version !== undefined && Number.parseInt(version, 10) >= 1;
}

/** Section 4.9.3.9, XEP-0388 section 2.1: a client of this host is nobody of another one. */
function isForeign(from: string | undefined, domain: string): boolean {
  const jid = from === undefined ? undefined : Jid.parse(from);
  return jid !== undefined && jid.local !== '' && jid.domain !== domain;
}
