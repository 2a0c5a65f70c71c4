import type { Buffer } from 'node:buffer';
import type { TlsInfo } from '#src/net/connection.ts';
import type { DecoderLimits } from '../packet/decoder.ts';

/** What carries the packets of one client: a TCP or TLS connection, or a WebSocket. */
export interface Transport {
  /** `mqtt`, `mqtts`, `mqtt_ws`, `mqtt_wss`: as operators see it. */
  readonly label: string;
  readonly listener: string;
  readonly ip: string;
  readonly port: number;
  readonly secured: boolean;
  readonly loopback: boolean;
  readonly tls: TlsInfo | undefined;
  /** Bytes that the peer has not taken yet. */
  readonly buffered: number;
  /** Has bytes written at the end of this turn, with all others that came in it. */
  push(bytes: Buffer): void;
  /** Writes what waits, then closes. */
  end(): void;
  /** Closes at once. */
  destroy(): void;
  /** Reads nothing more until `release`, from within a packet's handler too. */
  hold(): void;
  release(): void;
  /** The peer has logged in: other limits hold. */
  admitted(limits: DecoderLimits): void;
}
