import { Buffer } from 'node:buffer';
import type { TlsInfo } from '#src/net/connection.ts';
import type { ClientStream } from '../links/client-stream.ts';

/** Channel binding types, strongest first (RFC 9266 section 4.2 wants `tls-exporter` for TLS 1.3). */
export const bindingTypes = ['tls-exporter', 'tls-server-end-point'] as const;
export type BindingType = (typeof bindingTypes)[number];
/**
 * RFC 5802 section 6.1: what clients take that know no other. It is not announced, and taken in TLS 1.3 too, for which RFC 9266 section
 * 3 leaves it undefined: clients of that age do not look at the version, and fail the same with every mechanism otherwise. There the
 * message is a keyed hash of the whole handshake, so that nobody in the middle has the same with both sides.
 */
const UNIQUE = 'tls-unique';

/** What a connection's TLS gives to bind authentication to. */
export interface ChannelBindings {
  /** Those to announce, strongest first; none without TLS. */
  readonly types: readonly BindingType[];
  /** The channel binding data of a type; undefined when the connection does not give it. */
  data(type: string): Buffer | undefined;
}

const NONE: ChannelBindings = { types: [], data: () => undefined };

/** Computed once per stream and TLS layer. */
export function channelBindings(stream: ClientStream): ChannelBindings {
  if (!stream.transport.secured || !stream.transport.bindable) return NONE;
  stream.bindings ??= fromTls(stream.transport.tls);
  return stream.bindings;
}

function fromTls(tls: TlsInfo | undefined): ChannelBindings {
  if (tls === undefined) return NONE;
  const found = new Map<string, Buffer>();
  // RFC 9266 section 3: before TLS 1.3 the exporter is unique only with the extended master secret, which cannot be seen here.
  if (tls.protocol === 'TLSv1.3') found.set('tls-exporter', exporter(tls));
  const endPoint = tls.serverEndPoint();
  if (endPoint !== undefined) found.set('tls-server-end-point', endPoint);
  return {
    types: bindingTypes.filter((type) => found.has(type)),
    data: (type) => (type === UNIQUE ? tls.firstFinished() : found.get(type)),
  };
}

/** RFC 9266 section 2: 32 bytes under this label with a context of no length. */
function exporter(tls: TlsInfo): Buffer {
  return tls.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
}
