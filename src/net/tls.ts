import { constants, randomBytes, type X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type TLSSocketOptions } from 'node:tls';
import { asciiHost, type Certificate, covers, quality } from './certificates.ts';

export interface TlsOptions {
  readonly minVersion: '1.2' | '1.3';
  /** OpenSSL cipher list, TLS 1.3 suites included. */
  readonly ciphers: string;
  /** Key exchange groups by preference, or `auto`. */
  readonly curves: string;
  readonly clientCertificates: 'off' | 'request' | 'require';
  /** PEM of the authorities that sign client certificates. */
  readonly clientAuthorities: readonly string[];
  /** 48 bytes that seal session tickets; workers that share ports share them. Random when absent. */
  readonly ticketKeys?: Buffer;
}

interface Entry {
  readonly certificate: Certificate;
  readonly context: SecureContext;
}

/** Which protocols a listener speaks (RFC 7301); an empty list takes what comes. */
export type Alpn = readonly string[];

/** Strangers choose the names they ask for. */
const REMEMBERED = 1000;
/** RFC 9325 sections 3.3 and 3.5: no compression, no renegotiation. */
const SECURE_OPTIONS =
  constants.SSL_OP_NO_COMPRESSION | constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_CIPHER_SERVER_PREFERENCE;

/**
 * The server's certificates and what is made of them. A name that the peer asks for (RFC 6066 section 3) chooses the certificate
 * that covers it, exactly before by wildcard, and of several the best (`quality`); no match gets the default. `load` replaces all:
 * new handshakes use the new ones, old connections live on.
 *
 * Versions, ciphers and the request for client certificates hold for all names: Node changes only the certificate with the name.
 */
export class TlsService {
  readonly #options: TlsOptions;
  readonly #ticketKeys: Buffer;
  readonly #choice: NonNullable<TLSSocketOptions['SNICallback']>;
  /** The better ones first. */
  #entries: readonly Entry[] = [];
  #fallback: Entry | undefined = undefined;
  /** By name asked for. */
  readonly #chosen = new Map<string, Entry>();
  /** Plain numbers since the start. */
  readonly counters = { loads: 0, unknownNames: 0 };

  constructor(options: TlsOptions) {
    this.#options = options;
    this.#ticketKeys = options.ticketKeys ?? randomBytes(48);
    this.#choice = (name, done) => done(null, this.#choose(name)?.context);
  }

  /**
   * @param certificates the first is the default unless `host` names one
   * @param host whose certificate those get who ask for no name or an unknown one
   * @throws Error when one of them cannot be used: then the old ones stay
   */
  load(certificates: readonly Certificate[], host?: string): void {
    const now = Date.now();
    const entries = certificates.map((certificate) => ({ certificate, context: this.#context(certificate) }));
    this.#entries = entries.toSorted((a, b) => quality(b.certificate, now) - quality(a.certificate, now));
    this.#fallback = (host === undefined ? undefined : find(this.#entries, asciiHost(host))) ?? entries[0];
    this.#chosen.clear();
    this.counters.loads += 1;
  }

  /** Is there a certificate? */
  get ready(): boolean {
    return this.#fallback !== undefined;
  }

  get certificates(): readonly Certificate[] {
    return this.#entries.map(({ certificate }) => certificate);
  }

  /** A handshake without a verified certificate of the peer is to fail. */
  get requiresPeer(): boolean {
    return this.#options.clientCertificates === 'require';
  }

  /** The certificate that a handshake for this name gets. */
  certificateFor(name: string): X509Certificate | undefined {
    return this.#choose(name)?.certificate.leaf;
  }

  /**
   * For the server side of a handshake.
   * @param alpn protocols of which one must match when the peer names any; none refuses nothing
   * @param host the name to go by when the peer sends none
   * @throws Error when there is no certificate: see `ready`
   */
  options(alpn: Alpn, host = ''): TLSSocketOptions {
    const entry = host === '' ? this.#fallback : this.#choose(host);
    if (entry === undefined) throw new Error('there is no certificate');
    return {
      secureContext: entry.context,
      SNICallback: this.#choice,
      requestCert: this.#options.clientCertificates !== 'off',
      // Node leaves the verdict on a peer's certificate to the caller here: see `peerFault`.
      rejectUnauthorized: false,
      ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
    };
  }

  #choose(name: string): Entry | undefined {
    const known = this.#chosen.get(name);
    if (known !== undefined) return known;
    const entry = find(this.#entries, asciiHost(name));
    if (entry === undefined) {
      this.counters.unknownNames += 1;
      return this.#fallback;
    }
    if (this.#chosen.size >= REMEMBERED) this.#chosen.clear();
    this.#chosen.set(name, entry);
    return entry;
  }

  #context({ chain, key }: Certificate): SecureContext {
    const { ciphers, clientAuthorities, curves, minVersion } = this.#options;
    return createSecureContext({
      cert: chain,
      key,
      ciphers,
      minVersion: minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
      ecdhCurve: curves,
      secureOptions: SECURE_OPTIONS,
      // Kept over reloads: a session begun under the old certificate is resumed under the new one.
      ticketKeys: this.#ticketKeys,
      sessionIdContext: 'trivium',
      ...(clientAuthorities.length === 0 ? {} : { ca: [...clientAuthorities] }),
    });
  }
}

/** Exact names before wildcards, better certificates before others. */
function find(entries: readonly Entry[], name: string): Entry | undefined {
  return (
    entries.find(({ certificate }) => certificate.names.includes(name)) ??
    entries.find(({ certificate }) => covers(certificate, name))
  );
}
