import type { Buffer } from 'node:buffer';
import { createHash, type X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/** What the TLS layer of a connection can tell (RFC 5705 exporters, RFC 5929 channel bindings). */
export interface TlsInfo {
  /** `TLSv1.3` and the like. */
  readonly protocol: string;
  readonly cipher: string;
  readonly alpn: string | undefined;
  /** The name the peer asked for (RFC 6066 section 3). */
  readonly serverName: string | undefined;
  readonly peerCertificate: X509Certificate | undefined;
  /** True when the peer's certificate was verified against the configured authorities. */
  readonly peerVerified: boolean;
  /** RFC 5705; `length` in bytes. The context is part of what is exported, an empty one too. */
  exportKeyingMaterial(length: number, label: string, context: Buffer): Buffer;
  /** RFC 5929 section 4.1: the hash of the certificate this handshake used; undefined when its signature names no hash. */
  serverEndPoint(): Buffer | undefined;
  /** RFC 5929 section 3.1: the first Finished message of the handshake; undefined when the TLS library does not tell. */
  firstFinished(): Buffer | undefined;
}

/** Reads the TLS layer when asked: nothing is kept for a connection that nobody asks about. */
export function tlsInfo(socket: TLSSocket): TlsInfo {
  return {
    protocol: socket.getProtocol() ?? '',
    cipher: socket.getCipher().name,
    alpn: typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : undefined,
    serverName: serverNameOf(socket),
    get peerCertificate() {
      return socket.getPeerX509Certificate();
    },
    get peerVerified() {
      return peerFault(socket) === undefined;
    },
    exportKeyingMaterial: (length, label, context) => socket.exportKeyingMaterial(length, label, context),
    serverEndPoint() {
      const certificate = socket.getX509Certificate();
      return certificate === undefined ? undefined : endPointHash(certificate);
    },
    // The client's, or the server's when a session is resumed. TLS 1.3 has them the other way round, but clients go by the rule of before.
    firstFinished: () => (socket.isSessionReused() ? socket.getFinished() : socket.getPeerFinished()),
  };
}

function serverNameOf(socket: TLSSocket): string | undefined {
  const { servername } = socket as TLSSocket & { readonly servername?: string | false | null };
  return typeof servername === 'string' ? servername : undefined;
}

/**
 * Why the peer's certificate does not hold; undefined when it does. `authorized` is set by `tls.Server` only, not on sockets that
 * are upgraded one by one, where OpenSSL's verdict has to be asked for. A runtime that cannot tell it counts as a refusal.
 */
export function peerFault(socket: TLSSocket): string | undefined {
  if (socket.getPeerX509Certificate() === undefined) return 'the peer has no certificate';
  if (socket.authorized) return undefined;
  const { _handle: handle } = socket as unknown as { readonly _handle?: { verifyError?(): Error | null | undefined } };
  if (handle?.verifyError === undefined) return 'the certificate was not verified';
  return handle.verifyError()?.message;
}

/** RFC 5929 section 4.1: by the hash of the certificate's signature, with MD5 and SHA-1 raised to SHA-256. */
function endPointHash(certificate: X509Certificate): Buffer | undefined {
  const algorithm = (certificate.signatureAlgorithm ?? '').toLowerCase();
  const hash = ['sha512', 'sha384', 'sha256', 'sha224'].find((name) => algorithm.includes(name));
  if (hash !== undefined) return createHash(hash).update(certificate.raw).digest();
  return algorithm.includes('sha1') || algorithm.includes('md5')
    ? createHash('sha256').update(certificate.raw).digest()
    : undefined;
}
