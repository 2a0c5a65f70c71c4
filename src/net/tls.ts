import { createSecureContext, type SecureContext, type TLSSocketOptions } from 'node:tls';
import type { X509Certificate } from 'node:crypto';
import { type Certificate, covers } from './certificates.ts';

export interface TlsOptions {
  readonly minVersion: '1.2' | '1.3';
  /** OpenSSL cipher list, TLS 1.3 suites included. */
  readonly ciphers: string;
  /** Key exchange groups by preference, or `auto`. */
  readonly curves: string;
  readonly clientCertificates: 'off' | 'request' | 'require';
  /** PEM of the authorities that sign client certificates. */
  readonly clientAuthorities: readonly string[];
}

interface Entry {
  readonly certificate: Certificate;
  readonly context: SecureContext;
}

/** Which protocols a listener speaks (RFC 7301); an empty list takes what comes. */
export type Alpn = readonly string[];

/**
 * The server's certificates and what is made of them. A name that the peer asks for (RFC 6066 section 3) chooses the certificate
 * that covers it, exactly before by wildcard; no match gets the first. `load` replaces all: new handshakes use the new ones, old
 * connections live on.
 */
export class TlsService {
  readonly #options: TlsOptions;
  #entries: readonly Entry[] = [];
  /** By name asked for; bounded, since strangers choose the names. */
  readonly #chosen = new Map<string, Entry>();
  /** Plain numbers since the start. */
  readonly counters = { loads: 0, unknownNames: 0 };

  constructor(options: TlsOptions) {
    this.#options = options;
  }

  /** @throws Error when one of them cannot be used: then the old ones stay */
  load(certificates: readonly Certificate[]): void {
    this.#entries = certificates.map((certificate) => ({ certificate, context: this.#context(certificate) }));
    this.#chosen.clear();
    this.counters.loads += 1;
  }

  get certificates(): readonly Certificate[] {
    return this.#entries.map(({ certificate }) => certificate);
  }

  /** The server's own certificate of a connection that asked for this name. */
  certificateFor(name: string): X509Certificate | undefined {
    return this.#choose(name)?.certificate.leaf;
  }

  /** For the server side of a handshake. */
  options(alpn: Alpn): TLSSocketOptions {
    const first = this.#entries[0];
    if (first === undefined) throw new Error('there is no certificate');
    const { clientCertificates } = this.#options;
    return {
      secureContext: first.context,
      SNICallback: (name, done) => done(null, this.#choose(name)?.context ?? first.context),
      requestCert: clientCertificates !== 'off',
      rejectUnauthorized: clientCertificates === 'require',
      ...(alpn.length === 0 ? {} : { ALPNCallback: ({ protocols }) => protocols.find((protocol) => alpn.includes(protocol)) }),
    };
  }

  #choose(name: string): Entry | undefined {
    const asked = name.toLowerCase();
    const known = this.#chosen.get(asked);
    if (known !== undefined) return known;
    const entry =
      this.#entries.find(({ certificate }) => certificate.names.includes(asked)) ??
      this.#entries.find(({ certificate }) => covers(certificate, asked));
    if (entry === undefined) {
      this.counters.unknownNames += 1;
      return this.#entries[0];
    }
    if (this.#chosen.size >= REMEMBERED) this.#chosen.clear();
    this.#chosen.set(asked, entry);
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
      honorCipherOrder: true,
      ...(clientAuthorities.length === 0 ? {} : { ca: [...clientAuthorities] }),
    });
  }
}

const REMEMBERED = 1000;
