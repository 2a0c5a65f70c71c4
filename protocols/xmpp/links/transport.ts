import type { Frame } from '#src/stanza/frame.ts';
import type { ScannerLimits } from '#src/stanza/xml-faults.ts';
import type { Stanza } from '#src/stanza/stanza.ts';
import type { Shaper } from '#src/net/shaper.ts';
import type { TlsInfo } from '#src/net/connection.ts';
import type { StreamError } from '../stream/errors.ts';

/** What the server says of itself in its stream header (RFC 6120 section 4.7). */
export interface HeaderAttributes {
  readonly from: string;
  readonly to: string | undefined;
  readonly id: string;
  readonly lang: string;
}

/**
 * How a client stream reaches its peer: a TCP or TLS connection (RFC 6120) or a WebSocket (RFC 7395). The stream above writes XML
 * and stanzas; the transport frames them.
 */
export interface StreamTransport {
  /** The field's label for operators: `c2s`, `c2s_tls`, `websocket`. */
  readonly label: string;
  readonly ip: string;
  readonly port: number;
  readonly secured: boolean;
  /** Both ends are loopback addresses. */
  readonly loopback: boolean;
  readonly tls: TlsInfo | undefined;
  /** Clients see the TLS layer and can bind to it: not so in browsers, nor behind the proxies that stand before WebSockets. */
  readonly bindable: boolean;
  /** Bytes written that the peer has not taken yet. */
  readonly buffered: number;
  /** May the plain connection become a TLS one here (STARTTLS)? */
  readonly upgradable: boolean;
  /** The listener leaves TLS to the peer. */
  readonly tlsOptional: boolean;
  writeHeader(attributes: HeaderAttributes): void;
  writeFeatures(offers: string): void;
  /** Any first-level element that is no stanza, serialised. */
  write(xml: string): void;
  writeStanza(stanza: Stanza): void;
  /** Ends the stream: the error if there is one, the closing tag, the connection. */
  close(error?: StreamError): void;
  /** Drops the connection at once. */
  destroy(): void;
  /** Stops reading: nothing more is handed to the stream until `resume`. */
  pause(): void;
  resume(): void;
  /** The next bytes are a new stream header (RFC 6120 sections 5.4.3.3 and 6.4.6). */
  restart(): void;
  /** Sends the `<proceed/>` and upgrades to TLS, with the host's certificate where the peer asks for no name; what the peer sent behind `<starttls/>` is discarded (section 5.3.1.4). */
  startTls(proceed: string, host: string): void;
  /** Limits change when the peer has authenticated. */
  limit(limits: ScannerLimits, shaper: Shaper | undefined): void;
}

/** What a transport tells the stream above. */
export interface TransportHandler {
  onHeader(header: PeerHeader): void;
  onFrame(frame: Frame): void;
  onSecured(): void;
  onEnd(): void;
  onClosed(error?: Error): void;
  onFault(error: StreamError): void;
}

/** The peer's stream header. */
export interface PeerHeader {
  readonly to: string | undefined;
  readonly from: string | undefined;
  readonly version: string | undefined;
  readonly lang: string | undefined;
  /** What is wrong with its name or namespaces, if anything. */
  readonly problem: StreamError | undefined;
}
